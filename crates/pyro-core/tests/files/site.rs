//! A site: a directory, and an agent as a plain process that works in it.

use pyro_core::testing::{Channel, ClientError, GuestStream, Identity, Port};
use pyro_protocol::message::Failure;
use pyro_protocol::tree::{Action, Expect, Step};
use pyro_protocol::{GuestPath, TreePath};
use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

/// Nothing here takes this long unless it hangs.
const LIMIT: Duration = Duration::from_secs(200);

pub struct Site {
    dir: tempfile::TempDir,
    agent: Child,
    channel: Channel,
    is_traced: bool,
}

impl Site {
    pub async fn start() -> Self {
        Self::start_under(tempfile::tempdir().unwrap(), &[]).await
    }

    /// Start the agent as the last arguments of `wrapper`.
    pub async fn start_under(dir: tempfile::TempDir, wrapper: &[String]) -> Self {
        let program = dir.path().join(".agent");
        if !program.exists() {
            fs::write(&program, pyro_core::testing::agent_executable().unwrap()).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let number = theirs.as_raw_fd();
        let agent =
            [program.to_str().unwrap(), "--host", "--fd", &number.to_string()].map(str::to_owned);
        let words: Vec<&String> = wrapper.iter().chain(&agent).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).kill_on_drop(true);
        // SAFETY: clears a flag of a descriptor that the parent holds open; async-signal-safe.
        unsafe {
            command.pre_exec(move || {
                libc::fcntl(number, libc::F_SETFD, 0);
                Ok(())
            })
        };
        // Another test's child may hold the program's file open for writing for a moment.
        let agent = loop {
            match command.spawn() {
                Err(err) if err.raw_os_error() == Some(libc::ETXTBSY) => {
                    tokio::task::yield_now().await
                }
                spawned => break spawned.unwrap(),
            }
        };
        drop(theirs);
        let mut port = Port::new(UnixStream::from_std(ours).unwrap());
        port.ready(LIMIT).await.unwrap();
        let (channel, _) = port.hello(&Identity { hostname: "test".into() }, LIMIT).await.unwrap();
        Self { dir, agent, channel, is_traced: !wrapper.is_empty() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub async fn stream(&self) -> GuestStream {
        self.channel.open().await.unwrap()
    }

    pub fn peak_memory_kib(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.agent.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// End the agent and keep the directory.
    pub async fn end(mut self) -> tempfile::TempDir {
        if let Some(pid) = self.agent.id() {
            // Under a tracer the agent is its child.
            let children =
                fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            let agent = children.split_whitespace().next().and_then(|child| child.parse().ok());
            let agent = agent.filter(|_| self.is_traced).unwrap_or(i32::try_from(pid).unwrap());
            // SAFETY: takes numbers only; the process is our child, or its, and is not reaped yet.
            unsafe { libc::kill(agent, libc::SIGTERM) };
        }
        within(self.agent.wait()).await.unwrap();
        self.dir
    }
}

pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.expect("hangs")
}

/// Poll, since what is done behind an answer makes no event.
pub async fn until(mut check: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !check() {
        assert!(begun.elapsed() < LIMIT, "never came true");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub fn guest(path: &Path) -> GuestPath {
    GuestPath::parse(path.as_os_str().as_bytes()).unwrap()
}

pub fn step(path: &str, expect: Expect, action: Action) -> Step {
    Step { path: TreePath::parse(path.as_bytes()).unwrap(), expect, action }
}

pub fn failed<T>(outcome: Result<T, ClientError>) -> Failure {
    match outcome {
        Err(ClientError::Failed(failure)) => failure,
        Err(other) => panic!("expected a failure, met {other:?}"),
        Ok(_) => panic!("expected a failure"),
    }
}

/// All that must be equal of two trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub path: TreePath,
    mode: u32,
    mtime: (i64, i64),
    content: Vec<u8>,
    first: Option<TreePath>,
}

pub fn seen(root: &Path) -> Vec<Seen> {
    let mut firsts = std::collections::HashMap::new();
    let mut all = Vec::new();
    pyro_core::testing::host_tree::list(root, None, |entry| {
        let path = if entry.path.is_root() {
            root.to_owned()
        } else {
            root.join(OsStr::from_bytes(entry.path.as_bytes()))
        };
        let meta = fs::symlink_metadata(&path).unwrap();
        let content = if meta.is_file() { fs::read(&path).unwrap() } else { entry.target.clone() };
        let shared = meta.is_file() && meta.nlink() > 1;
        let first =
            shared.then(|| firsts.entry(meta.ino()).or_insert_with(|| entry.path.clone()).clone());
        let mtime = (meta.mtime(), meta.mtime_nsec());
        all.push(Seen { path: entry.path, mode: meta.mode(), mtime, content, first });
        Ok::<(), pyro_core::testing::HostTreeError>(())
    })
    .unwrap();
    all
}

/// A tree with all that is kept: modes, links of both kinds, odd names, holes, old times.
pub fn build(root: &Path) {
    fs::create_dir_all(root.join("dir/sub")).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    fs::write(root.join("dir/run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(root.join("dir/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(root.join("dir/secret"), "s").unwrap();
    fs::set_permissions(root.join("dir/secret"), fs::Permissions::from_mode(0o400)).unwrap();
    fs::hard_link(root.join("dir/run.sh"), root.join("dir/sub/again")).unwrap();
    fs::write(root.join("big"), (0..3_000_000u32).map(|at| at as u8).collect::<Vec<_>>()).unwrap();
    for name in [&b"new\nline"[..], b"\xff\xfe", b" ", &[b'n'; 255]] {
        fs::write(root.join(OsStr::from_bytes(name)), name).unwrap();
    }
    for (name, target) in
        [("abs", "/etc/passwd"), ("up", "../../.."), ("loop", "loop"), ("in", "dir/run.sh")]
    {
        std::os::unix::fs::symlink(target, root.join(name)).unwrap();
    }
    let sparse = fs::File::create(root.join("sparse")).unwrap();
    sparse.write_all_at(b"end", 10 << 20).unwrap();
    sparse.set_len(20 << 20).unwrap();
    let old = std::time::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    for name in ["big", "dir/secret", "empty"] {
        fs::File::open(root.join(name))
            .unwrap()
            .set_times(fs::FileTimes::new().set_modified(old))
            .unwrap();
    }
}
