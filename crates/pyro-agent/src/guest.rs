//! A guest: the agent as PID 1.

use crate::agent::Agent;
use crate::cgroup::Cgroups;
use crate::channel::{Channel, End, Shared};
use crate::greeting::Met;
use crate::identity::Identity;
use crate::memory::Memory;
use crate::place::Place;
use crate::reaper::Reaper;
use crate::tree::Trees;
use crate::workers::Workers;
use crate::{boot, console, greeting, prepare, root, session, world};
use rustix::fs::{Mode, OFlags};
use rustix::process::Rlimit;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

/// Boot, and serve one host after the other until the power goes.
pub(crate) fn run(begun_us: u64) -> ExitCode {
    std::panic::set_hook(Box::new(|panic| console::say(&format!("fatal: {panic}"))));
    let port = boot::channel().unwrap_or_else(|err| console::fatal(&err));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap_or_else(|err| console::fatal(&err));
    let served = tokio::task::LocalSet::new().block_on(&runtime, serve(port, begun_us));
    match served {
        Ok(never) => match never {},
        Err(err) => console::fatal(&format_args!("the channel is lost: {err}")),
    }
}

async fn serve(port: OwnedFd, begun_us: u64) -> io::Result<std::convert::Infallible> {
    let (reaper, signals) = Reaper::new()?;
    for directory in [root::DISK, root::NAMES, root::KERNEL] {
        std::fs::create_dir_all(directory)?;
    }
    let trees = Trees::Cgroups(Cgroups::new("/sys/fs/cgroup/pyro".into())?);
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    let (memory, identity) = (Memory::of_a_guest(), Identity::of_a_guest(Path::new(root::NAMES))?);
    // Before the hello, which in a vm from a template comes later: nobody waits for this then.
    let waiting = world::begin(&trees, &reaper, null.as_fd())
        .and_then(|waiting| waiting.until_prepared().map(|()| waiting))
        .map_err(|failure| io::Error::other(failure.message))?;
    // After that clone, which wants one thread only, and before the mount, which forbids the main
    // thread to make others.
    let workers = Workers::start()?;
    let agent = Rc::new(Agent {
        place: Place::Unmounted(Some(waiting)).into(),
        execs: Default::default(),
        beginning: Default::default(),
        background: Default::default(),
        memory,
        trees,
        reaper: Rc::clone(&reaper),
        null,
        identity,
        nofile: Rlimit { current: Some(65_536), maximum: Some(1_048_576) },
        workers,
        activity: Default::default(),
    });
    tune_disks();
    tokio::task::spawn_local(reaper.run(signals));
    let channel = Shared::new(Channel::new(port, End::Wait)?);
    console::quieten();
    greeting::ready(&channel, begun_us).await?;
    loop {
        match greeting::meet(&channel, &agent.identity).await? {
            Met::Host => session::run(&agent, &channel).await,
            Met::Order(order) => {
                greeting::prepared(&channel, prepare::carry_out(&agent, &order).await).await?
            }
            Met::Nobody => {}
        }
    }
}

/// The host schedules, merges and counts a disk's requests; doing it here too only costs
/// instructions. A kernel that cannot leave it is as before.
fn tune_disks() {
    for disk in std::fs::read_dir("/sys/block").into_iter().flatten().flatten() {
        for (knob, value) in
            [("scheduler", "none"), ("iostats", "0"), ("wbt_lat_usec", "0"), ("add_random", "0")]
        {
            let _ = std::fs::write(disk.path().join("queue").join(knob), value);
        }
    }
}
