//! Read: a part of a regular file.

use super::desk::{Desk, Stop, failed};
use super::root::Root;
use crate::failure::failure;
use pyro_protocol::files::Read;
use pyro_protocol::limits::DATA_CHUNK_LEN;
use pyro_protocol::message::{FailureKind, Reply};
use pyro_protocol::tree::{Batch, Kind};
use pyro_protocol::{FrameKind, frame};
use pyro_tree::node;

/// Send what the file is, then its bytes.
pub(super) fn read(root: &Root, request: &Read, desk: &Desk) -> Result<Reply, Stop> {
    let path = request.path.as_bytes();
    let opened = root.node(&request.path, request.follow)?;
    let meta = node::meta(&rustix::fs::fstat(&opened).map_err(failed("read", path))?);
    if meta.kind != Kind::File {
        let text =
            format!("{} is a {}, not a file", String::from_utf8_lossy(path), meta.kind.name());
        return Err(failure(FailureKind::Unsupported, text).into());
    }
    let file = node::reopen(&opened, node::CONTENT).map_err(failed("read", path))?;
    let mut batch = Batch::default();
    batch.entry(b"", &meta, b"");
    desk.send(batch)?;
    let mut at = request.offset;
    let mut left =
        request.length.unwrap_or(u64::MAX).min(i64::MAX as u64 - at.min(i64::MAX as u64));
    while left > 0 {
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(DATA_CHUNK_LEN);
        let mut frame = Vec::with_capacity(frame::HEADER_LEN + room);
        frame.resize(frame::HEADER_LEN, 0);
        let len = rustix::io::retry_on_intr(|| {
            rustix::io::pread(&file, rustix::buffer::spare_capacity(&mut frame), at)
        });
        let len = len.map_err(failed("read", path))?.min(room);
        if len == 0 {
            break;
        }
        frame.truncate(frame::HEADER_LEN + len);
        frame[..frame::HEADER_LEN].copy_from_slice(&frame::header(FrameKind::Stdout, len));
        desk.send_frame(frame)?;
        at += len as u64;
        left -= len as u64;
    }
    Ok(Reply::Done)
}
