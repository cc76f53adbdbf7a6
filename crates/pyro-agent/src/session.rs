//! The session: the multiplexer, and one task for each stream that the host opens.

use crate::agent::Agent;
use crate::channel::Shared;
use crate::dial;
use crate::failure::{failure, from_io};
use crate::wire::{RecvError, Wire};
use crate::{background, exec, files, mount};
use pyro_protocol::limits::{DATA_CHUNK_LEN, MAX_KNOWN_STREAMS, MAX_STREAMS};
use pyro_protocol::message::{Failure, FailureKind, Reply, Request};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::task::JoinSet;

/// Streams that are kept free of commands, so that a signal or a ping always finds one.
const SPARE_STREAMS: usize = 16;

/// What the multiplexer gives each stream at least; with this total no stream ever gets more.
const STREAM_WINDOW: usize = 256 * 1024;

/// How long the operations of a lost session may take to end once they are cancelled. A process
/// that even SIGKILL does not end at once (it waits for a disk) must not keep the next host
/// waiting.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);

fn config() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(MAX_KNOWN_STREAMS);
    config.set_max_connection_receive_window(Some(MAX_KNOWN_STREAMS * STREAM_WINDOW));
    config.set_split_send_size(DATA_CHUNK_LEN);
    config
}

/// Serve one host until it leaves, breaks the protocol or is replaced; then end all that it had
/// asked for.
pub(crate) async fn run(agent: &Rc<Agent>, channel: &Shared) {
    let mut connection = yamux::Connection::new(channel.clone(), config(), yamux::Mode::Server);
    let mut operations = JoinSet::new();
    loop {
        let next = poll_fn(|cx| {
            let polled = connection.poll_next_inbound(cx);
            // A failed write shows up as the end of the channel in the multiplexer's own next read
            // or write.
            let flushed = channel.poll_flushed(cx);
            agent.activity.notify_waiters();
            match (polled, flushed) {
                (_, Poll::Ready(Err(_))) => Poll::Ready(None),
                (Poll::Ready(Some(Ok(stream))), _) => Poll::Ready(Some(stream)),
                (Poll::Ready(_), _) => Poll::Ready(None),
                (Poll::Pending, _) => Poll::Pending,
            }
        });
        let Some(stream) = next.await else { break };
        while operations.try_join_next().is_some() {}
        operations.spawn_local(operation(Rc::clone(agent), Wire::new(stream)));
    }
    drop(connection);
    channel.reset();
    agent.activity.notify_waiters();
    let ended = async { while operations.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(CANCEL_LIMIT, ended).await;
    operations.detach_all();
}

/// One stream: a request, and what follows from it.
async fn operation(agent: Rc<Agent>, wire: Wire) {
    let request = match wire.recv().await {
        Ok(frame) => frame.message::<Request>(),
        Err(RecvError::Malformed(err)) => Err(err),
        Err(RecvError::Gone) => return,
    };
    let (place, workers) = (&agent.place, &agent.workers);
    let reply = match request {
        Err(err) => Err(failure(FailureKind::InvalidInput, err.to_string())),
        Ok(Request::Ping) => Ok(()),
        Ok(Request::Mount(request)) => mount::mount(&agent, &request).await,
        Ok(Request::Signal(request)) => exec::signal(&agent, &request),
        Ok(Request::Resize(request)) => exec::resize(&agent, &request),
        Ok(Request::HangUp(request)) => exec::hang_up(&agent, &request),
        Ok(Request::SetClock(request)) => {
            let set = agent.identity.set_clock(request.wall_clock_ns);
            set.map_err(|err| from_io("cannot set the wall clock", &err))
        }
        Ok(Request::Background) => return background::tell(&agent.background, &wire).await,
        Ok(Request::Dial(request)) => return dial::dial(&wire, &request).await,
        Ok(Request::PowerOff) => return power_off(&agent, &wire).await,
        Ok(Request::Exec(request)) => match admit(&agent) {
            Ok(()) => return exec::run(&agent, &wire, &request).await,
            Err(failure) => Err(failure),
        },
        Ok(Request::Freeze(request)) => {
            return files::freeze(place, workers, &wire, &request).await;
        }
        Ok(Request::Hold(request)) => return files::hold(place, workers, &wire, request).await,
        Ok(request) => return files::run(place, workers, &wire, request).await,
    };
    wire.finish(&reply.map_or_else(Reply::Failed, |()| Reply::Done)).await;
}

fn admit(agent: &Agent) -> Result<(), Failure> {
    let limit = MAX_STREAMS - SPARE_STREAMS;
    if agent.execs.borrow().len() < limit {
        Ok(())
    } else {
        Err(failure(FailureKind::Busy, format!("{limit} commands are running already")))
    }
}

async fn power_off(agent: &Rc<Agent>, wire: &Wire) {
    agent.end_world().await;
    wire.finish(&Reply::Done).await;
    // The answer must be out before the power is: the host hangs up on having it, or has had time
    // to.
    let _ = tokio::time::timeout(Duration::from_secs(5), wire.closed()).await;
    agent.power_off();
}
