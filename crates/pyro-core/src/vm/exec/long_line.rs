//! A line for the shell that is longer than one argument may be: it is put in a file of the guest,
//! and the shell reads it.

use super::began::Began;
use super::command::{begun, random_exec_id};
use super::line::MAX_ARGUMENT_LEN;
use super::request::ExecRequest;
use crate::guest::client::ClientError;
use crate::guest::patience::Patient;
use crate::guest::{file, tree};
use crate::host::async_thread;
use crate::vm::control::client::SupervisorClient;
use crate::vm::error::VmError;
use crate::vm::io::ExecIo;
use pyro_protocol::GuestPath;
use pyro_protocol::files::Write;
use pyro_protocol::message::{Command, FailureKind};
use pyro_protocol::variable::PRELUDE;
use std::time::Duration;
use tokio::time::Instant;

/// How long the guest may be silent while it takes the line.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the removal of a file that is still there may take in all.
const FORGET_LIMIT: Duration = Duration::from_secs(10);

/// A line and the file of the guest that it is put in. The file is removed in the background when
/// this value is dropped: whoever runs the command may stop at any moment.
pub(super) struct LongLine<'a> {
    vm: SupervisorClient<'a>,
    text: String,
    /// None once it is removed.
    path: Option<GuestPath>,
}

impl<'a> LongLine<'a> {
    /// The line of `request`, if it is too long to be an argument; `request` reads it from its file
    /// then. What the shell runs is the same line: `$0`, stdin, the numbers of its lines and its
    /// status are as ever.
    ///
    /// # Errors
    /// [`VmError::LongCommand`] where commands run on the host.
    pub(super) fn of(
        vm: SupervisorClient<'a>,
        id: u64,
        request: &mut ExecRequest,
    ) -> Result<Option<Self>, VmError> {
        let Command::Shell(line) = &mut request.command else { return Ok(None) };
        let max = argument_room(request.env.is_empty());
        if line.len() <= max {
            return Ok(None);
        }
        if !request.in_guest {
            return Err(VmError::LongCommand { len: line.len(), max });
        }
        let path = format!("/run/pyro-line-{id:016x}");
        let text = std::mem::replace(line, reading(&path));
        let path = GuestPath::parse(path.as_bytes()).unwrap_or_else(|_| GuestPath::root());
        Ok(Some(Self { vm, text, path: Some(path) }))
    }

    /// Put it in its file.
    ///
    /// # Errors
    /// [`VmError::Guest`].
    pub(super) async fn deliver(&self) -> Result<(), VmError> {
        let Some(path) = self.path.clone() else { return Ok(()) };
        // Whoever the command runs as must read it; its arguments could be read by all in the
        // guest, too.
        let write =
            Write { path, mode: Some(0o644), create_parents: true, size: self.text.len() as u64 };
        let stream = Patient::new(self.vm.connect().await?, PATIENCE);
        file::write(stream, write, self.text.as_bytes()).await.map(drop).map_err(VmError::Guest)
    }

    /// Remove its file, where the shell has not: it never began, or its user may not. That the file
    /// cannot be removed is no failure of the command.
    pub(super) async fn forget(mut self) {
        let Some(path) = self.path.clone() else { return };
        remove(self.vm, path).await;
        self.path = None;
    }
}

impl Drop for LongLine<'_> {
    fn drop(&mut self) {
        let Some(path) = self.path.take() else { return };
        let (config, id) = self.vm.parts();
        // The runtime may end with the operation that this was for.
        let removal = async_thread::start(async move || {
            remove(SupervisorClient::new(&config, id), path).await
        });
        if let Err(error) = removal {
            tracing::debug!(%error, "a line stays in its file");
        }
    }
}

async fn remove(vm: SupervisorClient<'_>, path: GuestPath) {
    match tokio::time::timeout(FORGET_LIMIT, removed(vm, path)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "a line stays in its file")
        }
        Err(_) => tracing::debug!("a line stays in its file: the guest does not answer"),
    }
}

async fn removed(vm: SupervisorClient<'_>, path: GuestPath) -> Result<(), VmError> {
    match tree::stat(vm.connect().await?, path.clone(), false).await {
        Err(ClientError::Failed(failure)) if failure.kind == FailureKind::NotFound => return Ok(()),
        found => found.map_err(VmError::Guest)?,
    };
    let name = String::from_utf8_lossy(path.as_bytes()).into_owned();
    let rm = Command::Program(["rm", "-f", "--", &name].map(str::to_owned).to_vec());
    let (mut stdout, mut stderr) = (tokio::io::sink(), tokio::io::sink());
    let io = ExecIo { stdin: None, stdout: &mut stdout, stderr: &mut stderr, sizes: None };
    let request = ExecRequest::new(rm, FORGET_LIMIT);
    let done = begun(vm, random_exec_id()?, Instant::now(), request, io, &Began::default()).await?;
    if done.exit_code != 0 {
        // A guest without that program keeps an empty file.
        let write = Write { path, mode: Some(0o644), create_parents: false, size: 0 };
        file::write(vm.connect().await?, write, tokio::io::empty())
            .await
            .map_err(VmError::Guest)?;
    }
    Ok(())
}

/// Most bytes of a line that is an argument. What sets its variables stands before it.
fn argument_room(is_bare: bool) -> usize {
    if is_bare { MAX_ARGUMENT_LEN } else { MAX_ARGUMENT_LEN - PRELUDE.len() }
}

/// A line that runs what a file holds, and removes the file first.
fn reading(path: &str) -> String {
    format!("eval \"$(command -p cat {path}; command -p rm -f {path} 2>/dev/null)\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::client::{FrameReader, send_data, send_message};
    use crate::vm::exec::met::{Met, failed};
    use pyro_protocol::FrameKind;
    use pyro_protocol::files::Listed;
    use pyro_protocol::message::{Exec, ExitStatus, Exited, Reply, Request};
    use pyro_protocol::tree::{Batch, Kind, Meta};
    use std::os::unix::process::CommandExt;
    use tokio::io::AsyncReadExt;

    fn long(timeout: Duration) -> ExecRequest {
        let line = "x".repeat(MAX_ARGUMENT_LEN + 1);
        ExecRequest { in_guest: true, ..ExecRequest::new(Command::Shell(line), timeout) }
    }

    /// An agent at which the file is gone already.
    async fn looked_for(met: &Met) {
        let (mut stream, request) = met.accept().await;
        assert!(matches!(request, Request::List(_)), "{request:?}");
        send_message(&mut stream, &failed(FailureKind::NotFound)).await.unwrap();
    }

    #[tokio::test]
    async fn a_line_that_is_not_taken_in_time_is_a_command_that_timed_out() {
        let met = Met::new();
        let agent = async {
            let (stream, request) = met.accept().await;
            assert!(matches!(request, Request::Write(_)), "{request:?}");
            looked_for(&met).await;
            drop(stream);
        };
        let (executed, ()) = tokio::join!(met.exec(long(Duration::from_millis(50))), agent);
        let outcome = executed.unwrap();
        assert_eq!(
            (outcome.exit_code, outcome.timed_out, outcome.guest_duration),
            (124, true, None)
        );
    }

    #[tokio::test]
    async fn a_line_that_nobody_takes_any_more_is_removed() {
        let met = Met::new();
        let mut running = Box::pin(met.exec(long(Duration::from_secs(600))));
        let stream = tokio::select! {
            executed = &mut running => panic!("{executed:?}"),
            (stream, _) = met.accept() => stream,
        };
        drop(running);
        let (mut look, request) = met.accept().await;
        let Request::List(list) = request else { panic!("{request:?}") };
        assert!(list.root.as_bytes().starts_with(b"/run/pyro-line-"), "{:?}", list.root);
        send_message(&mut look, &failed(FailureKind::NotFound)).await.unwrap();
        drop(stream);
    }

    #[tokio::test]
    async fn a_line_whose_command_is_not_executed_is_removed_with_a_program() {
        let met = Met::new();
        let agent = async {
            let (mut stream, rest, request) = met.accept_more().await;
            let Request::Write(write) = request else { panic!("{request:?}") };
            let mut frames = FrameReader::new(rest.as_slice().chain(&mut stream));
            while !matches!(frames.next().await.unwrap().unwrap().kind, FrameKind::InputEnd) {}
            let mut batch = Batch::default();
            let meta = Meta { size: write.size, ..Meta::new(Kind::File, 0o644) };
            batch.entry(b"", &meta, b"");
            send_data(&mut stream, FrameKind::Stdout, batch.payload()).await.unwrap();
            send_message(&mut stream, &Reply::Done).await.unwrap();
            let (mut stream, request) = met.accept().await;
            assert!(matches!(request, Request::Exec(_)), "{request:?}");
            send_message(&mut stream, &failed(FailureKind::NotFound)).await.unwrap();
            // It is still there.
            let (mut stream, request) = met.accept().await;
            assert!(matches!(request, Request::List(_)), "{request:?}");
            send_data(&mut stream, FrameKind::Stdout, batch.payload()).await.unwrap();
            let listed = Listed { entries: 1, more: false };
            send_message(&mut stream, &Reply::Listed(listed)).await.unwrap();
            let (mut stream, request) = met.accept().await;
            let Request::Exec(Exec { command: Command::Program(words), user: None, .. }) = request
            else {
                panic!("{request:?}")
            };
            let name = String::from_utf8(write.path.as_bytes().to_vec()).unwrap();
            assert_eq!(words, ["rm", "-f", "--", &name]);
            let exited =
                Exited { status: ExitStatus::Code(0), duration_us: 1, out_of_memory: None };
            send_message(&mut stream, &Reply::Exited(exited)).await.unwrap();
        };
        let (executed, ()) = tokio::join!(met.exec(long(Duration::from_secs(600))), agent);
        assert_eq!(executed.unwrap().exit_code, 127);
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test asks a real shell")]
    fn a_line_from_a_file_is_the_same_line() {
        let home = tempfile::tempdir().unwrap();
        let lines = [
            "printf '%s|' \"$0\" \"$LINENO\"\n\n echo \"$LINENO\"; exit 7",
            "cat <<'END'\n$x `y` \\\nEND",
            "read line; echo \"<$line>\"; return 3 2>/dev/null; exit 4",
            "echo 'ä\t\"quoted\" $(sub)'; set -e; false; echo never",
            "kill -TERM $$",
            "if",
        ];
        for shell in ["/bin/sh", "/bin/bash"] {
            for line in lines {
                let path = home.path().join("line");
                std::fs::write(&path, line).unwrap();
                let run = |line: &str| {
                    let mut command = std::process::Command::new(shell);
                    command
                        .arg0("sh")
                        .args(["-c", line])
                        .stdin(std::fs::File::open("/etc/hostname").unwrap());
                    let output = command.output().unwrap();
                    (output.status, output.stdout)
                };
                let through = run(&reading(path.to_str().unwrap()));
                assert!(!path.exists(), "the file is removed before the line runs");
                assert_eq!(through, run(line), "{shell}: {line}");
            }
        }
    }
}
