//! Progress of what takes its time: a bar on a terminal, plain lines elsewhere; always on stderr.

use crate::printer;
use indicatif::{ProgressBar, ProgressStyle};
use pyro_core::{InstallStage, Progress};
use std::time::Duration;

/// Shows an installation, from its first event on until it is dropped.
pub(crate) struct ProgressLine {
    bar: Option<ProgressBar>,
}

impl ProgressLine {
    /// Nothing is shown until something happens.
    pub(crate) fn new() -> Self {
        Self { bar: None }
    }

    /// Show that something happened while `environment` is installed.
    pub(crate) fn show(&mut self, environment: &str, progress: Progress) {
        match progress {
            Progress::Stage(InstallStage::Done) => self.finish(),
            Progress::Stage(stage) if printer::is_watched() => {
                let bar = self.bar.get_or_insert_with(new_bar);
                bar.set_message(format!("{environment}: {}", stage.label()));
                bar.set_position(0);
            }
            Progress::Stage(stage) => {
                printer::talk(&format!("[env] {environment}: {}", stage.label()))
            }
            Progress::Fraction(done) => {
                if let Some(bar) = &self.bar {
                    bar.set_position(f64::from(done * 100.0).round() as u64);
                }
            }
            // A vm starts in less time than a person takes to read of it; others are told by who
            // starts one.
            Progress::Starting(_) | Progress::Running(_) => {}
            Progress::OnHost => {
                printer::talk(
                    "warning: no vm can start here; commands run on this host, as you (pyro doctor says why)",
                );
            }
            Progress::Line(line) => tracing::debug!(target: "pyro::install", "{line}"),
        }
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Shows steps of a known number, such as measurements, until it is dropped.
pub(crate) struct CountLine {
    topic: &'static str,
    what: &'static str,
    bar: Option<ProgressBar>,
}

impl CountLine {
    /// Nothing is shown until something happens; elsewhere than on a terminal lines begin with
    /// `[topic]`.
    pub(crate) fn new(topic: &'static str) -> Self {
        Self { topic, what: "", bar: None }
    }

    /// Show that of `of` steps `done` are done.
    pub(crate) fn show(&mut self, what: &'static str, done: u32, of: u32) {
        if printer::is_watched() {
            let bar =
                self.bar.get_or_insert_with(|| styled("{spinner} {msg} {pos}/{len} {elapsed}"));
            bar.set_length(of.into());
            bar.set_position(done.into());
            bar.set_message(what);
        } else if what != self.what {
            printer::talk(&format!("[{}] {what}", self.topic));
        }
        self.what = what;
    }
}

impl Drop for CountLine {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn new_bar() -> ProgressBar {
    styled("{spinner} {msg} {bar:30} {percent}% {elapsed}")
}

fn styled(template: &str) -> ProgressBar {
    let bar = ProgressBar::new(100);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
