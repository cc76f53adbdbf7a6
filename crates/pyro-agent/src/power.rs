//! Power: ending the guest.

use rustix::system::{RebootCommand, reboot};

/// Write everything back and switch the machine off; it does not return.
pub(crate) fn off() -> ! {
    rustix::fs::sync();
    // Without ACPI the kernel turns a power-off into a halt that never returns. `reboot=t` on the
    // command line makes a restart a triple fault there, which ends a machine that was started with
    // `-no-reboot`.
    if std::path::Path::new("/sys/firmware/acpi").exists() {
        let _ = reboot(RebootCommand::PowerOff);
    }
    let _ = reboot(RebootCommand::Restart);
    // Both can fail only when this is not PID 1 of the guest.
    crate::sys::exit_now(1)
}
