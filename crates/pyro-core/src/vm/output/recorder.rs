//! Recording a command's output: its head and tail for the result, the whole in a file where that
//! is too much.

use super::capture::{Capture, CapturedOutput, json_len};
use super::name::OutputName;
use super::page;
use super::store::{MAX_FILE, OutputStore};
use crate::config::{Config, Inline};
use crate::vm::io::{ExecIo, Stdin};
use std::fs::File;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// After how many bytes the bounds of all outputs are looked at again.
const PRUNE_STEP: u64 = 64 * 1024 * 1024;

/// Bytes that the words may take which stand where output was left out.
const MARK_ROOM: usize = 160;

/// One of a command's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Told of output as it comes; it must not take long.
pub type OutputWatch<'a> = dyn FnMut(Stream, &[u8]) + Send + 'a;

/// Where a command's output goes.
pub enum OutputTo<'a> {
    /// Into the command's result: what fits as text, the whole in a file where it does not.
    Result,
    /// Into the result, and to a function as it comes.
    Watch(&'a mut OutputWatch<'a>),
    /// To two writers as it comes, at their pace: while they do not take more, the command waits.
    /// The result of a command in a workspace holds it as well, for the history; any other result
    /// only its length.
    Writers {
        /// For standard output.
        stdout: &'a mut (dyn AsyncWrite + Unpin + Send),
        /// For standard error.
        stderr: &'a mut (dyn AsyncWrite + Unpin + Send),
    },
}

/// Takes both outputs of one command.
pub struct Recorder<'a> {
    inline: Inline,
    stdout: Recording<'a>,
    stderr: Recording<'a>,
}

/// A recorded stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What the result holds of it.
    pub output: CapturedOutput,
    /// Where the whole is, or as much of it as is kept; none where the result holds all.
    pub file: Option<OutputName>,
}

impl Recorded {
    /// Of a stream that was handed on and not kept.
    fn of_length(bytes: u64) -> Self {
        let output = CapturedOutput {
            text: String::new(),
            encoding: "utf-8",
            truncated: bytes > 0,
            bytes,
            base64: None,
        };
        Self { output, file: None }
    }
}

impl<'a> Recorder<'a> {
    /// Hand output on to where it goes, and keep it for the result unless that is to writers.
    #[must_use]
    pub fn new(config: &Config, to: OutputTo<'a>) -> Self {
        let keeps = !matches!(to, OutputTo::Writers { .. });
        Self::to(config, to, keeps)
    }

    /// Hand output on to where it goes, and keep it for the result and the history.
    #[must_use]
    pub fn keeping(config: &Config, to: OutputTo<'a>) -> Self {
        Self::to(config, to, true)
    }

    fn to(config: &Config, to: OutputTo<'a>, keeps: bool) -> Self {
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
            stdout: Recording::new(store.clone(), inline, Stream::Stdout, stdout),
            stderr: Recording::new(store, inline, Stream::Stderr, stderr),
        }
    }

    /// What a command is given.
    pub fn io<'b, 'i: 'b>(&'b mut self, stdin: Stdin<'i>) -> ExecIo<'b> {
        let stdin = stdin.map(|stdin| stdin as _);
        ExecIo { stdin, stdout: &mut self.stdout, stderr: &mut self.stderr, sizes: None }
    }

    /// What was recorded: stdout and stderr.
    #[must_use]
    pub fn finish(self) -> (Recorded, Recorded) {
        let (stdout, stderr) = match self.inline {
            Inline::Each(limit) => (limit, limit),
            Inline::Json(total) => shares(total, self.stdout.weight(), self.stderr.weight()),
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

struct Recording<'a> {
    /// None where nothing is kept.
    store: Option<OutputStore>,
    /// Bytes that are kept in memory.
    kept: usize,
    weigh: fn(char) -> usize,
    stream: Stream,
    told: Told<'a>,
    capture: Capture,
    spill: Spill,
}

/// Who is given one stream as it comes.
enum Told<'a> {
    Nobody,
    Watch(Arc<Mutex<&'a mut OutputWatch<'a>>>),
    Writer(&'a mut (dyn AsyncWrite + Unpin + Send)),
}

/// The file of a stream.
enum Spill {
    /// Everything is in memory.
    None,
    /// It has all that came, up to its bound.
    To { name: OutputName, file: File, written: u64 },
    /// It cannot be written: the disk is full, or worse. The command goes on.
    Failed,
}

impl<'a> Recording<'a> {
    fn new(store: Option<OutputStore>, inline: Inline, stream: Stream, told: Told<'a>) -> Self {
        // A character takes at least as many bytes in JSON as it has itself.
        let (kept, weigh): (_, fn(char) -> usize) = match inline {
            Inline::Each(limit) => (limit, char::len_utf8),
            Inline::Json(total) => (total, json_len),
        };
        let kept = if store.is_some() { kept } else { 0 };
        Self { store, kept, weigh, stream, told, capture: Capture::new(kept), spill: Spill::None }
    }

    /// What it weighs as a whole; none where not all of it is in memory.
    fn weight(&self) -> Option<usize> {
        self.capture.weight(self.weigh)
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Told::Watch(watch) = &self.told {
            watch.lock().unwrap_or_else(PoisonError::into_inner)(self.stream, bytes);
        }
        if matches!(self.spill, Spill::None)
            && self.capture.total() + bytes.len() as u64 > self.kept as u64
        {
            self.spill_kept();
        }
        self.spill(bytes);
        self.capture.push(bytes);
    }

    /// Begin the file with all that is in memory.
    fn spill_kept(&mut self) {
        let Some(store) = &self.store else { return };
        self.spill = match store.create(self.stream.name()) {
            Ok((name, file)) => Spill::To { name, file, written: 0 },
            Err(error) => {
                tracing::warn!(%error, "output is not kept");
                return self.spill = Spill::Failed;
            }
        };
        let (head, (tail, rest)) = self.capture.kept();
        let kept = [head, tail, rest].concat();
        self.spill(&kept);
    }

    fn spill(&mut self, bytes: &[u8]) {
        let Spill::To { name, file, written } = &mut self.spill else { return };
        let room = usize::try_from(MAX_FILE - *written).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(room)];
        if let Err(error) = file.write_all(bytes) {
            tracing::warn!(%error, "output is not kept");
            remove(self.store.as_ref(), name);
            self.spill = Spill::Failed;
            return;
        }
        let before = *written;
        *written += bytes.len() as u64;
        if before / PRUNE_STEP != *written / PRUNE_STEP
            && let Some(store) = &self.store
        {
            store.prune();
        }
    }

    /// What was recorded, with text that weighs at most `limit`.
    fn finish(mut self, limit: usize) -> Recorded {
        let Some(store) = self.store.clone() else {
            return Recorded::of_length(self.capture.total());
        };
        let weigh = self.weigh;
        // Some bytes take more room as text than they took as bytes.
        let probe = self.capture.clone().into_output_within(limit, weigh, |_| String::new());
        let has_all = !probe.truncated && (!probe.is_replaced() || probe.base64.is_some());
        if !has_all && matches!(self.spill, Spill::None) {
            self.spill_kept();
        }
        let capture = std::mem::replace(&mut self.capture, Capture::new(0));
        match std::mem::replace(&mut self.spill, Spill::None) {
            Spill::To { name, file, written } => {
                let whole = written == capture.total();
                if !whole && let Err(error) = page::mark_cut(&file, MAX_FILE, capture.total()) {
                    tracing::warn!(%error, "an output does not tell that it is cut");
                }
                store.prune();
                let output = capture.into_output_within(limit, weigh, |omitted| match whole {
                    true => format!("{omitted} bytes omitted; the whole is output {name}"),
                    false => format!(
                        "{omitted} bytes omitted; the first {written} of all are output {name}"
                    ),
                });
                Recorded { output, file: Some(name) }
            }
            Spill::None | Spill::Failed => {
                let output = capture
                    .into_output_within(limit, weigh, |omitted| format!("{omitted} bytes omitted"));
                Recorded { output, file: None }
            }
        }
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        // Nobody learns the name of what was not finished.
        if let Spill::To { name, .. } = &self.spill {
            remove(self.store.as_ref(), name);
        }
    }
}

fn remove(store: Option<&OutputStore>, name: &OutputName) {
    if let Some(store) = store {
        store.remove(name);
    }
}

impl AsyncWrite for Recording<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = match &mut self.told {
            Told::Nobody | Told::Watch(_) => bytes.len(),
            Told::Writer(writer) => ready!(Pin::new(writer).poll_write(context, bytes))?,
        };
        self.push(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.told {
            Told::Nobody | Told::Watch(_) => Poll::Ready(Ok(())),
            Told::Writer(writer) => Pin::new(writer).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BASE64_LIMIT, INLINE_LIMIT};
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn store() -> (tempfile::TempDir, OutputStore) {
        let home = tempfile::tempdir().unwrap();
        let config = Config::from_variables("/pyro", |name| {
            (name == "PYRO_DATA_DIR" || name == "HOME").then(|| home.path().into())
        });
        let store = OutputStore::new(&config.unwrap());
        (home, store)
    }

    fn recorded(store: &OutputStore, chunks: &[&[u8]]) -> Recorded {
        let mut seen = 0;
        let mut watch = |stream: Stream, bytes: &[u8]| {
            assert_eq!(stream, Stream::Stdout);
            seen += bytes.len();
        };
        let watch: &mut OutputWatch<'_> = &mut watch;
        let mut recording = Recording::new(
            Some(store.clone()),
            Inline::default(),
            Stream::Stdout,
            Told::Watch(Arc::new(Mutex::new(watch))),
        );
        chunks.iter().for_each(|chunk| recording.push(chunk));
        let recorded = recording.finish(INLINE_LIMIT);
        assert_eq!(seen, chunks.iter().map(|chunk| chunk.len()).sum::<usize>());
        recorded
    }

    #[test]
    fn what_fits_makes_no_file() {
        let (home, store) = store();
        let recorded = recorded(&store, &[&[b'x'; INLINE_LIMIT]]);
        assert_eq!(
            (recorded.output.text.len(), recorded.output.truncated, recorded.file),
            (INLINE_LIMIT, false, None)
        );
        assert!(!home.path().join("outputs").exists());
    }

    #[test]
    fn what_does_not_fit_is_whole_in_a_private_file() {
        let (home, store) = store();
        let whole: Vec<u8> = (0..200_000u32).map(|number| b'a' + (number % 23) as u8).collect();
        let recorded = recorded(&store, &whole.chunks(777).collect::<Vec<_>>());
        let name = recorded.file.unwrap();
        assert!(recorded.output.truncated && recorded.output.text.contains(&name.to_string()));
        assert!(recorded.output.text.len() < INLINE_LIMIT + 100);
        let path = home.path().join("outputs").join(name.to_string());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(crate::host::fs::read_bounded(&path, 1 << 20).unwrap(), whole);
    }

    #[test]
    fn invalid_bytes_that_do_not_fit_as_text_are_kept_as_they_are() {
        let (_home, store) = store();
        let recorded = recorded(&store, &[&[0xff; INLINE_LIMIT]]);
        assert!(recorded.output.truncated && recorded.output.text.len() < INLINE_LIMIT + 100);
        let page = store.read(&recorded.file.unwrap(), 0, INLINE_LIMIT).unwrap();
        assert_eq!((page.bytes.len(), page.encoding), (INLINE_LIMIT, "utf-8-replaced"));
    }

    #[test]
    fn bytes_that_are_no_text_are_in_the_result_or_in_a_file() {
        let (_home, store) = store();
        let short = recorded(&store, &[&[0xff; BASE64_LIMIT]]);
        assert!(short.output.base64.is_some() && short.file.is_none() && !short.output.truncated);
        let longer = recorded(&store, &[&[0xff; BASE64_LIMIT + 1]]);
        assert!(longer.output.base64.is_none() && !longer.output.truncated);
        let page = store.read(&longer.file.unwrap(), 0, INLINE_LIMIT).unwrap();
        assert_eq!(page.bytes, [0xff; BASE64_LIMIT + 1]);
    }

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
        let config = Config { inline: Inline::Json(1000), ..config.unwrap() };
        for (bytes, cut) in [
            (&[b'\n'; 400][..], false),
            (&[b'\n'; 600], true),
            (&[1; 200], true),
            (&[b'x'; 5000], true),
        ] {
            let mut watch = |_: Stream, _: &[u8]| {};
            let mut recorder = Recorder::new(&config, OutputTo::Watch(&mut watch));
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

    #[test]
    fn a_flood_stops_at_the_bound_of_its_file() {
        let (_home, store) = store();
        let mut watch = |_: Stream, _: &[u8]| {};
        let watch: &mut OutputWatch<'_> = &mut watch;
        let mut recording = Recording::new(
            Some(store.clone()),
            Inline::default(),
            Stream::Stderr,
            Told::Watch(Arc::new(Mutex::new(watch))),
        );
        recording.push(&[b'x'; INLINE_LIMIT]);
        recording.push(b"y");
        let Spill::To { written, .. } = &mut recording.spill else { panic!("no file") };
        *written = MAX_FILE - 1;
        recording.push(b"zz");
        let recorded = recording.finish(INLINE_LIMIT);
        let page = store.read(recorded.file.as_ref().unwrap(), INLINE_LIMIT as u64, 10).unwrap();
        assert_eq!(
            (&page.bytes[..3], recorded.output.bytes),
            (&b"yz\0"[..], INLINE_LIMIT as u64 + 3)
        );
        assert!(recorded.output.text.contains("the first 268435456 of all"));
        assert_eq!(
            (page.total_bytes, page.next_offset),
            (MAX_FILE, Some(INLINE_LIMIT as u64 + 10))
        );
        let name = recorded.file.unwrap();
        let last = store.read(&name, MAX_FILE - 1, 100).unwrap();
        assert_eq!(
            (last.bytes.len(), last.next_offset),
            (1, None),
            "what tells of the cut is no output"
        );
    }

    #[tokio::test]
    async fn a_reader_is_waited_for_and_only_what_it_took_is_recorded() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (_home, store) = store();
        let (mut ours, mut theirs) = tokio::io::duplex(4);
        let mut recording =
            Recording::new(Some(store), Inline::default(), Stream::Stdout, Told::Writer(&mut ours));
        tokio::select! {
            biased;
            _ = recording.write_all(b"0123456789") => panic!("nobody has read"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(recording.capture.total(), 4);
        let mut taken = [0; 4];
        theirs.read_exact(&mut taken).await.unwrap();
        drop(theirs);
        assert_eq!(
            recording.write_all(b"456789").await.unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
        assert_eq!(
            (recording.finish(INLINE_LIMIT).output.text.as_str(), &taken),
            ("0123", b"0123")
        );
    }

    #[test]
    fn what_is_not_finished_is_not_kept() {
        let (home, store) = store();
        let mut watch = |_: Stream, _: &[u8]| {};
        let watch: &mut OutputWatch<'_> = &mut watch;
        let mut recording = Recording::new(
            Some(store),
            Inline::default(),
            Stream::Stdout,
            Told::Watch(Arc::new(Mutex::new(watch))),
        );
        recording.push(&[b'x'; INLINE_LIMIT + 1]);
        assert_eq!(std::fs::read_dir(home.path().join("outputs")).unwrap().count(), 1);
        drop(recording);
        assert_eq!(std::fs::read_dir(home.path().join("outputs")).unwrap().count(), 0);
    }
}
