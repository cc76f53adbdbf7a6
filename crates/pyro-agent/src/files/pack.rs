//! Pack: a tree with its contents, or the nodes of a list.

use super::desk::{Desk, Stop, failed};
use super::list;
use super::root::Root;
use pyro_protocol::files::Pack;
use pyro_protocol::message::Reply;
use pyro_protocol::tree::{Kind, Meta, Record, RecordError, Records};
use pyro_protocol::tree_path;
use pyro_tree::descent::Descent;
use pyro_tree::pack::Packer;
use pyro_tree::{Walk, WalkOptions, node};
use rustix::fs::Mode;
use rustix::io::Errno;

/// Send a tree.
pub(super) fn pack(root: &Root, request: &Pack, desk: &mut Desk) -> Result<Reply, Stop> {
    if request.listed {
        return pack_listed(root, request, desk);
    }
    let node = root.node(&request.root, request.follow)?;
    let options = WalkOptions { depth: None, skip: list::skip(&request.exclude) };
    let mut walk = Walk::new(node, options).map_err(failed("read", request.root.as_bytes()))?;
    match request.attributes {
        true => pyro_tree::pack::pack_attributed(&mut walk, |batch| desk.send(batch))?,
        false => pyro_tree::pack(&mut walk, |batch| desk.send(batch))?,
    }
    Ok(Reply::Done)
}

fn pack_listed(root: &Root, request: &Pack, desk: &mut Desk) -> Result<Reply, Stop> {
    let mut descent = Descent::new(root.directory(&request.root)?);
    // Told apart from the desk's input, which is read meanwhile.
    let outlet = desk.outlet();
    let mut packer = Packer::new(|batch| outlet.send(batch));
    while let Some(payload) = desk.next()? {
        for record in Records::new(&payload) {
            let Record::Path(path) = record? else { return Err(RecordError::Field.into()) };
            let found = look(&mut descent, path);
            let (meta, target) = found.unwrap_or_else(|errno| {
                (Meta { errno: node::number(errno), ..Meta::new(Kind::Unknown, 0) }, Vec::new())
            });
            packer.node(path, meta, &target, || {
                let (_, name) = tree_path::split(path).ok_or(Errno::ISDIR)?;
                rustix::fs::openat(descent.dir(), name, node::CONTENT, Mode::empty())
            })?;
        }
    }
    packer.finish()?;
    Ok(Reply::Done)
}

fn look(descent: &mut Descent<()>, path: &[u8]) -> Result<(Meta, Vec<u8>), Errno> {
    let Some((dir, name)) = tree_path::split(path) else {
        return Ok((node::meta(&rustix::fs::fstat(descent.base())?), Vec::new()));
    };
    let dir = descent.go(dir)?;
    let meta = node::look(dir, name)?;
    let target = if meta.kind == Kind::Symlink { node::target(dir, name)? } else { Vec::new() };
    Ok((meta, target))
}
