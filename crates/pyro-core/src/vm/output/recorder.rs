//! Recording a command's two outputs, for the result and to where they go.

use super::recording::{OutputStream, OutputWatch, Recorded, Recording, Told};
use super::store::OutputStore;
use crate::config::{Config, InlineOutput};
use crate::vm::io::{ExecIo, Stdin};
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWrite;

/// Bytes that the words may take which stand where output was left out.
const MARK_ROOM: usize = 160;

/// Where a command's output goes.
pub enum OutputTo {
    /// Into the command's result: what fits as text, the whole in a file where it does not.
    Result,
    /// Into the result, and to a function as it comes.
    Watch(OutputWatch),
    /// To two writers as it comes, at their pace: while they do not take more, the command waits.
    /// The result of a command in a workspace holds it as well, for the history; any other result
    /// only its length.
    Writers {
        /// For standard output.
        stdout: Box<dyn AsyncWrite + Unpin + Send>,
        /// For standard error.
        stderr: Box<dyn AsyncWrite + Unpin + Send>,
    },
}

/// Takes both outputs of one command.
pub struct Recorder {
    inline: InlineOutput,
    stdout: Recording,
    stderr: Recording,
}

impl Recorder {
    /// Hand output on to where it goes, and keep it for the result unless that is to writers.
    #[must_use]
    pub fn new(config: &Config, to: OutputTo) -> Self {
        let keeps = !matches!(to, OutputTo::Writers { .. });
        Self::to(config, to, keeps)
    }

    /// Hand output on to where it goes, and keep it for the result and the history.
    #[must_use]
    pub fn keeping(config: &Config, to: OutputTo) -> Self {
        Self::to(config, to, true)
    }

    fn to(config: &Config, to: OutputTo, keeps: bool) -> Self {
        let (inline, store) = (config.inline, keeps.then(|| OutputStore::new(config)));
        let (stdout, stderr) = match to {
            OutputTo::Result => (Told::Nobody, Told::Nobody),
            OutputTo::Watch(watch) => {
                let watch = Arc::new(Mutex::new(watch));
                (Told::Watch(Arc::clone(&watch)), Told::Watch(watch))
            }
            OutputTo::Writers { stdout, stderr } => (Told::Writer(stdout), Told::Writer(stderr)),
        };
        Self {
            inline,
            stdout: Recording::new(store.clone(), inline, OutputStream::Stdout, stdout),
            stderr: Recording::new(store, inline, OutputStream::Stderr, stderr),
        }
    }

    /// What a command is given.
    pub fn io<'a>(&'a mut self, stdin: &'a mut Stdin) -> ExecIo<'a> {
        let stdin = stdin.as_mut().map(|stdin| &mut **stdin as _);
        ExecIo { stdin, stdout: &mut self.stdout, stderr: &mut self.stderr, sizes: None }
    }

    /// What was recorded: stdout and stderr.
    #[must_use]
    pub fn finish(self) -> (Recorded, Recorded) {
        let (stdout, stderr) = match self.inline {
            InlineOutput::Each(limit) => (limit, limit),
            InlineOutput::Json(total) => shares(total, self.stdout.weight(), self.stderr.weight()),
        };
        (self.stdout.finish(stdout), self.stderr.finish(stderr))
    }
}

/// What each of two streams that weigh so much may take of `total`; none weighs more than can be
/// told. What one does not need is the other's.
fn shares(total: usize, stdout: Option<usize>, stderr: Option<usize>) -> (usize, usize) {
    let (half, room) = (total / 2, |share: usize| share.saturating_sub(MARK_ROOM));
    match (stdout, stderr) {
        (Some(one), Some(other)) if one + other <= total => (one, other),
        (Some(one), _) if one <= half => (one, room(total - one)),
        (_, Some(other)) if other <= half => (room(total - other), other),
        _ => (room(half), room(half)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_streams_share_what_a_result_holds() {
        for (stdout, stderr, shares) in [
            (Some(10), Some(20), (10, 20)),
            (Some(1000), Some(0), (1000, 0)),
            (Some(900), Some(200), (800 - MARK_ROOM, 200)),
            (Some(100), None, (100, 900 - MARK_ROOM)),
            (None, None, (500 - MARK_ROOM, 500 - MARK_ROOM)),
            (Some(900), Some(900), (500 - MARK_ROOM, 500 - MARK_ROOM)),
        ] {
            assert_eq!(super::shares(1000, stdout, stderr), shares, "{stdout:?} {stderr:?}");
        }
    }

    #[test]
    fn what_a_small_result_leaves_out_is_in_a_file() {
        let home = tempfile::tempdir().unwrap();
        let config = Config::from_variables("/pyro", |name| {
            (name == "PYRO_DATA_DIR" || name == "HOME").then(|| home.path().into())
        });
        let config = Config { inline: InlineOutput::Json(1000), ..config.unwrap() };
        for (bytes, cut) in [
            (&[b'\n'; 400][..], false),
            (&[b'\n'; 600], true),
            (&[1; 200], true),
            (&[b'x'; 5000], true),
        ] {
            let mut recorder = Recorder::new(&config, OutputTo::Watch(Box::new(|_, _| {})));
            recorder.stdout.push(bytes);
            recorder.stderr.push(b"oops");
            let (stdout, stderr) = recorder.finish();
            assert_eq!((stdout.output.truncated, stdout.file.is_some()), (cut, cut));
            assert_eq!((stderr.output.text.as_str(), stderr.file), ("oops", None));
            let json = serde_json::to_string(&stdout.output.text).unwrap().len();
            assert!(json <= 1000, "{json}");
            let whole = stdout
                .file
                .map(|name| OutputStore::new(&config).read(&name, 0, 10_000).unwrap().bytes);
            assert!(whole.is_none_or(|whole| whole == bytes));
        }
    }
}
