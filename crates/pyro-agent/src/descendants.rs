//! Descendants: finding all that a command has started where no cgroup can be made.
//!
//! Each command carries a mark in its environment, which every process inherits however it
//! detaches; one that clears its environment is still found as a child of one that did not. The
//! agent is a subreaper, so what slips through both is at last a descendant of the agent and ends
//! with it.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;

/// Variable that carries the mark.
pub(crate) const VARIABLE: &str = "PYRO_EXEC_ID";

/// Rounds of looking for processes to kill; each waits for those that it has found.
const MAX_ROUNDS: usize = 64;

/// How long killed processes may take to end, each round.
const ROUND_LIMIT: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Makes marks and finds the processes that carry them.
pub(crate) struct Marks {
    prefix: String,
}

impl Marks {
    /// Marks that no other agent on this host uses.
    pub(crate) fn new() -> io::Result<Self> {
        let mut random = [0; 16];
        io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut random)?;
        Ok(Self { prefix: format!("{:032x}", u128::from_le_bytes(random)) })
    }

    /// The mark of the command `id`.
    pub(crate) fn make(&self, id: u64) -> String {
        format!("{}-{id}", self.prefix)
    }

    /// Signal every process of the command that `leader` began.
    pub(crate) fn signal(&self, mark: &str, leader: i32, signal: i32) -> io::Result<()> {
        let variable = format!("{VARIABLE}={mark}");
        let is_root = of_command(&variable, leader);
        if signal == libc::SIGKILL {
            return kill_all(is_root);
        }
        for pid in family(&processes()?, is_root) {
            let _ = crate::sys::kill(pid, signal);
        }
        Ok(())
    }

    /// Every process of the command that `leader` began, each as what is readable once it has
    /// ended.
    pub(crate) fn members(&self, mark: &str, leader: i32) -> io::Result<Vec<OwnedFd>> {
        let variable = format!("{VARIABLE}={mark}");
        let family = family(&processes()?, of_command(&variable, leader)).into_iter();
        Ok(family.filter_map(|pid| crate::sys::pidfd(pid).ok()).collect())
    }

    /// Kill every descendant of this process.
    pub(crate) fn kill_everything(&self) {
        let me = i32::try_from(std::process::id()).unwrap_or(0);
        let variable = format!("{VARIABLE}={}-", self.prefix);
        let _ = kill_all(|pid, process| process.parent == me || carries(pid, variable.as_bytes()));
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Process {
    parent: i32,
    session: i32,
}

/// Which processes begin the family of a command.
fn of_command(variable: &str, leader: i32) -> impl Fn(i32, &Process) -> bool {
    move |pid, process| {
        pid == leader || process.session == leader || carries(pid, variable.as_bytes())
    }
}

/// Kill all processes that are roots and all that descend from them, until there is none.
fn kill_all(is_root: impl Fn(i32, &Process) -> bool) -> io::Result<()> {
    for _ in 0..MAX_ROUNDS {
        let held: Vec<OwnedFd> =
            family(&processes()?, &is_root).into_iter().filter_map(kill_one).collect();
        if held.is_empty() {
            return Ok(());
        }
        for pidfd in &held {
            let _ = poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&ROUND_LIMIT));
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Kill one process and hold it, to wait for its end; nothing when it has gone or is not ours.
fn kill_one(pid: i32) -> Option<OwnedFd> {
    let pidfd = crate::sys::pidfd(pid).ok()?;
    pidfd_send_signal(&pidfd, Signal::KILL).ok()?;
    Some(pidfd)
}

/// The roots and all that descend from them, this process never among them.
fn family(
    processes: &BTreeMap<i32, Process>,
    is_root: impl Fn(i32, &Process) -> bool,
) -> BTreeSet<i32> {
    let me = i32::try_from(std::process::id()).unwrap_or(0);
    let mut members: BTreeSet<i32> = processes
        .iter()
        .filter(|(pid, process)| **pid != me && is_root(**pid, process))
        .map(|(pid, _)| *pid)
        .collect();
    loop {
        let children: Vec<i32> = processes
            .iter()
            .filter(|(pid, process)| {
                **pid != me && members.contains(&process.parent) && !members.contains(pid)
            })
            .map(|(pid, _)| *pid)
            .collect();
        if children.is_empty() {
            return members;
        }
        members.extend(children);
    }
}

/// Every live process.
fn processes() -> io::Result<BTreeMap<i32, Process>> {
    let pids = std::fs::read_dir("/proc")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(pids
        .filter_map(|pid| Some((pid, parse(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)?)))
        .collect())
}

/// The fields after the name, which may itself hold spaces and parentheses; nothing for one that
/// has ended.
fn parse(stat: &[u8]) -> Option<Process> {
    let after = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let mut fields = std::str::from_utf8(&stat[after..]).ok()?.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    Some(Process { parent, session })
}

/// Whether the process was started with a variable that begins so. Another user's cannot be read
/// and is not ours.
fn carries(pid: i32, variable: &[u8]) -> bool {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| match entry.strip_prefix(variable) {
        Some(rest) => rest.is_empty() || variable.ends_with(b"-"),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_behind_its_name() {
        let line = b"42 (a) b (c) S 7 42 41 0 -1 4194304 1";
        assert_eq!(parse(line), Some(Process { parent: 7, session: 41 }));
        assert_eq!(parse(b"42 (x) Z 7 42 41 0"), None);
        for broken in [&b""[..], b"42", b"42 (x)", b"42 (x) S", b"42 (x) S a b c", b"\xff)\xff"] {
            assert_eq!(parse(broken), None);
        }
    }

    #[test]
    fn a_family_is_closed_under_children() {
        let process = |parent| Process { parent, session: 0 };
        let all = BTreeMap::from([
            (10, process(1)),
            (11, process(10)),
            (12, process(11)),
            (13, process(1)),
        ]);
        assert_eq!(family(&all, |pid, _| pid == 10), BTreeSet::from([10, 11, 12]));
        assert_eq!(family(&all, |_, _| false), BTreeSet::new());
    }
}
