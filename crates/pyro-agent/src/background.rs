//! Background: what processes print that a command has left behind, kept in bounds so that they can
//! go on writing.

use crate::text::cut;
use crate::wire::Wire;
use pyro_protocol::limits::{
    MAX_BACKGROUND_COMMAND_LEN, MAX_BACKGROUND_COMMANDS, MAX_BACKGROUND_TAIL_LEN,
};
use pyro_protocol::message::{Background as Told, Command, Exec, Reply};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Bytes that are kept of all commands together.
const MAX_TOTAL_LEN: usize = 1024 * 1024;

/// Pipes that are read at once. Those beyond are closed, as all of them were before any was read.
const MAX_PIPES: usize = 1024;

/// Bytes read at once.
const READ_LEN: usize = 16 * 1024;

/// What commands have left behind, the oldest first.
#[derive(Default)]
pub(crate) struct Background {
    tails: RefCell<VecDeque<Rc<Tail>>>,
    pipes: Cell<usize>,
}

/// One command's.
struct Tail {
    sequence: u64,
    command: String,
    pid: u32,
    /// Its pipes that some process may still write to.
    open: Cell<usize>,
    total: Cell<u64>,
    /// The last bytes; none once it made room for a newer command.
    bytes: RefCell<Option<VecDeque<u8>>>,
}

/// Go on reading the pipes of a command that has ended, until nobody holds them.
pub(crate) fn keep(
    background: &Rc<Background>,
    request: &Exec,
    pid: u32,
    pipes: impl IntoIterator<Item = AsyncFd<OwnedFd>>,
) {
    let room = MAX_PIPES.saturating_sub(background.pipes.get());
    let pipes: Vec<_> = pipes.into_iter().take(room).collect();
    if pipes.is_empty() {
        return;
    }
    let tail = background.begin(request.sequence, shown(&request.command), pid, pipes.len());
    for pipe in pipes {
        background.pipes.update(|count| count + 1);
        tokio::task::spawn_local(drain(Rc::clone(background), pipe, Rc::clone(&tail)));
    }
}

async fn drain(background: Rc<Background>, pipe: AsyncFd<OwnedFd>, tail: Rc<Tail>) {
    loop {
        let read = pipe.async_io(Interest::READABLE, |fd| {
            let mut buffer = [0; READ_LEN];
            let len = rustix::io::retry_on_intr(|| rustix::io::read(fd, &mut buffer))?;
            tail.push(&buffer[..len]);
            Ok(len)
        });
        match read.await {
            Ok(0) | Err(_) => break,
            Ok(_) => background.trim(),
        }
        // One that prints for ever must not keep the agent from its other work.
        tokio::task::yield_now().await;
    }
    drop(pipe);
    tail.open.update(|count| count - 1);
    background.pipes.update(|count| count - 1);
    background.forget_silent();
}

/// Tell it all, the oldest first.
pub(crate) async fn tell(background: &Background, wire: &Wire) {
    let told: Vec<Told> = background.tails.borrow().iter().map(|tail| tail.told()).collect();
    for one in told {
        if wire.send(&Reply::Background(one)).await.is_err() {
            return;
        }
    }
    wire.finish(&Reply::Done).await;
}

impl Background {
    fn begin(&self, sequence: u64, command: String, pid: u32, pipes: usize) -> Rc<Tail> {
        let mut tails = self.tails.borrow_mut();
        if tails.len() == MAX_BACKGROUND_COMMANDS {
            let ended = tails.iter().position(|tail| tail.open.get() == 0);
            if let Some(old) = tails.remove(ended.unwrap_or(0)) {
                // It is still read where somebody writes to it.
                old.bytes.take();
            }
        }
        let tail = Rc::new(Tail {
            sequence,
            command,
            pid,
            open: Cell::new(pipes),
            total: Cell::new(0),
            bytes: RefCell::new(Some(VecDeque::new())),
        });
        tails.push_back(Rc::clone(&tail));
        tail
    }

    /// Let the longest tail give way until all are within their bound.
    fn trim(&self) {
        let tails = self.tails.borrow();
        while tails.iter().map(|tail| tail.len()).sum::<usize>() > MAX_TOTAL_LEN {
            let Some(longest) = tails.iter().max_by_key(|tail| tail.len()) else { return };
            longest.shorten(longest.len() / 2);
        }
    }

    /// One that has ended and has never printed leaves nothing to tell.
    fn forget_silent(&self) {
        self.tails.borrow_mut().retain(|tail| tail.open.get() > 0 || tail.total.get() > 0);
    }
}

impl Tail {
    fn len(&self) -> usize {
        self.bytes.borrow().as_ref().map_or(0, VecDeque::len)
    }

    fn push(&self, new: &[u8]) {
        self.total.update(|total| total.saturating_add(new.len() as u64));
        if let Some(bytes) = &mut *self.bytes.borrow_mut() {
            bytes.extend(new);
        }
        self.shorten(MAX_BACKGROUND_TAIL_LEN);
    }

    /// Keep the last `len` bytes.
    fn shorten(&self, len: usize) {
        if let Some(bytes) = &mut *self.bytes.borrow_mut() {
            let surplus = bytes.len().saturating_sub(len);
            bytes.drain(..surplus);
        }
    }

    fn told(&self) -> Told {
        Told {
            sequence: self.sequence,
            command: self.command.clone(),
            pid: self.pid,
            running: self.open.get() > 0,
            bytes: self.total.get(),
            tail: self.bytes.borrow().iter().flatten().copied().collect(),
        }
    }
}

/// A command's beginning, cut at a character.
fn shown(command: &Command) -> String {
    let mut text = match command {
        Command::Shell(line) => line.clone(),
        Command::Program(arguments) => arguments.join(" "),
    };
    cut(&mut text, MAX_BACKGROUND_COMMAND_LEN);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(background: &Background) -> Vec<Told> {
        background.tails.borrow().iter().map(|tail| tail.told()).collect()
    }

    #[test]
    fn a_tail_is_the_last_that_came() {
        let background = Background::default();
        let tail = background.begin(7, "x".to_owned(), 9, 2);
        for number in 0..20_000 {
            tail.push(format!("{number}\n").as_bytes());
        }
        let told = told(&background).remove(0);
        assert_eq!((told.sequence, told.pid, told.running, told.bytes), (7, 9, true, 108_890));
        assert_eq!(told.tail.len(), MAX_BACKGROUND_TAIL_LEN);
        assert!(told.tail.ends_with(b"\n19998\n19999\n"));
    }

    #[test]
    fn all_together_are_bounded_and_the_newest_are_kept() {
        let background = Background::default();
        let tails: Vec<_> =
            (0..200).map(|number| background.begin(number, String::new(), 1, 1)).collect();
        for tail in &tails {
            tail.push(&[b'x'; 100_000]);
            background.trim();
        }
        let told = told(&background);
        assert_eq!(
            (told.len(), told[0].sequence, told[63].sequence),
            (MAX_BACKGROUND_COMMANDS, 136, 199)
        );
        let held: usize = tails.iter().map(|tail| tail.len()).sum();
        assert!((MAX_TOTAL_LEN / 4..=MAX_TOTAL_LEN).contains(&held), "{held}");
        assert!(told.iter().all(|one| one.bytes == 100_000 && !one.tail.is_empty()));
    }

    #[test]
    fn what_has_ended_makes_room_first_and_what_never_printed_is_forgotten() {
        let background = Background::default();
        let tails: Vec<_> =
            (0..64).map(|number| background.begin(number, String::new(), 1, 1)).collect();
        tails[5].push(b"last words");
        tails[5].open.set(0);
        background.begin(64, String::new(), 1, 1);
        assert!(told(&background).iter().all(|one| one.sequence != 5));
        tails[6].open.set(0);
        background.forget_silent();
        assert_eq!(told(&background).len(), 63);
    }

    #[test]
    fn a_command_is_cut_at_a_character() {
        let line = "é".repeat(600) + "x";
        assert_eq!(shown(&Command::Shell("x".to_owned() + &line)).len(), 1023);
        assert_eq!(shown(&Command::Program(vec!["a".to_owned(), "b".to_owned()])), "a b");
    }
}
