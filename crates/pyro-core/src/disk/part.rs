//! A part of a file of a filesystem that nobody mounts.

use super::error::DiskError;
use super::node::{self, Node};
use super::way;
use ext4_view::Ext4;
use pyro_protocol::TreePath;
use serde::{Deserialize, Serialize};

/// Most bytes of a part.
const MAX_LEN: u64 = 1 << 20;

/// What to read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartQuery {
    /// The file; links are followed.
    #[serde(with = "serde_bytes")]
    pub path: Vec<u8>,
    /// Where the part begins, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u64,
}

/// What was read.
#[derive(Debug, Serialize, Deserialize)]
pub struct Part {
    /// The file's path without links.
    #[serde(with = "serde_bytes")]
    pub path: Vec<u8>,
    /// The file.
    pub node: Node,
    /// The part.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// Read a part.
///
/// # Errors
/// [`DiskError`].
pub(super) fn part(fs: &Ext4, query: &PartQuery) -> Result<Part, DiskError> {
    let found = way::go(fs, &query.path, true)?;
    if !found.metadata.file_type().is_regular_file() {
        return Err(node::no_file(&found).into());
    }
    let node = node::of_metadata(fs, &found, TreePath::root());
    let left = node.size.saturating_sub(query.offset);
    let len = usize::try_from(query.len.min(MAX_LEN).min(left)).unwrap_or_default();
    let mut bytes = vec![0; len];
    if len > 0 {
        let mut file = fs.open(&found.path[..]).map_err(DiskError::File)?;
        file.seek_to(query.offset).map_err(DiskError::File)?;
        let mut at = 0;
        while at < len {
            match file.read_bytes(&mut bytes[at..]).map_err(DiskError::File)? {
                0 => break,
                read => at += read,
            }
        }
        bytes.truncate(at);
    }
    Ok(Part { path: found.path, node, bytes })
}
