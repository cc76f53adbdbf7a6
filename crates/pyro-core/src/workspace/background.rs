//! What commands have left running in the background of a workspace has printed since they ended.

use super::error::WorkspaceError;
use super::running::Running;
use super::secrets::Secrets;
use crate::config::Config;
use crate::guest::client::{ClientError, FrameReader, send_message};
use crate::id::Id;
use crate::redaction::Redactor;
use crate::store::Store;
use crate::vm::VmError;
use pyro_protocol::FrameKind;
use pyro_protocol::limits::{
    MAX_BACKGROUND_COMMAND_LEN, MAX_BACKGROUND_COMMANDS, MAX_BACKGROUND_TAIL_LEN,
};
use pyro_protocol::message::{Background, FailureKind, Reply, Request};
use serde::Serialize;
use std::time::Duration;

/// How long a guest may take to tell it all; it is in its memory.
const LIMIT: Duration = Duration::from_secs(60);

/// What one command has left in the background has printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackgroundOutput {
    /// The command's number in the history.
    pub sequence: u64,
    /// The command, cut where it is long.
    pub command: String,
    /// Process id of its shell.
    pub pid: u32,
    /// Whether some process still has its stdout or stderr.
    pub running: bool,
    /// Bytes that came in all.
    pub bytes: u64,
    /// Whether the first of them are left out.
    pub truncated: bool,
    /// The last of them as text, stdout and stderr as they came.
    pub output: String,
    /// `utf-8`, or `utf-8-replaced` where invalid bytes were replaced.
    pub encoding: &'static str,
}

/// The background's output of a workspace, oldest command first, at most `limit` bytes of each;
/// nothing where it does not run.
///
/// # Errors
/// [`WorkspaceError::NoSuchWorkspace`]; when its guest is too old or does not answer.
pub async fn background(
    config: &Config,
    id: Id,
    limit: usize,
) -> Result<Vec<BackgroundOutput>, WorkspaceError> {
    let running = match Running::open(config, id).await {
        Err(WorkspaceError::NotStarted { .. }) => return Ok(Vec::new()),
        running => running?,
    };
    let redactor = Secrets::of(config, id)?.redactor()?;
    let asked = async {
        let mut stream = running.connect().await?;
        send_message(&mut stream, &Request::Background).await.map_err(VmError::Guest)?;
        collect(FrameReader::new(stream), limit, redactor.as_ref()).await.map_err(VmError::Guest)
    };
    let told = match tokio::time::timeout(LIMIT, asked).await {
        // Its agent was started by a pyro that did not keep it.
        Ok(Err(VmError::Guest(ClientError::Failed(failure))))
            if failure.kind == FailureKind::InvalidInput =>
        {
            return Err(WorkspaceError::NoBackground { id });
        }
        Ok(told) => told?,
        Err(_) => {
            return Err(VmError::Guest(ClientError::Io(std::io::ErrorKind::TimedOut.into())).into());
        }
    };
    let store = Store::open(&config.data_dir)?;
    let recorded = |sequence: u64| {
        let Some(before) = sequence.checked_sub(1) else { return Ok(None) };
        let found =
            store.commands(id, before, 1)?.pop().filter(|command| command.sequence == sequence);
        Ok::<_, WorkspaceError>(found.map(|command| command.command))
    };
    let mut named = named(told, recorded)?;
    if let Some(redactor) = &redactor {
        for one in &mut named {
            one.command = redactor.text(&one.command);
        }
    }
    Ok(named)
}

/// Each with its command as it was given, as far as the history has it: the guest may have run a
/// very long one by another.
fn named(
    mut told: Vec<BackgroundOutput>,
    recorded: impl Fn(u64) -> Result<Option<String>, WorkspaceError>,
) -> Result<Vec<BackgroundOutput>, WorkspaceError> {
    for one in &mut told {
        if let Some(mut command) = recorded(one.sequence)? {
            let most = MAX_BACKGROUND_COMMAND_LEN.min(command.len());
            let end = (0..=most).rev().find(|end| command.is_char_boundary(*end));
            command.truncate(end.unwrap_or(0));
            one.command = command;
        }
    }
    Ok(told)
}

/// What the agent tells, no more than it keeps.
async fn collect(
    mut frames: FrameReader<impl tokio::io::AsyncRead + Unpin>,
    limit: usize,
    redactor: Option<&Redactor>,
) -> Result<Vec<BackgroundOutput>, ClientError> {
    let mut all = Vec::new();
    loop {
        match frames.message().await? {
            Reply::Background(one) if all.len() < MAX_BACKGROUND_COMMANDS => {
                all.push(BackgroundOutput::of(one, limit, redactor)?)
            }
            Reply::Done => return Ok(all),
            Reply::Failed(failure) => return Err(ClientError::Failed(failure)),
            _ => return Err(ClientError::OutOfPlace(FrameKind::Message)),
        }
    }
}

impl BackgroundOutput {
    /// All that the guest has kept loses its secrets, and is cut then: a cut goes through no value.
    fn of(
        told: Background,
        limit: usize,
        redactor: Option<&Redactor>,
    ) -> Result<Self, ClientError> {
        if told.tail.len() > MAX_BACKGROUND_TAIL_LEN
            || told.command.len() > MAX_BACKGROUND_COMMAND_LEN
        {
            return Err(ClientError::Unasked("more of the background's output than it keeps"));
        }
        let is_cut = told.bytes > told.tail.len() as u64;
        let kept = match redactor {
            Some(redactor) if is_cut => redactor.tail(&told.tail),
            Some(redactor) => redactor.bytes(&told.tail),
            None => told.tail,
        };
        let tail = &kept[kept.len().saturating_sub(limit)..];
        let truncated = is_cut || tail.len() < kept.len();
        // A cut goes through no character.
        let broken = if truncated {
            tail.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count()
        } else {
            0
        };
        let (output, encoding) = match std::str::from_utf8(&tail[broken..]) {
            Ok(text) => (text.to_owned(), "utf-8"),
            Err(_) => (String::from_utf8_lossy(&tail[broken..]).into_owned(), "utf-8-replaced"),
        };
        let Background { sequence, command, pid, running, bytes, .. } = told;
        Ok(Self { sequence, command, pid, running, bytes, truncated, output, encoding })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::Secret;
    use pyro_protocol::frame::encode_message;

    fn told(tail: &[u8], bytes: u64) -> Background {
        Background {
            sequence: 3,
            command: "x &".to_owned(),
            pid: 7,
            running: true,
            bytes,
            tail: tail.to_vec(),
        }
    }

    async fn collected(
        replies: &[Reply],
        limit: usize,
    ) -> Result<Vec<BackgroundOutput>, ClientError> {
        let bytes: Vec<u8> =
            replies.iter().flat_map(|reply| encode_message(reply).unwrap()).collect();
        collect(FrameReader::new(bytes.as_slice()), limit, None).await
    }

    #[tokio::test]
    async fn tails_are_text_that_is_cut_at_a_character() {
        let replies = [Reply::Background(told("aé€x".as_bytes(), 100)), Reply::Done];
        for (limit, expected) in
            [(100, "aé€x"), (6, "é€x"), (5, "€x"), (4, "€x"), (3, "x"), (0, "")]
        {
            let one = collected(&replies, limit).await.unwrap().remove(0);
            assert_eq!(
                (one.output.as_str(), one.truncated, one.encoding),
                (expected, true, "utf-8"),
                "{limit}"
            );
        }
        let replies = [Reply::Background(told(b"\x80\xff", 2)), Reply::Done];
        let one = collected(&replies, 100).await.unwrap().remove(0);
        assert_eq!(
            (one.output.as_str(), one.truncated, one.encoding),
            ("\u{fffd}\u{fffd}", false, "utf-8-replaced")
        );
    }

    #[test]
    fn no_cut_shows_the_rest_of_a_value() {
        let redactor = Redactor::new(&[Secret::from("0123456789abcdef")]).unwrap();
        let output = |tail: &str, bytes, limit| {
            BackgroundOutput::of(told(tail.as_bytes(), bytes), limit, Some(&redactor))
                .unwrap()
                .output
        };
        let tail = "a 0123456789abcdef b";
        assert_eq!(output(tail, 20, 100), "a [REDACTED] b");
        for limit in 0..20 {
            let shown = output(tail, 20, limit);
            assert!("a [REDACTED] b".ends_with(&shown) && shown.len() <= limit, "{limit} {shown}");
        }
        // The guest itself has kept no more.
        assert_eq!(output("456789abcdef b", 100, 100), "[REDACTED] b");
        assert_eq!(output("456789abcdef b", 14, 100), "456789abcdef b");
    }

    #[tokio::test]
    async fn a_command_is_named_as_the_history_has_it() {
        let reading = Background {
            command: "eval \"$(command -p cat /run/pyro-line-1)\"".to_owned(),
            ..told(b"x", 1)
        };
        let replies = [
            Reply::Background(reading),
            Reply::Background(Background { sequence: 4, ..told(b"x", 1) }),
            Reply::Background(Background { sequence: 5, ..told(b"x", 1) }),
            Reply::Done,
        ];
        let told = collected(&replies, 100).await.unwrap();
        let long = format!("{}é and more", "x".repeat(MAX_BACKGROUND_COMMAND_LEN - 1));
        let recorded = |sequence| {
            Ok(match sequence {
                3 => Some(long.clone()),
                4 => Some("sleep 9 &".to_owned()),
                _ => None,
            })
        };
        let commands: Vec<_> =
            named(told, recorded).unwrap().into_iter().map(|one| one.command).collect();
        assert_eq!(commands, [&long[..MAX_BACKGROUND_COMMAND_LEN - 1], "sleep 9 &", "x &"]);
    }

    #[tokio::test]
    async fn a_guest_that_tells_too_much_is_not_believed() {
        let many = vec![Reply::Background(told(b"x", 1)); MAX_BACKGROUND_COMMANDS + 1];
        assert!(matches!(collected(&many, 10).await, Err(ClientError::OutOfPlace(_))));
        let long = [Reply::Background(told(&[b'x'; MAX_BACKGROUND_TAIL_LEN + 1], 1)), Reply::Done];
        assert!(matches!(collected(&long, 10).await, Err(ClientError::Unasked(_))));
        assert!(matches!(collected(&many[..1], 10).await, Err(ClientError::Ended)));
    }
}
