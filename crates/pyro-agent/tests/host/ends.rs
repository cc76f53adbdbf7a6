//! Ends of a session and of the agent: what it ran goes with them.

use crate::client::{hello, shell};
use crate::{alive, hiding, number, session, start, until, within};
use pyro_protocol::hello::Greeting;
use pyro_protocol::message::{ExitStatus, Reply, Request};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// How long a host waits before it says its hello again.
const AGAIN: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_malformed_session_ends_and_the_agent_meets_the_next_host() {
    let mut agent = start();
    let mut meeting = agent.meeting.take().unwrap();
    meeting.ready().await;
    let mut other = hello(1);
    other.protocol = 99;
    meeting.socket.write_all(&pyro_protocol::frame::encode_message(&other).unwrap()).await.unwrap();
    assert!(
        matches!(meeting.greeting().await, Greeting::Refused(refused) if refused.nonce == [1; 16])
    );
    meeting.hello(&hello(2)).await;
    // No multiplexer: a version that is not there, then a frame that is far too long.
    let mut nonces = 3..=u8::MAX;
    for garbage in [[9; 12], [0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]] {
        meeting.socket.write_all(&garbage).await.unwrap();
        // A hello that the agent reads together with the garbage goes with it, so a host says it
        // again.
        let mut is_met =
            async |nonce| tokio::time::timeout(AGAIN, meeting.hello(&hello(nonce))).await.is_ok();
        while !is_met(nonces.next().expect("the agent meets nobody")).await {}
    }
    let session = meeting.session();
    assert_eq!(within(session.run(shell(1, "exit 3"))).await.status(), ExitStatus::Code(3));
}

#[tokio::test]
async fn a_hello_in_the_middle_of_a_session_ends_it_and_what_it_ran() {
    let mut agent = start();
    let mut meeting = agent.meeting.take().unwrap();
    meeting.ready().await;
    meeting.hello(&hello(1)).await;
    // By hand, to keep the socket: one stream that runs a command.
    let request = Request::Exec(shell(1, "echo $$ >/proc/self/fd/1; exec sleep 300"));
    let frame = pyro_protocol::frame::encode_message(&request).unwrap();
    let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
    let data = [&[0, 0, 0, 1, 0, 0, 0, 1][..], &length, &frame].concat();
    meeting.socket.write_all(&data).await.unwrap();
    let children = format!("/proc/{0}/task/{0}/children", agent.process.id().unwrap());
    // The first one is the guardian.
    let child =
        || std::fs::read_to_string(&children).ok()?.split_whitespace().nth(1)?.parse::<u32>().ok();
    until("the command", || child().is_some()).await;
    let pid = child().unwrap();
    let mut next = pyro_protocol::frame::encode_message(&hello(4)).unwrap();
    next.truncate(5);
    let rest = pyro_protocol::frame::encode_message(&hello(4)).unwrap().split_off(5);
    meeting.socket.write_all(&next).await.unwrap();
    meeting.socket.write_all(&rest).await.unwrap();
    until("its end", || !alive(pid)).await;
    while !matches!(within(meeting.greeting()).await, Greeting::Welcome(welcome) if welcome.nonce == [4; 16])
    {
    }
    let session = meeting.session();
    assert_eq!(within(session.run(shell(1, "exit 3"))).await.status(), ExitStatus::Code(3));
}

#[tokio::test]
async fn the_agent_ends_with_its_channel_and_takes_everything_along() {
    let (mut agent, session) = session().await;
    let directory = tempfile::tempdir().unwrap();
    let mut operation = session.ask(Request::Exec(hiding(1, directory.path()))).await;
    operation.started().await;
    let shell_pid: u32 = within(operation.line()).await.parse().unwrap();
    let file = directory.path().join("daemon");
    until("the daemon", || number(&file).is_some()).await;
    let daemon = number(&file).unwrap();
    // Left behind by a command that has ended, with an environment that tells nothing.
    let outcome =
        within(session.run(shell(2, "env -i setsid sleep 300 >/dev/null 2>&1 & echo $!"))).await;
    let orphan: u32 = String::from_utf8(outcome.stdout).unwrap().trim().parse().unwrap();
    assert!(alive(shell_pid) && alive(daemon) && alive(orphan));
    session.driver.abort();
    let status = within(agent.process.wait()).await.unwrap();
    assert!(status.success());
    assert!(!alive(shell_pid) && !alive(daemon) && !alive(orphan));
}

#[tokio::test]
async fn a_killed_agent_leaves_nothing_behind() {
    let (mut agent, session) = session().await;
    let directory = tempfile::tempdir().unwrap();
    let mut operation = session.ask(Request::Exec(hiding(1, directory.path()))).await;
    operation.started().await;
    let shell: u32 = within(operation.line()).await.parse().unwrap();
    let file = directory.path().join("daemon");
    until("the daemon", || number(&file).is_some()).await;
    let daemon = number(&file).unwrap();
    agent.process.start_kill().unwrap();
    within(agent.process.wait()).await.unwrap();
    within(session.driver).await.unwrap();
    until("the tree's end", || !alive(shell) && !alive(daemon)).await;
}

#[tokio::test]
async fn power_off_ends_the_agent() {
    let (mut agent, session) = session().await;
    assert_eq!(within(session.reply(Request::PowerOff)).await, Reply::Done);
    assert!(within(agent.process.wait()).await.unwrap().success());
}
