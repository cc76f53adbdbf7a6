//! The user's terminal, handed to what runs in a guest: raw, with its size, and put back whatever
//! happens.

use crate::{exit, printer, streams};
use pyro_core::{Terminal, TerminalSize, limits};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use std::io::{self, IsTerminal, Write};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The key that detaches, as it is called.
pub(super) const DETACH_KEY: &str = "Ctrl-]";

/// The byte that a terminal sends for it.
const DETACH_BYTE: u8 = 0x1d;

/// What programs may have left a terminal in: the alternate screen, a hidden cursor, keypads of
/// their own, reports of a mouse, marked pastes, a region that scrolls, colours. None of it moves
/// the cursor.
const PUT_BACK: &str = "\x1b[?1047l\x1b[?25h\x1b[?1l\x1b>\x1b[?1000l\x1b[?1002l\x1b[?1003l\
                        \x1b[?1006l\x1b[?2004l\x1b7\x1b[r\x1b8\x1b[0m";

/// The terminal's settings as they were, while they are others.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether this process has a terminal to hand on.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Say that there is none, and what to do instead; the exit status.
pub(super) fn tell_of_none(hint: &str) -> i32 {
    printer::talk("error: this needs a terminal, and stdin or stdout is none");
    printer::talk(&format!("hint: {hint}"));
    exit::USAGE
}

/// Its size, as far as a guest's terminal may have it.
pub(super) fn size() -> TerminalSize {
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            limits::nearest_terminal_size(size.ws_col, size.ws_row)
        }
        _ => limits::nearest_terminal_size(limits::DEFAULT_COLS, limits::DEFAULT_ROWS),
    }
}

/// The terminal while it is handed on; dropped, it is as it was.
pub(super) struct Attached {
    key: Option<u8>,
}

impl Attached {
    /// Take the terminal over, with [`DETACH_KEY`] as the end of its input.
    pub(super) fn new() -> Self {
        make_raw();
        Self { key: Some(DETACH_BYTE) }
    }

    /// Take the terminal over, with every key for what runs in the guest; [`make_raw`] is to
    /// follow.
    pub(super) fn whole() -> Self {
        Self { key: None }
    }

    /// It, as core takes it; called on a runtime.
    pub(super) fn terminal(&self) -> Terminal {
        let input = UntilKey { from: streams::stdin(), key: self.key, is_over: false };
        let (input, output) = (Box::new(input), Box::new(streams::stdout()));
        Terminal { input, output, sizes: watch_size() }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        restore();
    }
}

/// Its size, and whenever that changes.
fn watch_size() -> watch::Receiver<TerminalSize> {
    let (sender, sizes) = watch::channel(size());
    match signal(SignalKind::window_change()) {
        Ok(mut changes) => drop(tokio::spawn(async move {
            while changes.recv().await.is_some() && !sender.is_closed() {
                sender.send_replace(size());
            }
        })),
        Err(error) => tracing::warn!(%error, "a new size of the terminal is not seen"),
    }
    sizes
}

/// Let every key through as it is.
pub(super) fn make_raw() {
    let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    let Ok(settings) = tcgetattr(io::stdin()) else { return };
    let mut raw = settings.clone();
    raw.make_raw();
    if tcsetattr(io::stdin(), OptionalActions::Now, &raw).is_ok() {
        *before = Some(settings);
    }
}

/// Put the terminal back as it was, if it is not.
pub(super) fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(settings) = before else { return };
    let _ = io::stdout().write_all(PUT_BACK.as_bytes()).and_then(|()| io::stdout().flush());
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &settings);
}

/// Input that ends with a key.
struct UntilKey<R> {
    from: R,
    key: Option<u8>,
    is_over: bool,
}

impl<R: AsyncRead + Unpin> AsyncRead for UntilKey<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over {
            return Poll::Ready(Ok(()));
        }
        let begin = into.filled().len();
        ready!(Pin::new(&mut self.from).poll_read(context, into))?;
        let key = self.key;
        let met = into.filled()[begin..].iter().position(|byte| Some(*byte) == key);
        if let Some(at) = met {
            self.is_over = true;
            into.set_filled(begin + at);
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn input_ends_with_the_key() {
        for (typed, key, read) in [
            (&b"abc\x1ddef"[..], Some(DETACH_BYTE), &b"abc"[..]),
            (b"\x1d", Some(DETACH_BYTE), b""),
            (b"abc", Some(DETACH_BYTE), b"abc"),
            (b"abc\x1ddef", None, b"abc\x1ddef"),
        ] {
            let mut input = UntilKey { from: typed, key, is_over: false };
            let mut met = Vec::new();
            input.read_to_end(&mut met).await.unwrap();
            assert_eq!(met, read, "{typed:?}");
        }
    }
}
