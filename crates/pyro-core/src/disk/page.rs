//! A page of what a directory of a filesystem holds that nobody mounts, in the order of a walk.

use super::error::DiskError;
use super::fault::DiskFault;
use super::node::{self, Node};
use super::way::{self, Found};
use ext4_view::{DirEntry, Ext4};
use pyro_protocol::TreePath;
use serde::{Deserialize, Serialize};

/// Most names that are held: of a directory, and of those that it lies in.
const MAX_NAMES: usize = 500_000;

/// Most directories inside each other: more than people make, and an end for those that hold each
/// other.
const MAX_DEPTH: usize = 512;

/// Most bytes of names and targets on a page.
const MAX_BYTES: usize = 16 << 20;

/// What to list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PageQuery {
    /// The directory, or anything else, which then lists itself.
    #[serde(with = "serde_bytes")]
    pub path: Vec<u8>,
    /// Follow it where it is a link.
    pub follow: bool,
    /// With all that is below it.
    pub recursive: bool,
    /// Begin behind this path, relative to the directory.
    pub after: Option<TreePath>,
    /// Nodes of the page.
    pub limit: usize,
}

/// What was found.
#[derive(Debug, Serialize, Deserialize)]
pub struct Page {
    /// The nodes, their paths relative to the directory; the root for one that lists itself.
    pub nodes: Vec<Node>,
    /// Whether there are more.
    pub more: bool,
}

/// The names of a directory that are left, the last first.
struct Open {
    path: TreePath,
    names: Vec<DirEntry>,
}

/// List a page.
///
/// # Errors
/// [`DiskError`].
pub(super) fn page(fs: &Ext4, query: &PageQuery) -> Result<Page, DiskError> {
    let root = way::go(fs, &query.path, query.follow)?;
    if !root.metadata.is_dir() {
        let node = node::of_metadata(fs, &root, TreePath::root());
        let nodes = query.after.is_none().then_some(node).into_iter().collect();
        return Ok(Page { nodes, more: false });
    }
    let (mut nodes, mut bytes) = (Vec::new(), 0);
    let mut open = vec![Open { path: TreePath::root(), names: names(fs, &root)? }];
    while let Some(directory) = open.last_mut() {
        let Some(entry) = directory.names.pop() else {
            open.pop();
            continue;
        };
        let above = directory.path.as_bytes();
        let name = entry.file_name();
        let path = match above {
            b"" => name.as_ref().to_vec(),
            above => [above, b"/", name.as_ref()].concat(),
        };
        // Neither `.` and `..` nor a path that no kernel makes.
        let Ok(path) = TreePath::parse(&path) else { continue };
        let is_told = query.after.as_ref().is_none_or(|after| path > *after);
        let leads_on = is_told || query.after.as_ref().is_some_and(|after| after.is_within(&path));
        if !leads_on {
            continue;
        }
        let (node, found) = node::of_entry(fs, &entry, &root.path, path);
        if query.recursive
            && let Some(found) = found.filter(|found| found.metadata.is_dir())
        {
            let names = names(fs, &found)?;
            let held: usize = open.iter().map(|open| open.names.len()).sum();
            if open.len() >= MAX_DEPTH || held + names.len() > MAX_NAMES {
                return Err(DiskFault::Directories.into());
            }
            open.push(Open { path: node.path.clone(), names });
        }
        if !is_told {
            continue;
        }
        bytes += node.path.as_bytes().len() + node.target.len();
        if nodes.len() == query.limit || (bytes > MAX_BYTES && !nodes.is_empty()) {
            return Ok(Page { nodes, more: true });
        }
        nodes.push(node);
    }
    Ok(Page { nodes, more: false })
}

/// The names of a directory, the last first.
fn names(fs: &Ext4, directory: &Found) -> Result<Vec<DirEntry>, DiskError> {
    way::check_directory(directory)?;
    let at: &[u8] = if directory.path.is_empty() { b"/" } else { &directory.path };
    let mut names = Vec::new();
    for entry in fs.read_dir(at).map_err(DiskError::File)? {
        if names.len() == MAX_NAMES {
            return Err(DiskFault::Directories.into());
        }
        names.push(entry.map_err(DiskError::File)?);
    }
    names.sort_unstable_by(|a, b| b.file_name().as_ref().cmp(a.file_name().as_ref()));
    Ok(names)
}
