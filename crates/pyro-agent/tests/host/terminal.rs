//! Commands on a terminal.

use super::client::{Operation, program};
use super::{alive, session, until, within};
use pyro_protocol::message::{
    Exec, ExitStatus, FailureKind, HangUp, Reply, Request, Resize, Signal, TerminalSize,
};
use pyro_protocol::variable::Variable;

const SIZE: TerminalSize = TerminalSize { cols: 97, rows: 31 };

/// An interactive shell whose prompt can be waited for.
fn interactive(id: u64) -> Exec {
    let env = vec![
        Variable::new("PS1", "pyro$ "),
        Variable::new("PROMPT_COMMAND", ""),
        Variable::new("TERM", "xterm-256color"),
    ];
    Exec { env, terminal: Some(SIZE), ..program(id, &["bash", "--noprofile", "--norc", "-i"]) }
}

/// Read on until `end` came; what came.
async fn read_until(operation: &mut Operation, end: &str) -> String {
    let mut text = String::new();
    while !text.contains(end) {
        let frame = within(operation.from.next()).await.expect("more output");
        text.push_str(&String::from_utf8_lossy(&frame.payload));
    }
    text
}

async fn ask(operation: &mut Operation, line: &str) -> String {
    operation.to.input(format!("{line}\n").as_bytes()).await;
    // Its echo comes first.
    read_until(operation, "pyro$ ").await
}

fn foreground(exec: u64, signal: i32) -> Request {
    Request::Signal(Signal { exec, signal, tree: false, foreground: true })
}

#[tokio::test]
async fn a_command_has_a_terminal_of_its_own_that_controls_it() {
    let (_agent, session) = session().await;
    let mut shell = session.ask(Request::Exec(interactive(1))).await;
    shell.started().await;
    read_until(&mut shell, "pyro$ ").await;
    let said =
        ask(&mut shell, "stty size; tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all").await;
    assert!(said.contains("31 97\r\n/dev/pts/") && said.contains("all\r\n"), "{said:?}");
    let said = ask(&mut shell, "echo to-the-terminal > /dev/tty").await;
    assert!(said.contains("\rto-the-terminal\r\n"), "{said:?}");
    let resize =
        |cols, rows| Request::Resize(Resize { exec: 1, size: TerminalSize { cols, rows } });
    assert_eq!(session.reply(resize(40, 10)).await, Reply::Done);
    shell.to.input(b"stty size\n").await;
    read_until(&mut shell, "10 40\r\n").await;
    for bad in [resize(0, 1), resize(1, 0)] {
        let reply = session.reply(bad).await;
        assert!(
            matches!(reply, Reply::Failed(failure) if failure.kind == FailureKind::InvalidInput)
        );
    }
    shell.to.input(b"exit 7\n").await;
    assert_eq!(within(shell.finish()).await.status(), ExitStatus::Code(7));
}

#[tokio::test]
async fn a_signal_reaches_the_job_in_the_foreground_and_not_its_shell() {
    let (_agent, session) = session().await;
    let mut shell = session.ask(Request::Exec(interactive(1))).await;
    shell.started().await;
    read_until(&mut shell, "pyro$ ").await;
    for (signal, status) in [(libc::SIGINT, 130), (libc::SIGTERM, 143), (libc::SIGKILL, 137)] {
        // Once the job runs it is in the foreground.
        shell.to.input(b"sh -c 'echo at-$((1+1)); exec sleep 300'\n").await;
        read_until(&mut shell, "at-2\r\n").await;
        assert_eq!(session.reply(foreground(1, signal)).await, Reply::Done);
        read_until(&mut shell, "pyro$ ").await;
        let said = ask(&mut shell, "echo status=$?").await;
        assert!(said.contains(&format!("status={status}\r\n")), "{said:?}");
    }
    // At its prompt the shell itself is in the foreground.
    assert_eq!(session.reply(foreground(1, libc::SIGHUP)).await, Reply::Done);
    assert_eq!(within(shell.finish()).await.status(), ExitStatus::Signal(libc::SIGHUP));
    let reply = session.reply(foreground(1, libc::SIGHUP)).await;
    assert!(matches!(reply, Reply::Failed(failure) if failure.kind == FailureKind::NotFound));
}

#[tokio::test]
async fn a_terminal_that_nobody_reads_from_takes_no_more_and_holds_nobody_up() {
    let (_agent, session) = session().await;
    let line = "stty raw -echo; echo ready; sleep 300";
    let exec = Exec { terminal: Some(SIZE), ..program(1, &["sh", "-c", line]) };
    let mut shell = session.ask(Request::Exec(exec)).await;
    shell.started().await;
    read_until(&mut shell, "ready\n").await;
    let (mut to, mut from) = shell.split();
    let typing = tokio::spawn(async move {
        loop {
            to.input(&[b'x'; 64 * 1024]).await;
        }
    });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!typing.is_finished());
    assert_eq!(within(session.reply(Request::Ping)).await, Reply::Done);
    let outcome = within(session.run(program(2, &["echo", "works"]))).await;
    assert_eq!(outcome.stdout, b"works\n");
    // It ends all the same, also while more is typed.
    let kill = Signal { exec: 1, signal: libc::SIGKILL, tree: true, foreground: false };
    assert_eq!(within(session.reply(Request::Signal(kill))).await, Reply::Done);
    assert_eq!(within(from.finish()).await.status(), ExitStatus::Signal(libc::SIGKILL));
    assert_eq!(within(session.reply(Request::Ping)).await, Reply::Done);
    typing.abort();
}

#[tokio::test]
async fn a_command_may_close_its_terminal_and_open_it_again() {
    let (_agent, session) = session().await;
    let line = "exec < /dev/null > /dev/null 2>&1; sleep 0.3; echo back > /dev/tty; exit 3";
    let exec = Exec { terminal: Some(SIZE), ..program(1, &["bash", "-c", line]) };
    let outcome = within(session.run(exec)).await;
    assert_eq!(
        (outcome.stdout.as_slice(), outcome.status()),
        (&b"back\r\n"[..], ExitStatus::Code(3))
    );
}

#[tokio::test]
async fn a_terminal_that_is_hung_up_ends_with_all_that_it_had() {
    let (_agent, session) = session().await;
    let mut shell = session.ask(Request::Exec(interactive(1))).await;
    shell.started().await;
    read_until(&mut shell, "pyro$ ").await;
    let line = "(trap '' HUP; exec setsid sh -c 'echo daemon=$$; exec sleep 300' 2>&1) &";
    shell.to.input(format!("{line}\n").as_bytes()).await;
    let mut said = String::new();
    let daemon: u32 = loop {
        said.push_str(&String::from_utf8_lossy(&within(shell.from.next()).await.unwrap().payload));
        // The echo of the line has no number.
        let number = said.rsplit("daemon=").next().and_then(|rest| rest.split_once('\r'));
        if let Some(Ok(number)) = number.map(|(number, _)| number.parse()) {
            break number;
        }
    };
    assert!(alive(daemon));
    assert_eq!(session.reply(Request::HangUp(HangUp { exec: 1 })).await, Reply::Done);
    assert_eq!(within(shell.finish()).await.status(), ExitStatus::Signal(libc::SIGHUP));
    until("the end of what ignores it", || !alive(daemon)).await;
}

#[tokio::test]
async fn the_end_of_the_stream_ends_all_that_the_terminal_had() {
    let (_agent, session) = session().await;
    let mut shell = session.ask(Request::Exec(interactive(1))).await;
    let leader = shell.started().await;
    read_until(&mut shell, "pyro$ ").await;
    let said = ask(&mut shell, "nohup sleep 300 > /dev/null 2>&1 & echo pid=$!").await;
    let said = said.split("pid=").last().unwrap();
    let job: u32 = said.split('\r').next().unwrap().parse().unwrap();
    assert!(alive(leader) && alive(job));
    drop(shell);
    until("the end of the session", || !alive(leader) && !alive(job)).await;
}
