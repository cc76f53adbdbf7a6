//! What the threads of a process do: how long they ran, how long they waited for a processor,
//! whether they wait for a disk.

use std::collections::BTreeMap;
use std::time::Duration;

/// Ticks a second of the times in `/proc/PID/stat`, which Linux has on every machine.
const TICKS: u64 = 100;

/// One look at a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// Time on a processor since it began.
    pub ran: Duration,
    /// Time that it could have run and had no processor; none where the kernel does not count that.
    pub waited: Option<Duration>,
    /// Whether it waits for a disk now, or for memory that comes from one.
    pub waits_for_disk: bool,
}

/// The threads of the process `pid` by their ids; none when it is gone.
#[must_use]
pub fn of(pid: i32) -> BTreeMap<i32, Thread> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let threads = tasks.filter_map(|task| {
        let id = task.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
        let schedule = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        Some((id, thread(&stat, &schedule)?))
    });
    threads.collect()
}

/// From the texts of `stat` and `schedstat`, which is empty on a kernel without it.
fn thread(stat: &str, schedule: &str) -> Option<Thread> {
    // The name in parentheses may hold blanks and parentheses of its own.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let waits_for_disk = fields.next()? == "D";
    let mut ticks = fields.skip(10).take(2).map_while(|field| field.parse::<u64>().ok());
    let by_ticks = Duration::from_millis((ticks.next()? + ticks.next()?) * 1000 / TICKS);
    let mut counts = schedule.split_ascii_whitespace().map_while(|field| field.parse::<u64>().ok());
    let exact = counts.next().zip(counts.next()).filter(|(ran, _)| *ran > 0);
    Some(match exact {
        Some((ran, waited)) => Thread {
            ran: Duration::from_nanos(ran),
            waited: Some(Duration::from_nanos(waited)),
            waits_for_disk,
        },
        None => Thread { ran: by_ticks, waited: None, waits_for_disk },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "7 (a) b) R 1 7 7 0 -1 4194304 9 0 0 0 250 50 0 0 20 0 3 0 1234 0 0";

    #[test]
    fn times_are_read_with_and_without_the_scheduler_s_own() {
        let ms = Duration::from_millis;
        let exact = Thread { ran: ms(2), waited: Some(ms(1)), waits_for_disk: false };
        assert_eq!(thread(STAT, "2000000 1000000 17\n"), Some(exact));
        let by_ticks = Thread { ran: ms(3000), waited: None, waits_for_disk: false };
        assert_eq!(thread(STAT, ""), Some(by_ticks));
        assert_eq!(thread(STAT, "0 0 0\n"), Some(by_ticks), "a kernel that does not count");
        assert!(thread(&STAT.replace(") R", ") D"), "").unwrap().waits_for_disk);
        assert_eq!(thread("7 (a)", ""), None);
    }

    #[test]
    fn a_busy_thread_is_seen_to_run() {
        let own = i32::try_from(std::process::id()).unwrap();
        let ran = || of(own).values().map(|thread| thread.ran).sum::<Duration>();
        let before = ran();
        let worker = std::thread::spawn(crate::host::cpu::slowness);
        assert!(worker.join().unwrap() >= 1.0);
        let _ = crate::host::cpu::slowness();
        assert!(ran() > before);
        assert!(of(i32::MAX).is_empty());
    }
}
