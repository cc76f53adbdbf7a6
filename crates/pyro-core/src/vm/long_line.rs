//! A line for the shell that is longer than one argument may be: it is put in a file of the guest, and the shell reads it.

use super::error::VmError;
use super::exec::ExecRequest;
use super::line::MAX_ARGUMENT_LEN;
use super::link::Link;
use crate::guest::client::ClientError;
use crate::guest::patience::Patient;
use crate::guest::{file, tree};
use pyro_protocol::GuestPath;
use pyro_protocol::files::Write;
use pyro_protocol::message::{Command, FailureKind};
use pyro_protocol::variable::PRELUDE;
use std::time::Duration;

/// How long the guest may be silent while it takes the line.
const PATIENCE: Duration = Duration::from_secs(60);

/// A line that was put in a file of the guest.
pub(super) struct LongLine(GuestPath);

/// Put the line of `request` where the shell can read it, if it is too long to be an argument. What the shell runs then is
/// the same line: `$0`, stdin, the numbers of its lines and its status are as ever.
///
/// # Errors
/// [`VmError::LongCommand`] where commands run on the host, [`VmError::Guest`].
pub(super) async fn delivered(vm: Link<'_>, id: u64, request: &mut ExecRequest) -> Result<Option<LongLine>, VmError> {
    let Command::Shell(line) = &request.command else { return Ok(None) };
    let max = argument_room(request.env.is_empty());
    if line.len() <= max {
        return Ok(None);
    }
    if !request.in_guest {
        return Err(VmError::LongCommand { len: line.len(), max });
    }
    let text = format!("/run/pyro-line-{id:016x}");
    let path = GuestPath::parse(text.as_bytes()).unwrap_or_else(|_| GuestPath::root());
    let stream = Patient::new(vm.connect().await?, PATIENCE);
    // Whoever the command runs as must read it; its arguments could be read by all in the guest, too.
    let write = Write { path: path.clone(), mode: Some(0o644), create_parents: true, size: line.len() as u64 };
    file::write(stream, write, line.as_bytes()).await.map_err(VmError::Guest)?;
    request.command = Command::Shell(reading(&text));
    Ok(Some(LongLine(path)))
}

/// Most bytes of a line that is an argument. What sets its variables stands before it.
fn argument_room(is_bare: bool) -> usize {
    if is_bare { MAX_ARGUMENT_LEN } else { MAX_ARGUMENT_LEN - PRELUDE.len() }
}

/// A line that runs what a file holds, and removes the file first.
fn reading(path: &str) -> String {
    format!("eval \"$(command -p cat {path}; command -p rm -f {path} 2>/dev/null)\"")
}

impl LongLine {
    /// Empty the file, which a user who is not root could not remove. That it cannot be is no failure of the command.
    pub(super) async fn forget(self, vm: Link<'_>) {
        let write = Write { path: self.0, mode: Some(0o644), create_parents: false, size: 0 };
        let connect = async || Ok::<_, VmError>(Patient::new(vm.connect().await?, PATIENCE));
        let emptied = async {
            // The shell has removed it where it could; writing would make it again.
            match tree::stat(connect().await?, write.path.clone(), false).await {
                Err(ClientError::Failed(failure)) if failure.kind == FailureKind::NotFound => return Ok(()),
                found => found.map_err(VmError::Guest)?,
            };
            file::write(connect().await?, write, tokio::io::empty()).await.map(drop).map_err(VmError::Guest)
        };
        if let Err(error) = emptied.await {
            tracing::debug!(error = &error as &dyn std::error::Error, "a line stays in its file");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;

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
                    command.arg0("sh").args(["-c", line]).stdin(std::fs::File::open("/etc/hostname").unwrap());
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
