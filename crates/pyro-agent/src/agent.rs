//! The agent's state: what outlives one operation.

use crate::background::Background;
use crate::exec::Running;
use crate::failure::failure;
use crate::identity::Identity;
use crate::memory::Memory;
use crate::reaper::Reaper;
use crate::tree::Trees;
use crate::workers::Workers;
use crate::world::{Waiting, World};
use pyro_protocol::message::{Failure, FailureKind};
use rustix::process::Rlimit;
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;

/// Where commands run.
pub(crate) enum Place {
    /// In a guest whose disk is not mounted yet; with a world that waits for it, unless a mount has failed.
    Unmounted(Option<Waiting>),
    /// In a guest, on its disk.
    Mounted(World),
    /// In a guest whose disk is being mounted.
    Mounting,
    /// Nowhere: the guest's world has ended.
    Gone,
    /// Beside the agent, as the same user.
    Host {
        /// The directory that is `/` to operations on files; the host's own where there is none. Commands see the host's.
        root: Option<OwnedFd>,
    },
}

/// What outlives one operation; shared by all tasks of the one thread.
pub(crate) struct Agent {
    /// Where commands run.
    pub(crate) place: RefCell<Place>,
    /// Commands that run, by the host's id.
    pub(crate) execs: RefCell<BTreeMap<u64, Running>>,
    /// Commands whose user is looked up, each with what ends it before it begins.
    pub(crate) beginning: RefCell<BTreeMap<u64, Rc<Notify>>>,
    /// What commands have left behind.
    pub(crate) background: Background,
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
    /// Threads for what blocks; there once the first process of a guest's world is.
    pub(crate) workers: OnceCell<Workers>,
    /// Told whenever the session has moved: a stream may have been reset.
    pub(crate) activity: Notify,
}

impl Agent {
    /// Whether this is PID 1 of a guest.
    pub(crate) fn is_guest(&self) -> bool {
        !matches!(*self.place.borrow(), Place::Host { .. })
    }

    /// A failure unless commands can run.
    pub(crate) fn check_ready(&self) -> Result<(), Failure> {
        match *self.place.borrow() {
            Place::Mounted(_) | Place::Host { .. } => Ok(()),
            Place::Unmounted(_) | Place::Mounting => Err(failure(FailureKind::WrongState, "no disk is mounted yet")),
            Place::Gone => Err(failure(FailureKind::WrongState, "the guest's init process has ended")),
        }
    }

    /// Where work that blocks is given.
    pub(crate) fn workers(&self) -> Result<Workers, Failure> {
        self.workers.get().cloned().ok_or_else(|| failure(FailureKind::WrongState, "the agent has no workers yet"))
    }

    /// End all commands and let go of the disk, as far as that goes within some seconds.
    pub(crate) async fn end_world(&self) {
        if !self.is_guest() {
            // What was written is the host's to write back, as with any process.
            return self.trees.kill_everything();
        }
        rustix::fs::sync();
        let place = self.place.replace(Place::Gone);
        match place {
            Place::Mounted(world) => {
                let ended = self.reaper.watch_again(world.init());
                world.kill();
                // The init of a PID namespace is reaped after everything in it, and the last one there unmounts.
                let _ = tokio::time::timeout(Duration::from_secs(5), ended.wait()).await;
            }
            Place::Unmounted(_) | Place::Mounting | Place::Gone | Place::Host { .. } => {}
        }
        rustix::fs::sync();
    }

    /// Switch off: the guest, or in a plain process the agent itself.
    pub(crate) fn power_off(&self) -> ! {
        if self.is_guest() {
            crate::power::off();
        }
        self.trees.kill_everything();
        std::process::exit(0)
    }
}
