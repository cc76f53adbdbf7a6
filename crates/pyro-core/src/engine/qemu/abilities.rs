//! What a QEMU is asked before it runs a machine: its version, and which processor features it
//! knows by name.

use crate::config::QemuProgram;
use crate::engine::error::EngineError;
use crate::host::program::ProgramError;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The oldest version that runs guests, as `major, minor`.
const OLDEST: (u32, u32) = (5, 2);

/// The oldest version whose small build for KVM alone has all the devices of a machine: Debian 11's
/// lacks the serial ports.
const OLDEST_SMALL: (u32, u32) = (7, 2);

/// How long QEMU may take for an answer on a loaded host.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// Most bytes of an answer; the list of features has about 20 KiB.
const ANSWER_LEN: usize = 1 << 20;

/// Features that an emulated processor is not to have.
///
/// Where the processor has ERMS, kernels copy with `rep movsb`, which TCG emulates byte by byte:
/// output came at 35 MB/s, and comes at 80 without. The others of its kind go with it. With FSRM
/// and without ERMS, which no real processor has, Linux 6.1 does not boot: its `memmove` takes a
/// path that is only right with both. QEMU has emulated FSRM since 8.1. SMAP ends a translated
/// block at every access to user memory.
const UNWANTED: &[&str] = &["erms", "smap", "fsrm", "fzrm", "fsrs", "fsrc"];

/// What a QEMU can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abilities {
    /// Its version as it says itself, such as `7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)`.
    pub version: String,
    /// Those of the features that an emulated processor is not to have which it knows: it refuses
    /// to start with others.
    pub switched_off: Vec<String>,
}

impl Abilities {
    /// Ask `qemu`; it is started twice for that, and takes some 50 ms each time.
    ///
    /// # Errors
    /// [`EngineError::NoAnswer`], [`EngineError::TooOld`].
    pub async fn ask(qemu: &QemuProgram) -> Result<Self, EngineError> {
        let version = version(qemu).await?;
        if number(&version).is_some_and(|number| number < OLDEST) {
            return Err(EngineError::TooOld { version, oldest: OLDEST });
        }
        let features = answer(qemu, &["-cpu", "help"]).await?;
        Ok(Self { version, switched_off: unwanted(&features) })
    }

    /// Those of a QEMU that an older pyro starts a machine with: it did not ask, and switched off
    /// the same two everywhere.
    pub(crate) fn unasked() -> Self {
        Self { version: String::new(), switched_off: vec!["erms".to_owned(), "smap".to_owned()] }
    }

    /// Whether the build for KVM alone can run machines, where there is one.
    pub(super) fn small_build_serves(&self) -> bool {
        number(&self.version).is_none_or(|number| number >= OLDEST_SMALL)
    }
}

/// Ask for the version alone.
///
/// # Errors
/// [`EngineError::NoAnswer`].
pub async fn version(qemu: &QemuProgram) -> Result<String, EngineError> {
    let told = answer(qemu, &["--version"]).await?;
    Ok(told
        .lines()
        .next()
        .unwrap_or_default()
        .trim_start_matches("QEMU emulator version ")
        .to_owned())
}

async fn answer(qemu: &QemuProgram, args: &[&str]) -> Result<String, EngineError> {
    let no_answer =
        |source: ProgramError| EngineError::NoAnswer { path: qemu.executable.clone(), source };
    let told = qemu.command(args).output(ANSWER_LIMIT, ANSWER_LEN).await.map_err(no_answer)?;
    Ok(String::from_utf8_lossy(&told).into_owned())
}

/// `7.2.22 (Debian …)` as 7 and 2; none for a version that is not written so.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(|byte: char| !byte.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The unwanted ones among the words of `-cpu help`.
fn unwanted(help: &str) -> Vec<String> {
    let (_, flags) = help.split_once("CPUID flags:").unwrap_or_default();
    let known: std::collections::HashSet<&str> = flags.split_whitespace().collect();
    UNWANTED.iter().filter(|name| known.contains(*name)).map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, expected) in [
            ("7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)", Some((7, 2))),
            ("10.0.13", Some((10, 0))),
            ("11.1.50 (v11.1.0-12-g1234567)", Some((11, 1))),
            ("", None),
            ("unknown", None),
        ] {
            assert_eq!(number(version), expected, "{version}");
        }
        assert!((10, 0) > OLDEST && (5, 1) < OLDEST);
        let of =
            |version: &str| Abilities { version: version.to_owned(), switched_off: Vec::new() };
        assert!(
            !of("5.2.0 (Debian 1:5.2+dfsg-11+deb11u3)").small_build_serves()
                && of("7.2.22").small_build_serves()
        );
    }

    #[test]
    fn only_what_a_qemu_knows_is_switched_off() {
        // From `-cpu help` of 7.2 and of 10.0, shortened.
        let old = "Available CPUs:\nx86 max  Enables all features\n\nRecognized CPUID flags:\n  3dnow erms fsrm smap\n";
        let new = "x86 fsrc\nRecognized CPUID flags:\n  erms fsrc fsrm\n  fsrs fzrm smap smep\n";
        assert_eq!(unwanted(old), ["erms", "smap", "fsrm"]);
        assert_eq!(unwanted(new), UNWANTED);
        assert_eq!(unwanted("fsrm"), [""; 0]);
    }
}
