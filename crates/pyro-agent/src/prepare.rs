//! Preparing: what is done once, in a guest that others are copied from, so that none of them has
//! to do it again.

use crate::agent::Agent;
use crate::failure::{failure, from_io};
use crate::{mount, spawn, user};
use pyro_protocol::GuestPath;
use pyro_protocol::hello::Prepare;
use pyro_protocol::message::{Command, Exec, Failure, FailureKind, Shell};
use std::rc::Rc;
use std::time::Duration;

/// How long one line may run: an emulated guest on a busy host starts a program within a second.
const LINE_LIMIT: Duration = Duration::from_secs(10);

/// Name of the clock that the kernel reads; nothing tells when it changes.
const CLOCK: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

/// How often it is looked at.
const CLOCK_STEP: Duration = Duration::from_millis(20);

/// How long it is waited for.
const CLOCK_LIMIT: Duration = Duration::from_secs(3);

/// Mount the disk, and run what is to be warm.
pub(crate) async fn carry_out(agent: &Rc<Agent>, order: &Prepare) -> Result<(), Failure> {
    mount::mount(agent, &order.mount).await?;
    for line in &order.warm {
        // What cannot be warmed is cold in the copies: they run no worse for it.
        let _ = run(agent, line).await;
    }
    agent.trees.prepare().map_err(|err| from_io("cgroup", &err))?;
    settle().await;
    // What it has written is on the disk, and not once in each copy's memory too.
    rustix::fs::sync();
    Ok(())
}

/// Wait until the kernel has made up its mind about its clock, a second after its boot: it stops
/// the machine for that, and would do so in every copy.
async fn settle() {
    let settled = async {
        while std::fs::read_to_string(CLOCK).is_ok_and(|name| name.trim() == "tsc-early") {
            tokio::time::sleep(CLOCK_STEP).await;
        }
    };
    // A kernel that takes longer is used as it is.
    let _ = tokio::time::timeout(CLOCK_LIMIT, settled).await;
}

/// The failure of an order that a plain process cannot carry out.
pub(crate) fn only_in_a_guest() -> Failure {
    failure(FailureKind::WrongState, "this agent has no guest to prepare")
}

/// Run a line to its end; its output is dropped, its status too.
async fn run(agent: &Agent, line: &str) -> Result<(), Failure> {
    let tree = agent.trees.plant(0).map_err(|err| from_io("cgroup", &err))?;
    let exec = Exec {
        id: 0,
        command: Command::Shell(line.to_owned()),
        cwd: GuestPath::root(),
        env: Vec::new(),
        stdin: false,
        sync: false,
        user: None,
        shell: Shell::Login,
        sequence: 0,
        terminal: None,
        until_tree_ends: false,
    };
    let ended = async {
        let person = user::look_up(&agent.place, &agent.workers, None).await?;
        let mut child = spawn::start(agent, &tree, &exec, person)?;
        child.confirm().await?;
        // Its pipes stay open until it has ended; what they cannot hold is not waited for.
        if tokio::time::timeout(LINE_LIMIT, child.exit.wait()).await.is_err() {
            let _ = agent.trees.signal(&tree, child.pid, libc::SIGKILL);
            child.exit.wait().await;
        }
        Ok(())
    };
    let ended = ended.await;
    agent.trees.forget(tree);
    ended
}
