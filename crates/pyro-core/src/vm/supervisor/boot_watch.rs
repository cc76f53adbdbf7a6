//! Watching a boot: a guest that hangs is told from one on a slow or busy host.
//!
//! A booting kernel says something every few hundred milliseconds of processor time. Wall time
//! tells nothing: twenty boots on two processors take twenty times as long as one. So what counts
//! is what the engine's threads did since the guest last said something: a guest that spins takes
//! processor time, a guest that waits for what never comes sleeps.

use crate::engine::Accel;
use crate::engine::machine::{Machine, Tail};
use crate::host::cpu;
use crate::host::threads::{self, Thread};
use crate::vm::failure::{Failure, Stage};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Processor time of one thread in which a booting guest must say something, on a host of
/// [`cpu::slowness`] 1. The longest silence of a boot that was measured there is 0.6 s under TCG.
const SILENT_RUN: Duration = Duration::from_secs(8);

/// How long a guest may do nothing at all meanwhile.
const SILENT_SLEEP: Duration = Duration::from_secs(12);

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How a guest hangs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Hang {
    /// It took this much processor time without a word.
    Spins(Duration),
    /// It did nothing for so long.
    Sleeps(Duration),
}

/// What was seen when the guest last got on.
struct Silence {
    since: Instant,
    said: u64,
    threads: BTreeMap<i32, Thread>,
}

/// Wait until the booting machine hangs; for ever where it does not, or has ended. Cancel-safe.
pub(super) async fn until_hung(pid: Option<u32>, console: &Tail) -> Hang {
    let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) else {
        return std::future::pending().await;
    };
    let mut silence =
        Silence { since: Instant::now(), said: console.seen(), threads: threads::of(pid) };
    let mut slowness = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let (now, said) = (threads::of(pid), console.seen());
        if said != silence.said || now.values().any(|thread| thread.waits_for_disk) {
            silence = Silence { since: Instant::now(), said, threads: now };
            continue;
        }
        // Measured only where it matters, and once.
        match judge(&silence, &now, 1.0) {
            Some(Hang::Spins(_)) => {
                let slowness = *slowness.get_or_insert_with(cpu::slowness);
                if let Some(hang) = judge(&silence, &now, slowness) {
                    return hang;
                }
            }
            Some(hang @ Hang::Sleeps(_)) => return hang,
            None => {}
        }
    }
}

fn judge(silence: &Silence, now: &BTreeMap<i32, Thread>, slowness: f64) -> Option<Hang> {
    let before = |id: &i32| silence.threads.get(id).copied().unwrap_or_default();
    let ran = |id: &i32, thread: &Thread| thread.ran.saturating_sub(before(id).ran);
    // One processor that spins is enough; those that wait for it sleep.
    let busiest = now.iter().map(|(id, thread)| ran(id, thread)).max()?;
    if busiest >= SILENT_RUN.mul_f64(slowness) {
        return Some(Hang::Spins(busiest));
    }
    // Where nobody counts how long a thread waits for a processor, a busy host looks like a
    // sleeping guest.
    let active = |(id, thread): (&i32, &Thread)| {
        let waited = thread.waited?.saturating_sub(before(id).waited.unwrap_or_default());
        Some(ran(id, thread) + waited)
    };
    let active = now.iter().map(active).sum::<Option<Duration>>()?;
    let slept = silence.since.elapsed().saturating_sub(active);
    (slept >= SILENT_SLEEP).then_some(Hang::Sleeps(slept))
}

/// The failure of a machine that hangs while it boots.
pub(super) fn failure(machine: &Machine, hang: Hang, accel: Accel, qemu: &str) -> Failure {
    let console = machine.console.text();
    let lasted = match hang {
        Hang::Spins(ran) => format!("{:.0} s of processor time", ran.as_secs_f64()),
        Hang::Sleeps(slept) => format!("{:.0} s, in which it did nothing", slept.as_secs_f64()),
    };
    Failure {
        stage: Stage::Hung,
        message: format!(
            "it hangs while {}; nothing came from it in {lasted} ({}, QEMU {qemu})",
            boot_stage(&console),
            accel.name()
        ),
        causes: Vec::new(),
        console,
    }
}

/// How far a boot has come, by what is on the console.
fn boot_stage(console: &str) -> &'static str {
    match console {
        "" => "its kernel begins, before the first line on the console",
        said if said.contains("Run /init as init process") => {
            "the agent starts, after the kernel came up"
        }
        _ => "its kernel starts",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn thread(ran: u32, waited: Option<u32>) -> Thread {
        Thread {
            ran: SECOND * ran,
            waited: waited.map(|waited| SECOND * waited),
            waits_for_disk: false,
        }
    }

    /// A guest's threads, whose first one had run for 5 s, after `wall` seconds without a word.
    fn hang(wall: u64, now: &[(i32, Thread)], slowness: f64) -> Option<Hang> {
        let silence = Silence {
            since: Instant::now().checked_sub(Duration::from_secs(wall)).unwrap(),
            said: 0,
            threads: [(1, thread(5, Some(3)))].into(),
        };
        judge(&silence, &now.iter().copied().collect(), slowness)
    }

    #[test]
    fn who_spins_hangs_however_long_the_host_takes_for_it() {
        assert_eq!(hang(9, &[(1, thread(13, Some(3)))], 1.0), Some(Hang::Spins(SECOND * 8)));
        assert_eq!(hang(200, &[(1, thread(12, Some(196)))], 1.0), None, "a busy host");
        assert_eq!(hang(9, &[(1, thread(13, Some(3)))], 3.0), None, "a slow host");
        assert_eq!(
            hang(9, &[(1, thread(5, Some(3))), (2, thread(8, None))], 1.0),
            Some(Hang::Spins(SECOND * 8))
        );
        assert_eq!(
            hang(9, &[(1, thread(10, Some(3))), (2, thread(4, Some(0)))], 1.0),
            None,
            "two that share the work"
        );
    }

    #[test]
    fn who_sleeps_hangs_unless_nobody_counts() {
        assert!(matches!(hang(13, &[(1, thread(5, Some(3)))], 1.0), Some(Hang::Sleeps(_))));
        assert_eq!(hang(13, &[(1, thread(5, Some(6)))], 1.0), None, "it waited for a processor");
        assert_eq!(hang(100, &[(1, thread(6, None))], 1.0), None);
        assert_eq!(hang(100, &[], 1.0), None, "it is gone");
    }

    #[test]
    fn the_console_tells_the_stage() {
        assert!(boot_stage("").contains("before the first line"));
        assert!(boot_stage("[    0.1] Linux version 6.1").contains("kernel starts"));
        assert!(boot_stage("[    0.7] Run /init as init process").contains("agent"));
    }
}
