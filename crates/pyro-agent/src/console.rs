//! The console: the one place where the agent can say why there is no session.

use rustix::fs::{Mode, OFlags};

/// Write one line to the guest's console, best effort.
pub(crate) fn say(line: &str) {
    let text = format!("pyro-agent: {line}\n");
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
    match rustix::fs::open("/dev/console", flags, Mode::empty()) {
        Ok(console) => {
            let _ = rustix::io::write(&console, text.as_bytes());
            // The line must have left the serial port before the power goes.
            let _ = rustix::termios::tcdrain(&console);
        }
        Err(_) => {
            let _ = rustix::io::write(rustix::stdio::stderr(), text.as_bytes());
        }
    }
}

/// Kernel messages of this level and above (a lower number) go to the console, as with `quiet` on
/// the kernel's command line.
const CONSOLE_LEVEL: libc::c_int = 4;

/// Let the kernel say only what is wrong from now on: each byte on the console costs an emulated
/// guest time, and while the guest boots the host needs to see how far it is.
pub(crate) fn quieten() {
    const SYSLOG_ACTION_CONSOLE_LEVEL: libc::c_int = 8;
    // SAFETY: for this action the call takes no buffer, only the level.
    unsafe { libc::klogctl(SYSLOG_ACTION_CONSOLE_LEVEL, std::ptr::null_mut(), CONSOLE_LEVEL) };
}

/// Say why this guest cannot go on, and switch it off.
pub(crate) fn fatal(reason: &dyn std::fmt::Display) -> ! {
    say(&format!("fatal: {reason}"));
    if std::process::id() == 1 {
        crate::power::off();
    }
    crate::sys::exit_now(1)
}
