//! How far an installation is, for whoever shows it.

use crate::id::Id;

/// One step of installing an environment, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallStage {
    /// Another pyro is installing; this one waits for it.
    Waiting,
    /// Looking whether the mirror answers.
    Mirror,
    /// Package lists and packages come over the network.
    Packages,
    /// Packages are unpacked and set up.
    RootFilesystem,
    /// The guest's kernel is fetched and unpacked.
    Kernel,
    /// The disk image is written and its digest taken.
    DiskImage,
    /// It is installed.
    Done,
    /// Installed, a first vm boots: others start from what it leaves.
    Template,
}

impl InstallStage {
    /// A few words for a progress line.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Waiting => "waiting for another pyro that is installing",
            Self::Mirror => "checking mirror",
            Self::Packages => "downloading packages",
            Self::RootFilesystem => "building root filesystem",
            Self::Kernel => "preparing kernel",
            Self::DiskImage => "writing disk image",
            Self::Done => "done",
            Self::Template => "booting once",
        }
    }
}

/// Something happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// A stage begins. Packages and root filesystem come twice: first the essential system, then
    /// the rest.
    Stage(InstallStage),
    /// How much of the current stage is done, from 0 to 1.
    Fraction(f32),
    /// A line that a program of the host printed, for those who want to see everything.
    Line(String),
    /// All is installed: this vm of the environment starts.
    Starting(Id),
    /// Its guest answers: the command begins.
    Running(Id),
    /// No guest can be had, and the host takes its place, as was allowed.
    OnHost,
}

/// Reads what `mmdebstrap --verbose` prints and says how far it is.
#[derive(Debug, Default)]
pub(super) struct Reader {
    stage: Option<InstallStage>,
    wanted_bytes: f64,
    got_bytes: f64,
    wanted_packages: f64,
    steps: f64,
}

/// What the build script prints before a stage's name.
pub(super) const STAGE_MARK: &str = "pyro: stage ";

impl Reader {
    /// Tell `progress` what `line` means.
    pub(super) fn line(&mut self, line: &str, progress: &mut dyn FnMut(Progress)) {
        let stage = match line {
            "I: running apt-get update..." | "I: downloading packages with apt..." => {
                Some(InstallStage::Packages)
            }
            "I: extracting archives..." | "I: installing essential packages..." => {
                Some(InstallStage::RootFilesystem)
            }
            _ if line.starts_with("Need to get ") => Some(InstallStage::Packages),
            _ => line.strip_prefix(STAGE_MARK).and_then(|name| match name {
                "kernel" => Some(InstallStage::Kernel),
                "image" => Some(InstallStage::DiskImage),
                _ => None,
            }),
        };
        if let Some(stage) = stage {
            self.enter(stage, progress);
        }
        if let Some(size) = line
            .strip_prefix("Need to get ")
            .and_then(|rest| bytes(rest.split(" of archives").next()?))
        {
            (self.wanted_bytes, self.got_bytes) = (size, 0.0);
        } else if let Some((_, size)) =
            line.strip_prefix("Get:").and_then(|rest| rest.rsplit_once('['))
        {
            self.got_bytes += bytes(size.trim_end_matches(']')).unwrap_or(0.0);
            self.fraction(InstallStage::Packages, self.got_bytes / self.wanted_bytes, progress);
        } else if let Some(count) = newly_installed(line) {
            (self.wanted_packages, self.steps) = (count, 0.0);
        } else if line.starts_with("Unpacking ") || line.starts_with("Setting up ") {
            self.enter(InstallStage::RootFilesystem, progress);
            self.steps += 1.0;
            self.fraction(
                InstallStage::RootFilesystem,
                self.steps / (2.0 * self.wanted_packages),
                progress,
            );
        }
        progress(Progress::Line(line.to_owned()));
    }

    /// The stage that the last line belonged to.
    pub(super) fn stage(&self) -> Option<InstallStage> {
        self.stage
    }

    fn enter(&mut self, stage: InstallStage, progress: &mut dyn FnMut(Progress)) {
        if self.stage != Some(stage)
            && !(self.stage == Some(InstallStage::Kernel) && stage == InstallStage::Packages)
        {
            self.stage = Some(stage);
            progress(Progress::Stage(stage));
        }
    }

    fn fraction(&self, of: InstallStage, done: f64, progress: &mut dyn FnMut(Progress)) {
        if self.stage == Some(of) && done.is_finite() {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "a fraction loses only digits nobody sees"
            )]
            progress(Progress::Fraction(done.clamp(0.0, 1.0) as f32));
        }
    }
}

/// `29.7 MB` in bytes; apt counts in thousands. `1,024 kB/29.7 MB` (some are here already) counts
/// what is missing.
fn bytes(text: &str) -> Option<f64> {
    let text = text.split('/').next()?;
    let (number, unit) = text.trim().split_once(' ')?;
    let factor = match unit {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    number.replace(',', "").parse::<f64>().ok().map(|number| number * factor)
}

/// The count in `0 upgraded, 69 newly installed, 0 to remove and 0 not upgraded.`
fn newly_installed(line: &str) -> Option<f64> {
    line.split(" newly installed")
        .next()
        .filter(|head| head.len() < line.len())?
        .rsplit(' ')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mmdebstraps_words_become_stages_and_fractions() {
        let lines = [
            "I: chroot architecture amd64 is equal to the host's architecture",
            "I: running apt-get update...",
            "Get:1 http://deb.debian.org/debian bookworm InRelease [151 kB]",
            "I: downloading packages with apt...",
            "0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.",
            "Need to get 4,000 kB/29.7 MB of archives.",
            "Get:1 http://deb.debian.org/debian bookworm/main amd64 a all 1 [1000 kB]",
            "I: extracting archives...",
            "Unpacking a (1) ...",
            "pyro: stage kernel",
            "Get:1 http://deb.debian.org/debian bookworm/main amd64 k amd64 6 [26.7 MB]",
            "pyro: stage image",
        ];
        let mut seen = Vec::new();
        let mut reader = Reader::default();
        for line in lines {
            reader.line(line, &mut |progress| {
                if !matches!(progress, Progress::Line(_)) {
                    seen.push(progress);
                }
            });
        }
        let expected = [
            Progress::Stage(InstallStage::Packages),
            Progress::Fraction(0.25),
            Progress::Stage(InstallStage::RootFilesystem),
            Progress::Fraction(0.25),
            Progress::Stage(InstallStage::Kernel),
            Progress::Stage(InstallStage::DiskImage),
        ];
        assert_eq!(seen, expected);
        assert_eq!(reader.stage(), Some(InstallStage::DiskImage));
    }
}
