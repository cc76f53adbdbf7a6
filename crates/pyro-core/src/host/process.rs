//! Processes of the host, identified by pid and start time so that a reused pid is never taken for
//! another.

use rustix::process::{Pid, PidfdFlags, Signal};
use std::os::fd::OwnedFd;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One process for all time on this boot of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its pid.
    pub pid: i32,
    /// Its start time in clock ticks since the host's boot (field 22 of `/proc/PID/stat`).
    pub start_ticks: u64,
}

impl ProcessId {
    /// No process: it was given up, and anybody may go on with it.
    pub const NOBODY: Self = Self { pid: 0, start_ticks: 0 };

    /// This process.
    #[must_use]
    pub fn current() -> Self {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        Self { pid, start_ticks: start_ticks(pid).unwrap_or(0) }
    }

    /// The process that has this pid now, if there is one that is not a zombie.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        start_ticks(pid).map(|start_ticks| Self { pid, start_ticks })
    }

    /// Whether it still runs; a zombie does not.
    #[must_use]
    pub fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Kill it and wait until it is gone, at most `limit`; true when it is gone.
    #[must_use]
    pub fn kill_and_wait(self, limit: Duration) -> bool {
        self.signal_and_wait(Signal::KILL, limit)
    }

    fn signal_and_wait(self, signal: Signal, limit: Duration) -> bool {
        let Some(pid) = Pid::from_raw(self.pid) else { return true };
        let Ok(handle) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else {
            return !self.is_alive();
        };
        // The handle is held: from here on the pid cannot come to mean another process.
        if !self.is_alive() {
            return true;
        }
        if rustix::process::pidfd_send_signal(&handle, signal).is_err() {
            return !self.is_alive();
        }
        wait(&handle, limit);
        !self.is_alive()
    }

    /// Ask it to end.
    pub fn terminate(self) {
        let _ = self.terminate_and_wait(Duration::ZERO);
    }

    /// Ask it to end and wait until it is gone, at most `limit`; true when it is gone.
    #[must_use]
    pub fn terminate_and_wait(self, limit: Duration) -> bool {
        self.signal_and_wait(Signal::TERM, limit)
    }

    /// Wait until it is gone by itself, at most `limit`; true when it is gone.
    #[must_use]
    pub fn wait_gone(self, limit: Duration) -> bool {
        if let Some(pid) = Pid::from_raw(self.pid)
            && let Ok(handle) = rustix::process::pidfd_open(pid, PidfdFlags::empty())
            && self.is_alive()
        {
            wait(&handle, limit);
        }
        !self.is_alive()
    }
}

/// Files that a process may have open where the host's administrator does not say less; no more,
/// because programs that we start go through all of them one by one.
const OPEN_FILES: u64 = 65_536;

/// Let this process have more files open: a tree takes one for each of its levels, a server several
/// for each call.
pub fn allow_open_files() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let allowed = limit.maximum.map_or(OPEN_FILES, |most| most.min(OPEN_FILES));
    if limit.current.is_none_or(|current| current >= allowed) {
        return;
    }
    let raised = rustix::process::Rlimit { current: Some(allowed), maximum: limit.maximum };
    // Where it may not, what needs more says so.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, raised);
}

/// Let this process take no more processor time and memory than this: then the kernel ends it, or
/// gives it no more.
pub fn limit(cpu_seconds: u64, memory_bytes: u64) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    for (resource, most) in [(Resource::Cpu, cpu_seconds), (Resource::As, memory_bytes)] {
        // Where a lower limit is set already, that one stays.
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
}

/// Whether whoever started this process wants it to go on after this signal, as `nohup` does: it is
/// ignored.
#[must_use]
pub fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    let bit =
        u32::try_from(signal).ok().and_then(|signal| signal.checked_sub(1)).unwrap_or(u32::MAX);
    mask.is_some_and(|mask| mask.checked_shr(bit).is_some_and(|rest| rest & 1 == 1))
}

/// Wait until the process of `handle` ends, at most `limit`.
fn wait(handle: &OwnedFd, limit: Duration) {
    let mut fds = [rustix::event::PollFd::new(handle, rustix::event::PollFlags::IN)];
    let timeout = rustix::event::Timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(limit.subsec_nanos()),
    };
    let _ = rustix::event::poll(&mut fds, Some(&timeout));
}

/// Field 22 of `/proc/PID/stat`; `None` when the process is gone or a zombie.
fn start_ticks(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold blanks and parentheses of its own.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// The id of the host's present boot; pids and start times mean nothing in another one.
#[must_use]
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_until_it_ends() {
        assert!(ProcessId::current().is_alive());
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let id = ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap();
        assert!(id.is_alive());
        let other = ProcessId { start_ticks: id.start_ticks + 1, ..id };
        assert!(
            other.kill_and_wait(std::time::Duration::from_secs(5)),
            "a reused pid counts as gone"
        );
        assert!(id.is_alive(), "and is left alone");
        assert!(id.kill_and_wait(std::time::Duration::from_secs(5)));
        assert!(!id.is_alive());
        child.wait().unwrap();
    }
}
