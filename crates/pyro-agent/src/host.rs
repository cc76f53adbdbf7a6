//! A plain process: the agent beside its caller, for hosts that can run no guest and for tests.

use crate::agent::Agent;
use crate::channel::{Channel, End, Shared};
use crate::descendants::Marks;
use crate::greeting::Met;
use crate::identity::Identity;
use crate::place::Place;
use crate::reaper::Reaper;
use crate::tree::Trees;
use crate::workers::Workers;
use crate::{greeting, guardian, prepare, session, sys};
use rustix::fs::{Mode, OFlags};
use rustix::process::{
    PidfdFlags, Resource, Rlimit, getpid, getppid, getrlimit, pidfd_open, set_child_subreaper,
    setrlimit,
};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::rc::Rc;
use tokio::io::Interest;
use tokio::signal::unix::{SignalKind, signal};

/// Serve the host at the other end of descriptor `number`, until it closes it or ends. The
/// directory at descriptor `root` is `/` to operations on files.
pub(crate) fn run(number: &str, root: Option<&str>, begun_us: u64) -> ExitCode {
    match start(number, root, begun_us) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            let _ = writeln!(io::stderr(), "pyro-agent: {err}");
            ExitCode::FAILURE
        }
    }
}

fn start(number: &str, root: Option<&str>, begun_us: u64) -> io::Result<()> {
    let channel = inherited(number)?;
    let root = root.map(inherited).transpose()?;
    rustix::fs::fcntl_setfl(&channel, OFlags::RDWR | OFlags::NONBLOCK)?;
    // What detaches from a command becomes a child of this process, so that nothing outlives it.
    set_child_subreaper(Some(getpid()))?;
    let nofile = getrlimit(Resource::Nofile);
    let _ =
        setrlimit(Resource::Nofile, Rlimit { current: nofile.maximum, maximum: nofile.maximum });
    let marks = Marks::new()?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    let _guardian = guardian::start(&marks, null.as_fd())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new()
        .block_on(&runtime, serve((channel, root), marks, null, nofile, begun_us))
}

/// A descriptor that the caller has left open; commands do not get it.
fn inherited(number: &str) -> io::Result<OwnedFd> {
    let number: i32 =
        number.parse().map_err(|_| io::Error::other(format!("{number:?} is not a descriptor")))?;
    if number < 3 {
        return Err(io::Error::other(format!("descriptor {number} is a standard one")));
    }
    let held = sys::inherited(number)?;
    rustix::io::fcntl_setfd(&held, rustix::io::FdFlags::CLOEXEC)?;
    Ok(held)
}

async fn serve(
    (channel, root): (OwnedFd, Option<OwnedFd>),
    marks: Marks,
    null: OwnedFd,
    nofile: Rlimit,
    begun_us: u64,
) -> io::Result<()> {
    let (reaper, signals) = Reaper::new()?;
    let agent = Rc::new(Agent {
        place: Place::Host { root }.into(),
        execs: Default::default(),
        beginning: Default::default(),
        background: Default::default(),
        memory: Default::default(),
        trees: Trees::Marks(marks),
        reaper: Rc::clone(&reaper),
        null,
        identity: Identity::of_the_host(),
        nofile,
        workers: Workers::start()?,
        activity: Default::default(),
    });
    tokio::task::spawn_local(reaper.run(signals));
    let channel = Shared::new(Channel::new(channel, End::Final)?);
    let result = tokio::select! {
        result = converse(&agent, &channel, begun_us) => result,
        ended = abandoned() => ended,
    };
    agent.trees.kill_everything();
    result
}

async fn converse(agent: &Rc<Agent>, channel: &Shared, begun_us: u64) -> io::Result<()> {
    greeting::ready(channel, begun_us).await?;
    loop {
        match greeting::meet(channel, &agent.identity).await? {
            Met::Host => session::run(agent, channel).await,
            Met::Order(_) => greeting::prepared(channel, Err(prepare::only_in_a_guest())).await?,
            Met::Nobody => return Ok(()),
        }
    }
}

/// Ends when this process is told to, or its caller has ended while something else still holds the
/// channel. (`PR_SET_PDEATHSIG` would fire when the caller's *thread* ends.)
async fn abandoned() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let parent = getppid().map(|pid| pidfd_open(pid, PidfdFlags::empty())).transpose()?;
    let parent_ends = async {
        match parent.map(|parent| sys::ready_when(parent, Interest::READABLE)) {
            Some(Ok(parent)) => parent.readable().await.map(|_| ()),
            _ => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        ended = parent_ends => ended,
    }
}
