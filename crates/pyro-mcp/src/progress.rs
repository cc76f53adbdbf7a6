//! Progress notifications: what a call is doing, from its first moment, no more often than a host
//! wants to hear it.

use pyro_core::{InstallStage, OutputStream, OutputTo, Progress};
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::RequestContext;
use rmcp::{Peer, RoleServer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Least time between two notifications.
const GAP: Duration = Duration::from_millis(250);

/// A call that has nothing new to say says so this often: some hosts give up on one that is silent.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Bytes of an output line that a notification shows.
const LINE_LIMIT: usize = 200;

/// Where a call tells what it is doing; telling costs nothing, the newest word counts.
#[derive(Clone, Debug)]
pub(crate) struct Reporter {
    words: Arc<watch::Sender<String>>,
}

impl Reporter {
    pub(crate) fn say(&self, words: impl Into<String>) {
        self.words.send_replace(words.into());
    }

    /// Where a command's output goes that is told of as it comes.
    pub(crate) fn output(&self) -> OutputTo {
        let (mut stdout, mut stderr) = (Lines::new(self.clone()), Lines::new(self.clone()));
        OutputTo::Watch(Box::new(move |stream, bytes| match stream {
            OutputStream::Stdout => stdout.note(bytes),
            OutputStream::Stderr => stderr.note(bytes),
        }))
    }

    /// Tell how far core is.
    pub(crate) fn tell(&self, environment: &str, progress: Progress) {
        match progress {
            Progress::Stage(InstallStage::Done) => self.say(format!("installed {environment}")),
            Progress::Starting(_) => self.say("starting the vm"),
            Progress::Running(_) => self.say("running"),
            Progress::Stage(stage) => {
                self.say(format!("installing {environment}: {}", stage.label()))
            }
            Progress::Fraction(done) => {
                let percent = (done * 100.0).round();
                self.words.send_modify(|words| {
                    let stage = words.split(", ").next().unwrap_or_default();
                    *words = format!("{stage}, {percent} %");
                });
            }
            Progress::OnHost => self.say("no vm can start: the host takes its place"),
            Progress::Line(_) => {}
        }
    }
}

/// Sends a call's notifications to the client that asked for them.
pub(crate) struct Notifier {
    words: watch::Receiver<String>,
    to: Option<(Peer<RoleServer>, ProgressToken)>,
}

/// The two ends of a call's progress; `words` are its first.
pub(crate) fn channel(context: &RequestContext<RoleServer>, words: &str) -> (Reporter, Notifier) {
    let (sender, mut receiver) = watch::channel(words.to_owned());
    receiver.mark_changed();
    let to = context.meta.get_progress_token().map(|token| (context.peer.clone(), token));
    (Reporter { words: Arc::new(sender) }, Notifier { words: receiver, to })
}

impl Notifier {
    /// Send what is said, for as long as this is polled.
    pub(crate) async fn run(mut self) {
        let Some((peer, token)) = self.to else { return std::future::pending().await };
        let began = Instant::now();
        let mut sent = 0.0;
        loop {
            let changed = tokio::time::timeout(HEARTBEAT, self.words.changed()).await;
            if matches!(changed, Ok(Err(_))) {
                return std::future::pending().await;
            }
            let words = self.words.borrow_and_update().clone();
            // It must grow with every notification.
            let seconds = (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
            sent = if seconds > sent { seconds } else { sent + 0.001 };
            let param = ProgressNotificationParam::new(token.clone(), sent).with_message(words);
            if peer.notify_progress(param).await.is_err() {
                // The client is gone; the end of the call is somebody else's to tell.
                return std::future::pending().await;
            }
            tokio::time::sleep(GAP).await;
        }
    }
}

/// Tells the last whole line of one of a command's outputs.
struct Lines {
    reporter: Reporter,
    line: Vec<u8>,
}

impl Lines {
    fn new(reporter: Reporter) -> Self {
        Self { reporter, line: Vec::new() }
    }

    /// Take output as it comes.
    fn note(&mut self, bytes: &[u8]) {
        let mut lines = bytes.rsplitn(3, |byte| *byte == b'\n');
        let rest = lines.next().unwrap_or_default();
        let Some(last) = lines.next() else {
            let room = LINE_LIMIT.saturating_sub(self.line.len());
            self.line.extend(rest.iter().take(room));
            return;
        };
        // The line that ended began in this chunk, or in one before.
        let mut line =
            if lines.next().is_some() { Vec::new() } else { std::mem::take(&mut self.line) };
        line.extend(last.iter().take(LINE_LIMIT.saturating_sub(line.len())));
        self.line = rest.iter().take(LINE_LIMIT).copied().collect();
        let line = pyro_core::printable(&line);
        if !line.trim().is_empty() {
            self.reporter.say(format!("running: {}", line.trim()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_line_is_told_however_the_output_is_cut() {
        let (sender, receiver) = watch::channel(String::new());
        let mut told = Lines::new(Reporter { words: Arc::new(sender) });
        for (chunk, words) in [
            ("on", ""),
            ("e\ntw", "running: one"),
            ("o", "running: one"),
            ("\n", "running: two"),
            ("three\nfour\nfi", "running: four"),
            ("ve\n\n", "running: four"),
            ("\u{1b}[31mred\n", "running: \u{fffd}[31mred"),
        ] {
            told.note(chunk.as_bytes());
            if !chunk.contains('\u{1b}') {
                assert_eq!(*receiver.borrow(), words, "after {chunk:?}");
            } else {
                assert!(!receiver.borrow().contains('\u{1b}'));
            }
        }
        told.note(&[b'x'; 10_000]);
        told.note(b"\n");
        assert_eq!(receiver.borrow().len(), "running: ".len() + LINE_LIMIT);
    }
}
