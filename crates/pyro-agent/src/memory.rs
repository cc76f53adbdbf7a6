//! Memory: whom the kernel has killed because there was none left, read from its log.

use crate::text::cut;
use pyro_protocol::message::OutOfMemory;
use rustix::fs::{Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;

/// The kernel's log; each read gives one record.
const LOG: &str = "/dev/kmsg";

/// Longest record, in bytes.
const MAX_RECORD_LEN: usize = 8192;

/// Records that are read at once: root can write to the log faster than they are read.
const MAX_RECORDS: usize = 1000;

/// Longest name of a process, in bytes.
const MAX_NAME_LEN: usize = 15;

/// Counts those that the kernel has killed.
#[derive(Default)]
pub(crate) struct Memory {
    log: Option<OwnedFd>,
    killed: Cell<u64>,
    last: RefCell<String>,
}

impl Memory {
    /// Of a guest, whose log is its own; from now on.
    pub(crate) fn of_a_guest() -> Self {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let log = rustix::fs::open(LOG, flags, Mode::empty()).ok();
        let log = log.filter(|log| rustix::fs::seek(log, SeekFrom::End(0)).is_ok());
        Self { log, ..Self::default() }
    }

    /// How many were killed so far.
    pub(crate) fn killed(&self) -> u64 {
        self.look();
        self.killed.get()
    }

    /// Who was killed since [`Memory::killed`] has said `before`.
    pub(crate) fn killed_since(&self, before: u64) -> Option<OutOfMemory> {
        let killed = self.killed().saturating_sub(before);
        (killed > 0).then(|| OutOfMemory { killed, name: self.last.borrow().clone() })
    }

    /// Read what is new in the log: one call where nothing is.
    fn look(&self) {
        let Some(log) = &self.log else { return };
        let mut record = [0; MAX_RECORD_LEN];
        for _ in 0..MAX_RECORDS {
            match rustix::io::read(log, &mut record) {
                Ok(len) => {
                    if let Some(name) = victim(&record[..len]) {
                        self.killed.update(|killed| killed + 1);
                        self.last.replace(name);
                    }
                }
                // Records were overwritten before they were read.
                Err(Errno::PIPE | Errno::INTR) => {}
                Err(_) => return,
            }
        }
        let _ = rustix::fs::seek(log, SeekFrom::End(0));
    }
}

/// The name of a process that a record of the kernel's own says it has killed for memory.
fn victim(record: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(record);
    let (head, text) = text.split_once(';')?;
    let priority: u32 = head.split(',').next()?.parse().ok()?;
    // Of another facility than the kernel's it was written by a program.
    if priority >> 3 != 0 || !text.to_ascii_lowercase().contains("out of memory") {
        return None;
    }
    let (_, process) = text.split_once("Killed process ")?;
    let (_, name) = process.lines().next()?.split_once('(')?;
    let end = name.find(") total-vm").or_else(|| name.rfind(')'))?;
    let mut name = name[..end].to_owned();
    cut(&mut name, MAX_NAME_LEN);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::victim;

    #[test]
    fn only_the_kernel_says_who_was_killed() {
        let line = "Out of memory: Killed process 123 (perl) total-vm:2097152kB, anon-rss:1kB, UID:0 pgtables:1kB";
        assert_eq!(victim(format!("3,339,5140900,-;{line}\n").as_bytes()).as_deref(), Some("perl"));
        assert_eq!(
            victim(format!("11,339,5140900,-;{line}\n").as_bytes()),
            None,
            "a program wrote it"
        );
        let odd = "6,1,1,-;Memory cgroup out of memory: Killed process 7 (a) (b)) total-vm:1kB\n SUBSYSTEM=x\n";
        assert_eq!(victim(odd.as_bytes()).as_deref(), Some("a) (b)"));
        for other in [
            "",
            ";",
            "3",
            "3,1,1,-;Out of memory",
            "x,1;Out of memory: Killed process 1 (x)",
            "3,1;Killed process 1 (x)",
        ] {
            assert_eq!(victim(other.as_bytes()), None, "{other}");
        }
        assert_eq!(
            victim(b"3,1;Out of memory: Killed process 1 (\xff\xff\xff\xff\xff\xff\xff) total-vm")
                .unwrap()
                .len(),
            15
        );
    }
}
