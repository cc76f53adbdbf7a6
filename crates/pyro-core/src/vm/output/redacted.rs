//! A command's output without secrets, on its way to whoever records it.

use crate::redaction::{IDLE, Redaction, Redactor};
use crate::vm::io::ExecIo;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex};

/// Bytes that are under way between a command and its recorder.
const ROOM: usize = 64 * 1024;

/// Run a command whose outputs reach `io` without the values that `redactor` knows. What is held
/// back of them is shown when they are silent, so that a prompt is seen, and when they end.
///
/// # Errors
/// When an output cannot be written; the command's own failure goes before that.
pub async fn without_secrets<T>(
    redactor: &Redactor,
    io: ExecIo<'_>,
    run: impl AsyncFnOnce(ExecIo<'_>) -> T,
) -> (T, io::Result<()>) {
    let ((stdout, from_stdout), (stderr, from_stderr)) = (duplex(ROOM), duplex(ROOM));
    let ExecIo { mut stdin, stdout: to_stdout, stderr: to_stderr, sizes } = io;
    let run = async move {
        // Both outputs end with the command.
        let (mut stdout, mut stderr) = (stdout, stderr);
        let stdin = stdin.as_mut().map(|stdin| &mut **stdin as _);
        run(ExecIo { stdin, stdout: &mut stdout, stderr: &mut stderr, sizes }).await
    };
    let (ran, stdout, stderr) = tokio::join!(
        run,
        hand_on(redactor.stream(), from_stdout, to_stdout),
        hand_on(redactor.stream(), from_stderr, to_stderr)
    );
    (ran, stdout.and(stderr))
}

async fn hand_on(
    mut stream: Redaction,
    mut from: impl AsyncRead + Unpin,
    to: &mut (dyn AsyncWrite + Unpin + Send),
) -> io::Result<()> {
    let (mut bytes, mut shown) = (vec![0; ROOM], Vec::new());
    let mut may_settle = false;
    loop {
        let read = from.read(&mut bytes);
        // Once it has settled there is nothing to wait for but more of it.
        let read = match may_settle {
            true => tokio::time::timeout(IDLE, read).await,
            false => Ok(read.await),
        };
        let (is_over, has_come) = (matches!(read, Ok(Ok(0))), read.is_ok());
        match read {
            Ok(Ok(0)) => stream.finish(&mut shown),
            Ok(len) => stream.push(&bytes[..len?], &mut shown),
            Err(_) => stream.settle(&mut shown),
        }
        may_settle = has_come && stream.holds();
        to.write_all(&shown).await?;
        shown.clear();
        if is_over {
            return to.flush().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::Secret;

    fn redactor() -> Redactor {
        Redactor::new(&[Secret::from("0123456789abcdef")]).unwrap()
    }

    #[tokio::test]
    async fn values_in_pieces_reach_nobody() {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let io = ExecIo { stdin: None, stdout: &mut stdout, stderr: &mut stderr, sizes: None };
        let run = async |io: ExecIo<'_>| {
            for piece in ["a 01234567", "89abcdef b"] {
                io.stdout.write_all(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            io.stderr.write_all(b"0123456789").await.unwrap();
            7
        };
        let (ran, written) = without_secrets(&redactor(), io, run).await;
        assert_eq!((ran, written.is_ok()), (7, true));
        assert_eq!((stdout, stderr), (b"a [REDACTED] b".to_vec(), b"0123456789".to_vec()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_prompt_is_seen_while_its_command_waits() {
        let (mut shown, to) = duplex(100);
        let (mut stdout, mut stderr) = (to, Vec::new());
        let io = ExecIo { stdin: None, stdout: &mut stdout, stderr: &mut stderr, sizes: None };
        let run = async |io: ExecIo<'_>| {
            io.stdout.write_all(b"$ 01").await.unwrap();
            let mut prompt = [0; 4];
            shown.read_exact(&mut prompt).await.unwrap();
            io.stdout.write_all(b"23456789abcdef$").await.unwrap();
            prompt
        };
        let (prompt, written) = without_secrets(&redactor(), io, run).await;
        assert_eq!((&prompt, written.is_ok()), (b"$ 01", true));
        drop(stdout);
        let mut rest = String::new();
        shown.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "[REDACTED]$");
    }
}
