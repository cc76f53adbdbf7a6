//! Files: what the host reads and changes on the disk itself, each operation in a thread of its own.

mod commit;
mod desk;
mod digest;
mod freeze;
mod hold;
mod list;
mod pack;
mod plan;
mod read;
mod recover;
mod root;
mod stage;
mod unpack;
mod write;

pub(crate) use freeze::freeze;
pub(crate) use hold::hold;
pub(crate) use root::Root;

use crate::agent::Agent;
use crate::failure::{failure, from_errno};
use crate::wire::Wire;
use desk::Stop;
use pyro_protocol::message::{Failure, FailureKind, Reply, Request};
use rustix::io::Errno;

/// Do one operation on files, to its last reply.
pub(crate) async fn run(agent: &Agent, wire: &Wire, request: Request) {
    let (root, workers) = match Root::of(agent).and_then(|root| Ok((root, agent.workers()?))) {
        Ok(found) => found,
        Err(failure) => return wire.finish(&Reply::Failed(failure)).await,
    };
    let cleaners = workers.clone();
    desk::serve(wire, &workers, move |desk| match request {
        Request::List(request) => list::list(&root, &request, desk),
        Request::Digest(request) => digest::digest(&root, &request, desk),
        Request::Read(request) => read::read(&root, &request, desk),
        Request::Write(request) => write::write(&root, &request, desk),
        Request::Mkdir(request) => write::mkdir(&root, &request),
        Request::Pack(request) => pack::pack(&root, &request, desk),
        Request::Unpack(request) => unpack::unpack(&root, &request, desk),
        Request::Commit(request) => commit::commit(&root, &request, desk, &cleaners),
        Request::Recover(request) => recover::recover(&root, &request),
        Request::Sync => root.sync().map(|()| Reply::Done).map_err(Stop::from),
        _ => Err(Stop::Failed(failure(FailureKind::InvalidInput, "this is no operation on files"))),
    })
    .await;
}

/// Make all that was written to the disk durable.
pub(crate) async fn sync(agent: &Agent) -> Result<(), Failure> {
    let root = Root::of(agent)?;
    match agent.workers()?.run(move || root.sync()).await {
        Ok(synced) => synced,
        Err(_) => Err(failure(FailureKind::Busy, "no thread can be had")),
    }
}

/// A failed system call on a path.
fn failed(what: &str, path: &[u8]) -> impl FnOnce(Errno) -> Stop {
    let text = format!("cannot {what} {}", String::from_utf8_lossy(path));
    move |errno| Stop::Failed(from_errno(&text, errno))
}
