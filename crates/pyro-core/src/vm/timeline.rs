//! The timeline of a start: how long after its launch was received a vm reached each step.

use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// When a vm reached each step, in microseconds from when its supervisor had received the launch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// The engine's process was started.
    pub engine_us: Option<u64>,
    /// A template's state was loaded; none where no template was used.
    pub restored_us: Option<u64>,
    /// A booted kernel's agent said its first word; none where a template was used.
    pub booted_us: Option<u64>,
    /// The booted vm was saved as a template.
    pub saved_us: Option<u64>,
    /// The agent took this vm's identity and answered the hello.
    pub welcome_us: Option<u64>,
    /// The environment's disk was mounted.
    pub mounted_us: Option<u64>,
    /// The supervisor's socket was open: commands can come.
    pub ready_us: Option<u64>,
}

/// A step of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// [`Timeline::engine_us`].
    Engine,
    /// [`Timeline::restored_us`].
    Restored,
    /// [`Timeline::booted_us`].
    Booted,
    /// [`Timeline::saved_us`].
    Saved,
    /// [`Timeline::welcome_us`].
    Welcome,
    /// [`Timeline::mounted_us`].
    Mounted,
    /// [`Timeline::ready_us`].
    Ready,
}

impl Timeline {
    /// Say it in the log as what each step took; `whole` is the start as its starter saw it.
    pub fn log(&self, whole: Duration) {
        let ready = Duration::from_micros(self.ready_us.unwrap_or(0));
        let mut steps = format!("supervisor {:.1}", millis(whole.saturating_sub(ready)));
        let mut before = 0;
        for (name, at) in self.steps() {
            let Some(at) = at else { continue };
            steps += &format!(
                ", {name} {:.1}",
                millis(Duration::from_micros(at.saturating_sub(before)))
            );
            before = at;
        }
        tracing::info!("started in {:.1} ms: {steps}", millis(whole));
    }

    /// Whether the vm started from a template.
    #[must_use]
    pub fn is_from_template(&self) -> bool {
        self.restored_us.is_some() && self.booted_us.is_none()
    }

    fn steps(&self) -> [(&'static str, Option<u64>); 7] {
        [
            ("engine", self.engine_us),
            ("restore", self.restored_us),
            ("boot", self.booted_us),
            ("save template", self.saved_us),
            ("hello", self.welcome_us),
            ("mount", self.mounted_us),
            ("socket", self.ready_us),
        ]
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Takes the time of each step, from its own making on.
#[derive(Debug)]
pub struct Stopwatch {
    began: Instant,
    timeline: Cell<Timeline>,
}

impl Stopwatch {
    /// Start it.
    #[must_use]
    pub fn start() -> Self {
        Self { began: Instant::now(), timeline: Cell::default() }
    }

    /// The vm reached this step now.
    pub fn mark(&self, step: Step) {
        let now = u64::try_from(self.began.elapsed().as_micros()).ok();
        let mut timeline = self.timeline.get();
        match step {
            Step::Engine => timeline.engine_us = now,
            Step::Restored => timeline.restored_us = now,
            Step::Booted => timeline.booted_us = now,
            Step::Saved => timeline.saved_us = now,
            Step::Welcome => timeline.welcome_us = now,
            Step::Mounted => timeline.mounted_us = now,
            Step::Ready => timeline.ready_us = now,
        }
        self.timeline.set(timeline);
    }

    /// What was marked so far.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        self.timeline.get()
    }
}
