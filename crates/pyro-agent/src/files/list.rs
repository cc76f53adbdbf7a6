//! List: the nodes of a tree, with what `stat` knows of them.

use super::desk::{Desk, Stop, failed};
use super::root::Root;
use pyro_protocol::TreePath;
use pyro_protocol::files::{List, Listed};
use pyro_protocol::message::Reply;
use pyro_protocol::tree::{Batch, Kind};
use pyro_tree::walk::Skip;
use pyro_tree::{Walk, WalkOptions};
use std::collections::HashSet;

/// Send a page of a tree.
pub(super) fn list(root: &Root, request: &List, desk: &Desk) -> Result<Reply, Stop> {
    let node = root.node(&request.root, request.follow)?;
    let options = WalkOptions { depth: request.depth, skip: skip(&request.exclude) };
    let begun = Walk::new(node, options).and_then(|mut walk| {
        if let Some(after) = &request.after {
            walk.resume(after)?;
        }
        Ok(walk)
    });
    let mut walk = begun.map_err(failed("list", request.root.as_bytes()))?;
    let limit = request.limit.unwrap_or(u64::MAX);
    let mut listed = Listed { entries: 0, more: false };
    let mut batch = Batch::with_room();
    while let Some((meta, target)) = walk.next_node() {
        if listed.entries == limit {
            listed.more = true;
            break;
        }
        listed.entries += 1;
        batch.entry(walk.path(), &meta, &target);
        if batch.is_full() {
            desk.send(std::mem::replace(&mut batch, Batch::with_room()))?;
        }
    }
    if !batch.is_empty() {
        desk.send(batch)?;
    }
    Ok(Reply::Listed(listed))
}

/// Leaves out these paths.
pub(super) fn skip<'f>(exclude: &[TreePath]) -> Option<Skip<'f>> {
    if exclude.is_empty() {
        return None;
    }
    let exclude: HashSet<Vec<u8>> = exclude.iter().map(|path| path.as_bytes().to_vec()).collect();
    Some(Box::new(move |path: &[u8], _: Kind| exclude.contains(path)))
}
