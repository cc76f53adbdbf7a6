//! Starting processes that outlive nobody: detached supervisors, and children tied to their parent.

use command_fds::{CommandFdExt, FdMapping};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;

/// A restriction that a child puts on itself between fork and exec.
pub type Restriction = Box<dyn FnMut() -> io::Result<()> + Send + Sync>;

/// What to start: a program, its arguments and the descriptors it inherits beside stdin, stdout and
/// stderr.
pub struct Spawn<'a> {
    /// The executable.
    pub program: &'a Path,
    /// Its arguments, without its name.
    pub args: Vec<OsString>,
    /// Variables over those of this process; a detached one has only some of these.
    pub variables: Vec<(&'static str, OsString)>,
    /// Descriptors, each at the number that the child knows it by.
    pub fds: Vec<(OwnedFd, i32)>,
    /// Where stderr goes.
    pub stderr: Stdio,
}

/// Variables that a detached process keeps, and beginnings of such: where programs and files are,
/// and how they talk. Whatever else its starter has may be a token, which is to end with it.
const KEPT: [&str; 9] =
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TMPDIR", "TZ", "GLIBC_TUNABLES"];
const KEPT_BEGINNINGS: [&str; 5] = ["PYRO_", "XDG_", "LC_", "LD_", "RUST_"];

fn is_kept(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    KEPT.contains(&&*name) || KEPT_BEGINNINGS.iter().any(|begin| name.starts_with(begin))
}

/// Start a process in a session of its own that lives on when this one ends.
///
/// # Errors
/// When the program cannot be executed.
pub fn detached(spawn: Spawn<'_>) -> io::Result<std::process::Child> {
    let mut command = prepare(spawn)?;
    for (name, _) in std::env::vars_os().filter(|(name, _)| !is_kept(name)) {
        command.env_remove(name);
    }
    before_exec(&mut command, || {
        rustix::process::setsid()?;
        Ok(())
    });
    command.spawn()
}

/// Start a child that the kernel kills when the thread that started it ends, in a process group of
/// its own, with `no_new_privs`, without core dumps, and under `restriction`.
///
/// # Errors
/// When the program cannot be executed or the restriction cannot be put on.
pub fn tied(spawn: Spawn<'_>, mut restriction: Restriction) -> io::Result<tokio::process::Child> {
    let parent = rustix::process::getpid();
    let mut command = prepare(spawn)?;
    before_exec(&mut command, move || {
        rustix::process::setpgid(None, None)?;
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // The parent may have ended before the line above: then nothing would ever end this child.
        if rustix::process::getppid() != Some(parent) {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        rustix::thread::set_no_new_privs(true)?;
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        rustix::process::setrlimit(rustix::process::Resource::Core, none)?;
        restriction()
    });
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    command.spawn()
}

/// Mark every descriptor above stderr to be closed by exec.
fn close_inherited() -> io::Result<()> {
    // SAFETY: a system call on numbers; with CLOEXEC nothing is closed in this process.
    let result = unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn prepare(spawn: Spawn<'_>) -> io::Result<std::process::Command> {
    let mut command = std::process::Command::new(spawn.program);
    command.args(spawn.args.iter().map(AsRef::<OsStr>::as_ref)).envs(spawn.variables);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(spawn.stderr);
    // A shell may have handed us descriptors of its own; a guest's process must not hold them.
    before_exec(&mut command, close_inherited);
    let mappings = spawn
        .fds
        .into_iter()
        .map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd })
        .collect();
    command.fd_mappings(mappings).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(command)
}

fn before_exec(
    command: &mut std::process::Command,
    act: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    use std::os::unix::process::CommandExt;
    // SAFETY: the closure runs between fork and exec. What `detached` and `prepare` register only
    // makes system calls; the restriction given to `tied` may allocate, which is sound because only
    // the supervisor, which has a single thread, starts tied children with one.
    unsafe {
        command.pre_exec(act);
    }
}
