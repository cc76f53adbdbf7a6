//! A pseudo-terminal with `pyro` on it, as a person has one.

use crate::home::Home;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(120);

pub struct Person {
    pub child: Child,
    /// Our end; the other one, kept open, tells the settings after `pyro` has ended.
    ours: File,
    theirs: File,
    shown: Receiver<Vec<u8>>,
    seen: String,
}

impl Person {
    /// Start `pyro` with these arguments on a terminal of this size.
    pub fn starts(home: &Home, args: &[&str], cols: u16, rows: u16) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags).unwrap();
        unlockpt(&ours).unwrap();
        let theirs = ioctl_tiocgptpeer(&ours, flags).unwrap();
        let (ours, theirs) = (File::from(ours), File::from(theirs));
        let size = Winsize { ws_col: cols, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&ours, size).unwrap();
        let end = || Stdio::from(theirs.try_clone().unwrap());
        let mut command = home.pyro(args);
        command.stdin(end()).stdout(end()).stderr(end());
        let control = || {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
            Ok(())
        };
        // SAFETY: two system calls that allocate nothing.
        unsafe { command.pre_exec(control) };
        let child = command.spawn().unwrap();
        let (show, shown) = channel();
        let mut from = ours.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(len @ 1..) = from.read(&mut bytes) {
                if show.send(bytes[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, ours, theirs, shown, seen: String::new() }
    }

    pub fn types(&mut self, text: &str) {
        self.ours.write_all(text.as_bytes()).unwrap();
    }

    /// Read on until `text` is shown; what was shown up to then.
    #[track_caller]
    pub fn sees(&mut self, text: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.seen.find(text) {
                return self.seen.drain(..at + text.len()).collect();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let bytes = self.shown.recv_timeout(left);
            let bytes = bytes.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    pub fn resizes(&self, cols: u16, rows: u16) {
        let size = Winsize { ws_col: cols, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.ours, size).unwrap();
    }

    /// Whether the terminal takes lines, as a shell of the host's needs it.
    pub fn is_cooked(&self) -> bool {
        tcgetattr(&self.theirs).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// Wait for the end of `pyro`: its exit status.
    #[track_caller]
    pub fn status(&mut self) -> Option<i32> {
        let ended = crate::home::eventually("end of pyro", || self.child.try_wait().unwrap());
        ended.code()
    }
}
