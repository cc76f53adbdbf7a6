//! The built agent as a plain process, driven over a socket pair as a host would.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "this is a test"
)]

mod client;
mod ends;
mod terminal;

use client::{Meeting, Session, hello, program, shell};
use pyro_protocol::frame::header;
use pyro_protocol::message::{Exec, ExitStatus, FailureKind, Mount, Reply, Request, Signal};
use pyro_protocol::variable::Variable;
use pyro_protocol::{GuestPath, User};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream as StdStream;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

/// Nothing here takes this long unless it hangs.
const LIMIT: Duration = Duration::from_secs(60);

struct Agent {
    process: Child,
    meeting: Option<Meeting>,
}

fn start() -> Agent {
    let (ours, theirs) = StdStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let number = theirs.as_raw_fd();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyro-agent"));
    command.args(["--host", "--fd", &number.to_string()]).kill_on_drop(true);
    let keep = move || {
        // SAFETY: changes a flag of a descriptor that the parent holds open.
        unsafe { libc::fcntl(number, libc::F_SETFD, 0) };
        Ok(())
    };
    // SAFETY: only async-signal-safe calls. Cleared here and not before, or children of other tests
    // would inherit it.
    unsafe { command.pre_exec(keep) };
    let process = command.spawn().unwrap();
    drop(theirs);
    Agent { process, meeting: Some(Meeting::new(UnixStream::from_std(ours).unwrap())) }
}

async fn session() -> (Agent, Session) {
    let mut agent = start();
    let mut meeting = agent.meeting.take().unwrap();
    meeting.ready().await;
    meeting.hello(&hello(1)).await;
    (agent, meeting.session())
}

fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with(['Z', 'X']))
}

/// Poll, since the end of a process that is nobody's child here makes no event.
async fn until(what: &str, mut check: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !check() {
        assert!(begun.elapsed() < LIMIT, "{what} never came true");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.expect("hangs")
}

fn number(path: &Path) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[tokio::test]
async fn exit_codes_signals_and_separate_streams() {
    let (_agent, session) = session().await;
    for (line, status) in [
        ("exit 0", ExitStatus::Code(0)),
        ("exit 7", ExitStatus::Code(7)),
        ("exit 255", ExitStatus::Code(255)),
        ("kill -9 $$", ExitStatus::Signal(9)),
        ("kill -PIPE $$", ExitStatus::Signal(13)),
    ] {
        assert_eq!(within(session.run(shell(1, line))).await.status(), status, "{line}");
    }
    let outcome = within(session.run(shell(2, r"printf 'a\377\000b'; printf 'c\376' >&2"))).await;
    assert_eq!(
        (outcome.stdout.as_slice(), outcome.stderr.as_slice()),
        (&b"a\xff\0b"[..], &b"c\xfe"[..])
    );
    assert!(outcome.started.is_some());
    assert_eq!(session.reply(Request::Ping).await, Reply::Done);
    let mount = Mount { device: "/dev/vda".into(), fstype: "ext4".into() };
    assert_eq!(session.reply(Request::Mount(mount)).await, Reply::Done);
}

#[tokio::test]
async fn the_environment_and_the_directory_are_as_given() {
    let (_agent, session) = session().await;
    let directory = tempfile::tempdir().unwrap();
    let cwd = GuestPath::parse(directory.path().to_str().unwrap().as_bytes()).unwrap();
    let env = vec![Variable::new("NEW", "x y=z")];
    let outcome = within(session.run(Exec { cwd, env, ..program(1, &["env"]) })).await;
    let text = String::from_utf8(outcome.stdout).unwrap();
    let mut names: Vec<_> = text.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "NEW", "PATH", "PYRO_EXEC_ID"]);
    assert!(
        text.contains("NEW=x y=z\n")
            && text.contains(&format!("HOME={}\n", directory.path().display()))
    );
    // A line that begins with a dash is a line; what a parent ignored is not ignored; no descriptor
    // leaks in.
    assert_eq!(within(session.run(shell(2, "-nope"))).await.status(), ExitStatus::Code(127));
    // What is chosen wins over the profile of a login shell, whose arguments hold no value of it.
    let env =
        vec![Variable::new("PATH", "/a b:/usr/bin:/bin"), Variable::new("SECRET", "'\"$(x)\n;")];
    let line =
        "echo \"$PATH|$SECRET|$#\"; tr '\\0' ' ' < /proc/$$/cmdline | grep -c '(x)'; kill -9 $$";
    let outcome = within(session.run(Exec { env: env.clone(), ..shell(4, line) })).await;
    let told = String::from_utf8(outcome.stdout.clone()).unwrap();
    assert_eq!(
        (told.as_str(), outcome.status()),
        ("/a b:/usr/bin:/bin|'\"$(x)\n;|0\n1\n", ExitStatus::Signal(9))
    );
    assert_eq!(
        within(session.run(Exec { env, ..shell(5, "echo (") })).await.status(),
        ExitStatus::Code(2)
    );
    let outcome =
        within(session.run(shell(3, "grep -E 'Sig(Ign|Blk)' /proc/self/status; ls /proc/self/fd")))
            .await;
    let text = String::from_utf8(outcome.stdout).unwrap();
    assert_eq!(text.matches("0000000000000000").count(), 2, "{text}");
    assert!(text.ends_with("0\n1\n2\n3\n"), "{text}");
}

#[tokio::test]
async fn what_cannot_start_is_a_typed_failure() {
    let (_agent, session) = session().await;
    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("plain");
    std::fs::write(&plain, "exit 3\n").unwrap();
    let cases = [
        (
            program(1, &["no-such-program"]),
            FailureKind::NotFound,
            "no-such-program: no such file or directory",
        ),
        (program(1, &["/nope/x"]), FailureKind::NotFound, "/nope/x: no such"),
        (program(1, &[plain.to_str().unwrap()]), FailureKind::Denied, "permission denied"),
        (program(1, &["/"]), FailureKind::Denied, "/: permission denied"),
        (program(1, &[]), FailureKind::InvalidInput, "needs a name"),
        (program(1, &["true", "a\0"]), FailureKind::InvalidInput, "NUL"),
        (
            Exec { cwd: GuestPath::parse(b"/nope/dir").unwrap(), ..shell(1, "true") },
            FailureKind::Directory,
            "working directory /nope/dir: no such file or directory",
        ),
        (
            Exec { env: vec![Variable::new("A=B", "c")], ..shell(1, "true") },
            FailureKind::InvalidInput,
            "A=B",
        ),
    ];
    for (request, kind, text) in cases {
        let outcome = within(session.run(request)).await;
        let failure = outcome.failure();
        assert!(failure.kind == kind && failure.message.contains(text), "{failure:?}");
        assert_eq!(outcome.started, None);
    }
    // Executable, but no binary and without "#!": run by the shell, as everywhere.
    std::os::unix::fs::PermissionsExt::set_mode(
        &mut std::fs::metadata(&plain).unwrap().permissions(),
        0o755,
    );
    std::fs::set_permissions(&plain, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let outcome = within(session.run(program(1, &[plain.to_str().unwrap()]))).await;
    assert_eq!(outcome.status(), ExitStatus::Code(3));
    let signal =
        |exec, signal| Request::Signal(Signal { exec, signal, tree: true, foreground: false });
    assert!(
        matches!(session.reply(signal(99, 9)).await, Reply::Failed(failure) if failure.kind == FailureKind::NotFound)
    );
    assert!(
        matches!(session.reply(signal(99, 0)).await, Reply::Failed(failure) if failure.kind == FailureKind::InvalidInput)
    );
}

#[tokio::test]
async fn beside_its_caller_a_command_is_its_callers() {
    let (_agent, session) = session().await;
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let as_user = |text: &str| Exec {
        user: Some(User::parse(text).unwrap()),
        ..shell(1, "id -u; id -g; echo $HOME")
    };
    for own in [uid.to_string(), format!("{uid}:{gid}")] {
        let outcome = within(session.run(as_user(&own))).await;
        assert_eq!(
            String::from_utf8(outcome.stdout).unwrap(),
            format!("{uid}\n{gid}\n/\n"),
            "{own}"
        );
    }
    for other in [(uid + 1).to_string(), format!("{uid}:{}", gid + 1), "no-such-user".to_owned()] {
        let outcome = within(session.run(as_user(&other))).await;
        let failure = outcome.failure();
        assert!(
            failure.kind == FailureKind::Unsupported && failure.message.ends_with(&other),
            "{failure:?}"
        );
        assert_eq!(outcome.started, None);
    }
}

#[tokio::test]
async fn stdin_comes_back_and_its_end_is_seen() {
    let (_agent, session) = session().await;
    let data: Vec<u8> =
        (0..5_000_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let operation = session.ask(Request::Exec(Exec { stdin: true, ..program(1, &["cat"]) })).await;
    // Both directions at once, as `cat` needs it.
    let (mut to, mut from) = operation.split();
    let feed = async {
        to.input(&data).await;
        to.input_end().await;
    };
    let ((), outcome) = within(futures::future::join(feed, from.finish())).await;
    assert_eq!(outcome.status(), ExitStatus::Code(0));
    assert!(outcome.stdout == data, "{} bytes of {}", outcome.stdout.len(), data.len());
    // Without stdin it is at its end at once; a command that closes it early does not hinder the
    // host.
    assert_eq!(within(session.run(program(2, &["cat"]))).await.status(), ExitStatus::Code(0));
    let mut operation =
        session.ask(Request::Exec(Exec { stdin: true, ..shell(3, "exec <&-; sleep 0.2") })).await;
    operation.to.input(&data[..1_000_000]).await;
    operation.to.input_end().await;
    assert_eq!(within(operation.finish()).await.status(), ExitStatus::Code(0));
}

#[tokio::test]
async fn large_output_is_whole_and_a_slow_reader_holds_only_itself() {
    let (_agent, session) = session().await;
    let slow =
        session.ask(Request::Exec(program(1, &["head", "-c", "50000000", "/dev/zero"]))).await;
    // The first one is not read yet: all others go on.
    let outcome = within(session.run(program(2, &["head", "-c", "3000001", "/dev/zero"]))).await;
    assert_eq!(outcome.stdout.len(), 3_000_001);
    let outcome = within(slow.finish()).await;
    assert_eq!((outcome.stdout.len(), outcome.status()), (50_000_000, ExitStatus::Code(0)));
}

#[tokio::test]
async fn a_background_child_that_holds_stdout_does_not_hold_the_result() {
    let (_agent, session) = session().await;
    let begun = Instant::now();
    let mut operation =
        session.ask(Request::Exec(shell(1, "echo out; sleep 300 & echo $!; exit 4"))).await;
    operation.started().await;
    let outcome = within(operation.finish()).await;
    assert_eq!(outcome.status(), ExitStatus::Code(4));
    let text = String::from_utf8(outcome.stdout).unwrap();
    let background: u32 = text.lines().nth(1).unwrap().parse().unwrap();
    assert!(begun.elapsed() < LIMIT);
    assert!(alive(background), "what a command leaves running lives on");
    // One that writes for ever does not either, and all that the command wrote comes first.
    let outcome = within(session.run(shell(2, "head -c 60000 /dev/zero; yes >&2 & exit 5"))).await;
    assert_eq!((outcome.status(), outcome.stdout.len()), (ExitStatus::Code(5), 60000));
    // Without one there is no wait at all: the grace of 50 ms would be in each of these, and a busy
    // host is not.
    let mut fastest = Duration::MAX;
    for _ in 0..50 {
        let begun = Instant::now();
        within(session.run(program(3, &["true"]))).await;
        fastest = fastest.min(begun.elapsed());
    }
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
}

/// A command whose tree hides as well as it can: it ignores SIGTERM, and a daemon of its own has
/// left its session.
fn hiding(id: u64, directory: &Path) -> Exec {
    let line = format!(
        "trap '' TERM; cd {}; setsid sh -c 'trap \"\" TERM; (setsid sh -c \"echo \\$\\$ >daemon.new; mv daemon.new daemon; \
         exec sleep 300\" >/dev/null 2>&1 </dev/null &) & exit 0'; echo $$; while :; do sleep 300; done",
        directory.display()
    );
    shell(id, &line)
}

#[tokio::test]
async fn the_whole_tree_dies_by_signal_and_by_reset() {
    let (_agent, session) = session().await;
    for by_signal in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let mut operation = session.ask(Request::Exec(hiding(9, directory.path()))).await;
        operation.started().await;
        let shell: u32 = within(operation.line()).await.parse().unwrap();
        let file = directory.path().join("daemon");
        until("the daemon", || number(&file).is_some()).await;
        let daemon = number(&file).unwrap();
        assert!(alive(shell) && alive(daemon));
        if by_signal {
            let term = Signal { exec: 9, signal: 15, tree: true, foreground: false };
            assert_eq!(session.reply(Request::Signal(term)).await, Reply::Done);
            assert!(alive(shell), "SIGTERM is ignored");
            let kill = Signal { exec: 9, signal: 9, tree: true, foreground: false };
            assert_eq!(session.reply(Request::Signal(kill)).await, Reply::Done);
            assert_eq!(within(operation.finish()).await.status(), ExitStatus::Signal(9));
        } else {
            drop(operation);
        }
        until("the tree's end", || !alive(shell) && !alive(daemon)).await;
    }
}

#[tokio::test]
async fn a_reset_is_seen_while_stdin_is_stuck() {
    let (_agent, session) = session().await;
    let mut operation =
        session.ask(Request::Exec(Exec { stdin: true, ..program(1, &["sleep", "300"]) })).await;
    let pid = operation.started().await;
    // More than the pipe takes, less than the window: the agent is left with input that nobody
    // reads.
    operation.to.input(&[0; 200_000]).await;
    assert_eq!(session.reply(Request::Ping).await, Reply::Done);
    assert!(alive(pid));
    drop(operation);
    until("its end", || !alive(pid)).await;
}

#[tokio::test]
async fn a_signal_reaches_the_group_only_unless_the_tree_is_meant() {
    let (_agent, session) = session().await;
    // The other one tells its number once it has left the group, and by then the shell has its
    // trap.
    let line =
        "trap 'exit 9' USR1; setsid sh -c 'echo $$; exec sleep 300' & while :; do sleep 0.05; done";
    let mut operation = session.ask(Request::Exec(shell(5, line))).await;
    operation.started().await;
    let other: u32 = within(operation.line()).await.parse().unwrap();
    let signal =
        |tree| Request::Signal(Signal { exec: 5, signal: libc::SIGUSR1, tree, foreground: false });
    assert_eq!(session.reply(signal(false)).await, Reply::Done);
    assert_eq!(within(operation.finish()).await.status(), ExitStatus::Code(9));
    assert!(alive(other));
}

#[tokio::test]
async fn a_command_can_be_killed_before_its_user_is_found() {
    let (_agent, session) = session().await;
    let user = Some(User::parse(&rustix::process::getuid().as_raw().to_string()).unwrap());
    for exec in 1..50 {
        let operation = session
            .ask(Request::Exec(Exec { user: user.clone(), ..shell(exec, "sleep 300") }))
            .await;
        let kill = Signal { exec, signal: libc::SIGKILL, tree: true, foreground: false };
        let kill = Request::Signal(kill);
        assert_eq!(session.reply(kill).await, Reply::Done);
        assert_eq!(within(operation.finish()).await.status(), ExitStatus::Signal(libc::SIGKILL));
    }
}

#[tokio::test]
async fn a_malformed_stream_is_one_failed_operation() {
    let (_agent, session) = session().await;
    for bytes in [
        vec![0; 16],
        vec![0xff; 64],
        [&header(pyro_protocol::FrameKind::Message, 3)[..], b"abc"].concat(),
    ] {
        let mut operation = session.stream().await;
        operation.to.raw(&bytes).await;
        assert_eq!(within(operation.finish()).await.failure().kind, FailureKind::InvalidInput);
    }
    let mut operation =
        session.ask(Request::Exec(Exec { stdin: true, ..program(1, &["sleep", "300"]) })).await;
    let pid = operation.started().await;
    operation.to.raw(&[0xff; 16]).await;
    until("its end", || !alive(pid)).await;
    assert_eq!(session.reply(Request::Ping).await, Reply::Done);
}

#[tokio::test]
async fn many_at_once_each_exactly_once() {
    let (_agent, session) = session().await;
    let directory = tempfile::tempdir().unwrap();
    let one = async |id: u64| {
        let line = format!(
            "echo x >>{}/{id}; head -c 100000 /dev/zero; exit {}",
            directory.path().display(),
            id % 200
        );
        let outcome = session.run(shell(id, &line)).await;
        assert_eq!(
            (outcome.stdout.len(), outcome.status()),
            (100_000, ExitStatus::Code(i32::try_from(id % 200).unwrap()))
        );
    };
    within(futures::future::join_all((0..64).map(one))).await;
    for id in 0..64 {
        assert_eq!(std::fs::read_to_string(directory.path().join(id.to_string())).unwrap(), "x\n");
    }
}

#[tokio::test]
async fn two_commands_of_one_id_are_refused() {
    let (_agent, session) = session().await;
    let mut first = session.ask(Request::Exec(program(1, &["sleep", "300"]))).await;
    first.started().await;
    assert_eq!(
        within(session.run(program(1, &["true"]))).await.failure().kind,
        FailureKind::InvalidInput
    );
    drop(first);
}
