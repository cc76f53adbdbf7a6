//! The agent's state: what outlives one operation.

use crate::background::Background;
use crate::identity::Identity;
use crate::memory::Memory;
use crate::place::Place;
use crate::reaper::Reaper;
use crate::running::Running;
use crate::tree::Trees;
use crate::workers::Workers;
use rustix::process::Rlimit;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;

/// What outlives one operation; shared by all tasks of the one thread.
pub(crate) struct Agent {
    /// Where commands run.
    pub(crate) place: RefCell<Place>,
    /// Commands that run, by the host's id.
    pub(crate) execs: RefCell<BTreeMap<u64, Running>>,
    /// Commands whose user is looked up, each with what ends it before it begins.
    pub(crate) beginning: RefCell<BTreeMap<u64, Rc<Notify>>>,
    /// What commands have left behind.
    pub(crate) background: Rc<Background>,
    /// Tells who was killed for memory.
    pub(crate) memory: Memory,
    /// Makes the trees that commands are killed by.
    pub(crate) trees: Trees,
    /// Waits for every child.
    pub(crate) reaper: Rc<Reaper>,
    /// Stdin of commands that have none of their own; held, since a command may remove the node.
    pub(crate) null: OwnedFd,
    /// What a hello changes.
    pub(crate) identity: Identity,
    /// Limit on descriptors that a command starts with.
    pub(crate) nofile: Rlimit,
    /// Threads for what blocks.
    pub(crate) workers: Workers,
    /// Told whenever the session has moved: a stream may have been reset.
    pub(crate) activity: Notify,
}

impl Agent {
    /// End all commands and let go of the disk, as far as that goes within some seconds.
    pub(crate) async fn end_world(&self) {
        if !self.place.borrow().is_guest() {
            // What was written is the host's to write back, as with any process.
            return self.trees.kill_everything();
        }
        rustix::fs::sync();
        let place = self.place.replace(Place::Gone);
        match place {
            Place::Mounted(world) => {
                let ended = self.reaper.watch_again(world.init());
                world.kill();
                // The init of a PID namespace is reaped after everything in it, and the last one
                // there unmounts.
                let _ = tokio::time::timeout(Duration::from_secs(5), ended.wait()).await;
            }
            Place::Unmounted(_) | Place::Mounting | Place::Gone | Place::Host { .. } => {}
        }
        rustix::fs::sync();
    }

    /// Switch off: the guest, or in a plain process the agent itself.
    pub(crate) fn power_off(&self) -> ! {
        if self.place.borrow().is_guest() {
            crate::power::off();
        }
        self.trees.kill_everything();
        std::process::exit(0)
    }
}
