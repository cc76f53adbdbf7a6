//! Digest: what files hold, in 32 bytes each.

use super::desk::{Desk, Stop};
use super::root::Root;
use pyro_protocol::files;
use pyro_protocol::message::Reply;
use pyro_protocol::tree::{Batch, Digest, Kind, Meta, Record, RecordError, Records};
use pyro_protocol::tree_path;
use pyro_tree::descent::Descent;
use pyro_tree::node;
use rustix::fs::Mode;
use rustix::io::Errno;

/// Bytes of a file taken at once.
const READ_LEN: usize = 128 * 1024;

/// Answer each path of the list.
pub(super) fn digest(root: &Root, request: &files::Digest, desk: &mut Desk) -> Result<Reply, Stop> {
    let mut descent = Descent::new(root.directory(&request.root)?);
    let mut buffer = vec![0; READ_LEN];
    let mut batch = Batch::default();
    while let Some(payload) = desk.next()? {
        for record in Records::new(&payload) {
            let Record::Path(path) = record? else { return Err(RecordError::Field.into()) };
            let digest = of(&mut descent, path, &mut buffer).unwrap_or_else(|errno| {
                let meta = Meta { errno: node::number(errno), ..Meta::new(Kind::Unknown, 0) };
                Digest { meta, blake3: [0; 32] }
            });
            batch.digest(&digest);
            if batch.is_full() {
                desk.send(std::mem::take(&mut batch))?;
            }
        }
    }
    if !batch.is_empty() {
        desk.send(batch)?;
    }
    Ok(Reply::Done)
}

fn of(descent: &mut Descent<()>, path: &[u8], buffer: &mut [u8]) -> Result<Digest, Errno> {
    let (dir, name) = tree_path::split(path).ok_or(Errno::ISDIR)?;
    let file = rustix::fs::openat(descent.go(dir)?, name, node::CONTENT, Mode::empty())?;
    let meta = node::meta(&rustix::fs::fstat(&file)?);
    match meta.kind {
        Kind::File => {}
        Kind::Directory => return Err(Errno::ISDIR),
        _ => return Err(Errno::INVAL),
    }
    let mut hasher = blake3::Hasher::new();
    loop {
        match rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut *buffer))? {
            0 => break,
            len => hasher.update(&buffer[..len]),
        };
    }
    Ok(Digest { meta, blake3: *hasher.finalize().as_bytes() })
}
