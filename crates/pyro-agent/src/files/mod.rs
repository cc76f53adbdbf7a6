//! Files: what the host reads and changes on the disk itself, each operation in a thread of its
//! own.

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

use crate::failure::failure;
use crate::place::Place;
use crate::wire::Wire;
use crate::workers::Workers;
use desk::Stop;
use pyro_protocol::message::{Failure, FailureKind, Reply, Request};
use std::cell::RefCell;

/// Do one operation on files, to its last reply.
pub(crate) async fn run(place: &RefCell<Place>, workers: &Workers, wire: &Wire, request: Request) {
    let root = Root::of(&place.borrow());
    let root = match root {
        Ok(root) => root,
        Err(failure) => return wire.finish(&Reply::Failed(failure)).await,
    };
    let cleaners = workers.clone();
    desk::serve(wire, workers, move |desk| match request {
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
pub(crate) async fn sync(place: &RefCell<Place>, workers: &Workers) -> Result<(), Failure> {
    let root = Root::of(&place.borrow())?;
    match workers.run(move || root.sync()).await {
        Ok(synced) => synced,
        Err(_) => Err(failure(FailureKind::Busy, "no thread can be had")),
    }
}
