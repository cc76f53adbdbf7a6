//! Exec: a command from its request to its exit.

use crate::agent::Agent;
use crate::background;
use crate::failure::{failure, from_io};
use crate::files;
use crate::input;
use crate::output;
use crate::person::Person;
use crate::reaper::{Ended, Exit};
use crate::running::Running;
use crate::spawn::{self, Child, Pipes};
use crate::sys;
use crate::terminal::{self, Terminal};
use crate::user;
use crate::wire::{Gone, Wire};
use pyro_protocol::FrameKind;
use pyro_protocol::message::{
    Command, Exec, ExitStatus, Exited, Failure, FailureKind, HangUp, Reply, Resize, Signal, Started,
};
use std::cell::Cell;
use std::collections::btree_map::Entry;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::{Notify, watch};

/// How long output is waited for after the command has ended while something else holds its pipes.
const GRACE: Duration = Duration::from_millis(50);

/// Run a command: to its end, or until the host closes the stream, which ends its whole tree.
pub(crate) async fn run(agent: &Rc<Agent>, wire: &Wire, request: &Exec) {
    let begun_us = crate::sys::monotonic_us();
    let killed_before = agent.memory.killed();
    let mut child = match begin_as(agent, request).await {
        Ok(Some(child)) => child,
        Ok(None) => {
            let duration_us = crate::sys::monotonic_us().saturating_sub(begun_us);
            let killed = Exited {
                status: ExitStatus::Signal(libc::SIGKILL),
                duration_us,
                out_of_memory: None,
            };
            return wire.finish(&Reply::Exited(killed)).await;
        }
        Err(failure) => return wire.finish(&Reply::Failed(failure)).await,
    };
    let exit = child.exit.clone();
    let outcome = match child.confirm().await {
        Ok(pid) => follow(agent, wire, child, request).await.map(|(ended, pipes)| {
            // A terminal is hung up with its session, and a tree that has ended holds no pipe.
            if request.terminal.is_none() && !request.until_tree_ends {
                background::keep(&agent.background, request, pid, pipes.into_iter().flatten());
            }
            Ok(ended)
        }),
        Err(failure) => Ok(Err(failure)),
    };
    if outcome.is_err() {
        kill(agent, request.id);
    }
    let ended = exit.wait().await;
    let out_of_memory = agent.memory.killed_since(killed_before);
    let running = agent.execs.borrow_mut().remove(&request.id);
    if let Some(Running { pid, tree, .. }) = running.as_ref().filter(|one| one.is_hung_up.get()) {
        // There is nobody left to tell of a failure.
        let _ = agent.trees.signal(tree, *pid, libc::SIGKILL);
    }
    match outcome {
        // Killed before its program started, it is a command that was killed.
        Ok(Err(_)) if ended.status == ExitStatus::Signal(libc::SIGKILL) => {
            let duration_us = ended.at_us.saturating_sub(begun_us);
            wire.finish(&Reply::Exited(Exited {
                status: ended.status,
                duration_us,
                out_of_memory,
            }))
            .await;
        }
        Ok(Ok(Ended { status, at_us })) => {
            let duration_us = at_us.saturating_sub(begun_us);
            let synced =
                if request.sync { files::sync(&agent.place, &agent.workers).await } else { Ok(()) };
            let exited = Reply::Exited(Exited { status, duration_us, out_of_memory });
            wire.finish(&synced.map_or_else(Reply::Failed, |()| exited)).await;
        }
        Ok(Err(failure)) => wire.finish(&Reply::Failed(failure)).await,
        Err(Gone) => {}
    }
    if let Some(Running { tree, .. }) = running {
        agent.trees.forget(tree);
    }
}

/// Find out whom it is to run as and with which shell, and start it; none when it was killed before
/// it began.
async fn begin_as(agent: &Agent, request: &Exec) -> Result<Option<Child>, Failure> {
    if request.user.is_none() && matches!(request.command, Command::Program(_)) {
        return begin(agent, request, Person::default()).map(Some);
    }
    agent.place.borrow().check_ready()?;
    let killed = Rc::new(Notify::new());
    match agent.beginning.borrow_mut().entry(request.id) {
        Entry::Occupied(_) => return Err(in_use(request.id)),
        Entry::Vacant(vacant) => drop(vacant.insert(killed.clone())),
    }
    let looked_up = tokio::select! {
        // First: a kill that was answered must not be lost.
        biased;
        () = killed.notified() => Ok(None),
        looked_up = user::look_up(&agent.place, &agent.workers, request.user.as_ref()) => looked_up.map(Some),
    };
    agent.beginning.borrow_mut().remove(&request.id);
    match looked_up? {
        Some(person) => begin(agent, request, person).map(Some),
        None => Ok(None),
    }
}

fn in_use(id: u64) -> Failure {
    failure(FailureKind::InvalidInput, format!("a command with id {id} is running"))
}

/// Start it and enter it among those that run.
fn begin(agent: &Agent, request: &Exec, person: Person) -> Result<Child, Failure> {
    agent.place.borrow().check_ready()?;
    let mut execs = agent.execs.borrow_mut();
    if execs.contains_key(&request.id) {
        return Err(in_use(request.id));
    }
    let tree = agent.trees.plant(request.id).map_err(|err| from_io("cgroup", &err))?;
    match spawn::start(agent, &tree, request, person) {
        Ok(child) => {
            let ours = child.terminal.as_ref().map(|terminal| terminal.ours.try_clone());
            let terminal = ours.transpose().map_err(|err| from_io("terminal", &err))?;
            let (pid, is_hung_up, is_signalled) = (child.pid, Cell::default(), Cell::default());
            execs.insert(request.id, Running { pid, tree, terminal, is_hung_up, is_signalled });
            Ok(child)
        }
        Err(failure) => {
            agent.trees.forget(tree);
            Err(failure)
        }
    }
}

/// Our ends of stdout and stderr, where somebody else holds the other ones still.
type Held = [Option<AsyncFd<OwnedFd>>; 2];

/// Carry its output and input until it has ended.
async fn follow(
    agent: &Agent,
    wire: &Wire,
    child: Child,
    request: &Exec,
) -> Result<(Ended, Held), Gone> {
    let pid = u32::try_from(child.pid).unwrap_or(0);
    let Pipes { stdin, stdout, stderr } = child.pipes;
    // As long as the command runs its terminal has somebody at its other end, whatever the command
    // closes: the runtime takes one that nobody has for ready for ever.
    let held = child.terminal.map(|Terminal { theirs, .. }| theirs);
    let exit = child.exit.clone();
    let fed = async {
        let activity = &agent.activity;
        if request.until_tree_ends {
            return input::feed(wire, stdin, activity).await;
        }
        tokio::select! {
            biased;
            _ = exit.wait() => std::future::pending().await,
            () = input::feed(wire, stdin, activity) => {}
        }
    };
    wire.send(&Reply::Started(Started { pid })).await?;
    let (stop, stopped) = watch::channel(false);
    let outputs = async {
        let out = output::pump(stdout, FrameKind::Stdout, wire, stopped.clone());
        let err = async {
            match stderr {
                Some(stderr) => output::pump(stderr, FrameKind::Stderr, wire, stopped).await,
                None => Ok(None),
            }
        };
        tokio::try_join!(out, err).map(|(out, err)| [out, err])
    };
    tokio::select! {
        biased;
        ended = end(over(agent, request, &child.exit), held, outputs, stop) => ended,
        () = fed => Err(Gone),
    }
}

/// Wait until the command has ended, or its whole tree where that is asked for.
async fn over(agent: &Agent, request: &Exec, exit: &Exit) -> Ended {
    let ended = exit.wait().await;
    if !request.until_tree_ends {
        return ended;
    }
    let is_signalled = match agent.execs.borrow().get(&request.id) {
        Some(running) => running.is_signalled.get(),
        None => return ended,
    };
    if ended.status != ExitStatus::Code(0) && !is_signalled {
        kill(agent, request.id);
    }
    loop {
        let members = match agent.execs.borrow().get(&request.id) {
            Some(Running { pid, tree, .. }) => agent.trees.members(tree, *pid),
            None => return ended,
        };
        // What cannot be looked at cannot be waited for either.
        let Ok(members) = members else { return ended };
        if members.is_empty() {
            return ended;
        }
        for member in members {
            if let Ok(member) = sys::ready_when(member, Interest::READABLE) {
                let _ = member.readable().await;
            }
        }
    }
}

/// Wait for the command, then for its output; not for what others may add to it.
async fn end(
    over: impl Future<Output = Ended>,
    held: Option<OwnedFd>,
    outputs: impl Future<Output = Result<Held, Gone>>,
    stop: watch::Sender<bool>,
) -> Result<(Ended, Held), Gone> {
    tokio::pin!(over, outputs);
    let ended = tokio::select! {
        biased;
        sent = &mut outputs => {
            let held = sent?;
            return Ok((over.await, held));
        }
        ended = &mut over => ended,
    };
    drop(held);
    if let Ok(sent) = tokio::time::timeout(GRACE, &mut outputs).await {
        return sent.map(|held| (ended, held));
    }
    stop.send_replace(true);
    outputs.await.map(|held| (ended, held))
}

fn kill(agent: &Agent, id: u64) {
    if let Some(Running { pid, tree, .. }) = agent.execs.borrow().get(&id) {
        // The tree's end is waited for where its leader is reaped; there is nobody left to tell of
        // a failure.
        let _ = agent.trees.signal(tree, *pid, libc::SIGKILL);
    }
}

/// Send a signal to a command.
pub(crate) fn signal(agent: &Agent, request: &Signal) -> Result<(), Failure> {
    if !(1..=64).contains(&request.signal) {
        return Err(failure(
            FailureKind::InvalidInput,
            format!("{} is not a signal", request.signal),
        ));
    }
    if request.signal == libc::SIGKILL
        && let Some(beginning) = agent.beginning.borrow().get(&request.exec)
    {
        beginning.notify_one();
        return Ok(());
    }
    let execs = agent.execs.borrow();
    let Some(Running { pid, tree, terminal, is_signalled, .. }) = execs.get(&request.exec) else {
        return Err(not_running(request.exec));
    };
    if request.foreground {
        return signal_foreground(terminal.as_ref(), request.signal);
    }
    if request.tree {
        is_signalled.set(true);
        return agent
            .trees
            .signal(tree, *pid, request.signal)
            .map_err(|err| from_io("cannot signal the tree", &err));
    }
    // The command leads a group of its own, and its number stays taken while anything is in the
    // group.
    crate::sys::kill(-*pid, request.signal).map_err(|err| match err.raw_os_error() {
        Some(libc::ESRCH) => failure(FailureKind::NotFound, "the command has ended"),
        _ => from_io("cannot signal the command", &err),
    })
}

/// Signal the job in the foreground of a terminal.
fn signal_foreground(terminal: Option<&OwnedFd>, signal: i32) -> Result<(), Failure> {
    let terminal = terminal.ok_or_else(no_terminal)?;
    let gone = || failure(FailureKind::NotFound, "no job is in the foreground of the terminal");
    let group = terminal::foreground(terminal).map_err(|_| gone())?;
    crate::sys::kill(-group, signal).map_err(|err| match err.raw_os_error() {
        Some(libc::ESRCH) => gone(),
        _ => from_io("cannot signal the job in the foreground", &err),
    })
}

/// Give a command's terminal another size.
pub(crate) fn resize(agent: &Agent, request: &Resize) -> Result<(), Failure> {
    let execs = agent.execs.borrow();
    let running = execs.get(&request.exec).ok_or_else(|| not_running(request.exec))?;
    terminal::resize(running.terminal.as_ref().ok_or_else(no_terminal)?, request.size)
}

/// Take a command's terminal away.
pub(crate) fn hang_up(agent: &Agent, request: &HangUp) -> Result<(), Failure> {
    let execs = agent.execs.borrow();
    let running = execs.get(&request.exec).ok_or_else(|| not_running(request.exec))?;
    running.is_hung_up.set(true);
    agent
        .trees
        .signal(&running.tree, running.pid, libc::SIGHUP)
        .map_err(|err| from_io("cannot hang up", &err))
}

fn not_running(id: u64) -> Failure {
    failure(FailureKind::NotFound, format!("no command with id {id} is running"))
}

fn no_terminal() -> Failure {
    failure(FailureKind::InvalidInput, "the command has no terminal")
}
