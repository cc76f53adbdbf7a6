//! Spawning: starting a command, exactly once, with all its ends in hand.

use crate::agent::Agent;
use crate::child::{self, Orders, Stage};
use crate::environment::Environment;
use crate::failure::{failure, from_errno, from_io};
use crate::launch::Launch;
use crate::person::{Credentials, Person};
use crate::place::Place;
use crate::reaper::Exit;
use crate::sys::{self, ChildStack};
use crate::terminal::{self, Terminal};
use crate::tree::Tree;
use crate::{descendants, launch};
use pyro_protocol::message::{Command, Exec, Failure, FailureKind};
use rustix::fs::{OFlags, Uid};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use tokio::io::Interest;

/// Room in the pipes of a guest's command: it goes on while the channel is busy with others.
const PIPE_LEN: usize = 1024 * 1024;

/// A command that was started; whether its program runs is told by [`Child::confirm`].
pub(crate) struct Child {
    /// Its process, as the agent sees it.
    pub(crate) pid: i32,
    /// Tells how it ends.
    pub(crate) exit: Exit,
    /// Our ends of its pipes.
    pub(crate) pipes: Pipes,
    /// Both ends of its terminal once more, where it has one.
    pub(crate) terminal: Option<Terminal>,
    report: OwnedFd,
    borrowed: Borrowed,
    cwd: String,
    program: String,
    user: String,
}

/// What the child still reads and writes of the agent's memory, until its report closes.
struct Borrowed {
    /// Its orders, and all that they point to; taken when they are free to go.
    held: Option<Box<Held>>,
}

struct Held {
    stack: ChildStack,
    orders: Orders,
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        // The operation was dropped before the child was seen to have started its program: it may
        // still be reading.
        if let Some(held) = self.held.take() {
            std::mem::forget(held);
        }
    }
}

/// Our ends of a command's pipes; none blocks. Those of a terminal are one and the same.
pub(crate) struct Pipes {
    /// To its stdin, when it has one.
    pub(crate) stdin: Option<OwnedFd>,
    /// From its stdout.
    pub(crate) stdout: OwnedFd,
    /// From its stderr, unless that comes with stdout.
    pub(crate) stderr: Option<OwnedFd>,
}

/// Start a command as `person`. Nothing waits in here, so its end cannot be missed.
pub(crate) fn start(
    agent: &Agent,
    tree: &Tree,
    request: &Exec,
    person: Person,
) -> Result<Child, Failure> {
    let place = agent.place.borrow();
    let beside_the_agent = !place.is_guest();
    let mut environment = if beside_the_agent {
        Environment::of_the_host(request.cwd.as_bytes())
    } else {
        Environment::of_a_guest()
    };
    if let Some(user) = &person.credentials {
        environment.put_user(user);
    }
    if let Some(shell) = &person.shell {
        environment.put_shell(shell);
    }
    environment.extend(&request.env)?;
    if let Some(mark) = tree.mark() {
        environment.put(descendants::VARIABLE.as_bytes(), mark.as_bytes());
    }
    let user = person.credentials.as_ref();
    let make = |size| terminal::make(&place, size, user);
    let terminal = request.terminal.map(make).transpose()?;
    let (pipes, theirs) = match &terminal {
        Some(terminal) => pipes_of(terminal),
        None => make_pipes(&place, &agent.null, request.stdin, user),
    }
    .map_err(|err| from_io("pipe", &err))?;
    let program = program_name(request, &person, beside_the_agent);
    let launch = Launch::prepare(request, &environment, person, agent.nofile, beside_the_agent)?;
    let (report, their_report) =
        pipe_with(PipeFlags::CLOEXEC).map_err(|err| from_errno("pipe", err))?;
    set_nonblocking(&report).map_err(|err| from_errno("pipe", err))?;
    let (pid, borrowed) = clone_into(&place, tree, launch, &theirs, &their_report)?;
    Ok(Child {
        pid,
        borrowed,
        exit: agent.reaper.watch(pid),
        pipes,
        terminal,
        report,
        cwd: String::from_utf8_lossy(request.cwd.as_bytes()).into_owned(),
        user: request.user.as_ref().map(ToString::to_string).unwrap_or_default(),
        program,
    })
}

fn program_name(request: &Exec, person: &Person, beside_the_agent: bool) -> String {
    match &request.command {
        Command::Shell(_) => {
            let shells = launch::shells(request.shell, person, beside_the_agent);
            String::from_utf8_lossy(&shells[0]).into_owned()
        }
        Command::Program(arguments) => arguments.first().cloned().unwrap_or_default(),
    }
}

fn clone_into(
    place: &Place,
    tree: &Tree,
    launch: Launch,
    theirs: &[OwnedFd; 3],
    report: &OwnedFd,
) -> Result<(i32, Borrowed), Failure> {
    let world = match place {
        Place::Mounted(world) => Some(world.pidfd().as_raw_fd()),
        _ => None,
    };
    let standard = theirs.each_ref().map(AsRawFd::as_raw_fd);
    let parent = std::process::id().cast_signed();
    let orders = Orders { launch, standard, report: report.as_raw_fd(), world, parent };
    let mut held = Box::new(Held { stack: ChildStack::new(), orders });
    let address = &raw const held.orders as usize;
    // SAFETY: `become_command` is such an entry for such an address; what it borrows is in the box,
    // which is kept until the report has closed.
    match unsafe {
        sys::clone_borrowing(tree.cgroup(), &mut held.stack, child::become_command, address)
    } {
        Ok(pid) => Ok((pid, Borrowed { held: Some(held) })),
        // A PID namespace without an init takes no more processes.
        Err(err) if world.is_some() && err.raw_os_error() == Some(libc::ENOMEM) => Err(failure(
            FailureKind::WrongState,
            "the guest's init process has ended, or its memory is full",
        )),
        Err(err) => Err(from_io("cannot start a process", &err)),
    }
}

fn pipes_of(terminal: &Terminal) -> io::Result<(Pipes, [OwnedFd; 3])> {
    let Terminal { ours, theirs } = terminal;
    let all = [theirs.try_clone()?, theirs.try_clone()?, theirs.try_clone()?];
    let (stdin, stdout) = (Some(ours.try_clone()?), ours.try_clone()?);
    Ok((Pipes { stdin, stdout, stderr: None }, all))
}

fn make_pipes(
    place: &Place,
    null: &OwnedFd,
    with_stdin: bool,
    user: Option<&Credentials>,
) -> io::Result<(Pipes, [OwnedFd; 3])> {
    // A pipe is its maker's; only its owner can open it again by name, as `/dev/stdout`.
    let hand_over = |pipe: &OwnedFd| match user {
        Some(user) => rustix::fs::fchown(pipe, Some(Uid::from_raw(user.uid)), None),
        None => Ok(()),
    };
    let (their_stdin, stdin) = if with_stdin {
        let (theirs, ours) = pipe_with(PipeFlags::CLOEXEC)?;
        hand_over(&theirs)?;
        set_nonblocking(&ours)?;
        (theirs, Some(ours))
    } else {
        (null.try_clone()?, None)
    };
    let output = || -> io::Result<(OwnedFd, OwnedFd)> {
        let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
        hand_over(&theirs)?;
        set_nonblocking(&ours)?;
        if place.is_guest() {
            // A refusal costs speed only. On a host it would use up what its user's other programs
            // may have.
            let _ = fcntl_setpipe_size(&ours, PIPE_LEN);
        }
        Ok((ours, theirs))
    };
    let (stdout, their_stdout) = output()?;
    let (stderr, their_stderr) = output()?;
    Ok((Pipes { stdin, stdout, stderr: Some(stderr) }, [their_stdin, their_stdout, their_stderr]))
}

fn set_nonblocking(pipe: &OwnedFd) -> Result<(), Errno> {
    rustix::fs::fcntl_setfl(pipe, OFlags::NONBLOCK)
}

impl Child {
    /// Wait until the program runs, and give its process id as its own world sees it; otherwise say
    /// what failed.
    pub(crate) async fn confirm(&mut self) -> Result<u32, Failure> {
        let report =
            self.read_report().await.map_err(|err| from_io("cannot start a process", &err))?;
        // The report is closed: the child has a memory of its own, or none.
        drop(self.borrowed.held.take());
        let what = |name: &str| from_errno(name, Errno::from_raw_os_error(report[2]));
        match report[1] {
            0 if report[0] > 0 => Ok(report[0].cast_unsigned()),
            stage if stage == Stage::Directory as i32 => Err(failure(
                FailureKind::Directory,
                what(&format!("working directory {}", self.cwd)).message,
            )),
            stage if stage == Stage::Program as i32 => Err(what(&self.program)),
            stage if stage == Stage::User as i32 => Err(failure(
                FailureKind::Io,
                what(&format!("cannot become user {}", self.user)).message,
            )),
            stage if stage == Stage::World as i32 => {
                Err(failure(FailureKind::WrongState, "the guest's init process has ended"))
            }
            // It was killed before it could say anything.
            _ => Err(failure(FailureKind::Io, "the new process ended before its program started")),
        }
    }

    /// The child's numbers (pid, stage, errno), 0 for those that it did not write.
    async fn read_report(&self) -> io::Result<[i32; 3]> {
        let report = sys::ready_when(self.report.as_fd(), Interest::READABLE)?;
        let mut bytes = [0; 16];
        let mut len = 0;
        // To its end, also when all numbers are there: only then is the child done with the agent's
        // memory.
        loop {
            let rest = &mut bytes[len..];
            match report
                .async_io(Interest::READABLE, |fd| Ok(rustix::io::read(fd, &mut *rest)?))
                .await?
            {
                0 => break,
                read => len += read,
            }
        }
        let number = |at: usize| {
            i32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        Ok([number(0), number(4), number(8)])
    }
}
