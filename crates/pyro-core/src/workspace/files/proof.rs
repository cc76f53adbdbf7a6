//! Proofs: which files of a workspace hold what files of the host hold, known without reading
//! either.
//!
//! A proof names both files by inode, length, mtime and ctime. It is kept only where both ctimes
//! are older than a moment that had passed on their own clocks before the content was read or
//! listed: whoever writes to such a file later gives it another ctime, also within one tick of the
//! clock. Writes through a shared mapping that was dirty before are the exception, as they are for
//! every program that trusts ctimes.

use super::baseline::MAX_ENTRIES;
use crate::config::Config;
use crate::host::{clock, fs};
use crate::id::Id;
use crate::workspace::error::WorkspaceError;
use crate::workspace::paths::directory;
use crate::workspace::place::joined;
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Entry, Kind, Meta, Time};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

/// First bytes of the file; then for each path its length (two bytes, little-endian), the path, and
/// its proof.
const MAGIC: &[u8; 8] = b"pyroprf1";

/// Longest file of proofs, in bytes.
const MAX_LEN: u64 = 512 << 20;

/// How much older than a transfer's begin a file of the host must be, in nanoseconds: a tick is at
/// most 10 ms.
const MARGIN_NS: i128 = 100_000_000;

/// The first half of a BLAKE3 digest of what both files are.
type Proof = [u8; 16];

/// The proofs of one workspace, beside a transfer of files to it.
#[derive(Clone, Debug, Default)]
pub(in crate::workspace) struct Proofs {
    proven: HashMap<TreePath, Proof>,
    /// The file system of the source; none where its ctimes prove nothing.
    device: Option<u64>,
    /// When the transfer began, on the host's clock, in nanoseconds since 1970.
    begun: i128,
    is_changed: bool,
}

fn path(config: &Config, id: Id) -> PathBuf {
    directory(config, id).join("proofs")
}

impl Proofs {
    /// None so far, for a transfer that begins now.
    pub(in crate::workspace) fn begin(device: Option<u64>) -> Self {
        Self { device, begun: i128::from(clock::wall_ns()), ..Self::default() }
    }

    /// Those that were kept, for a transfer that begins now; what cannot be read proves nothing.
    /// Blocking.
    pub(super) fn read(config: &Config, id: Id, device: Option<u64>) -> Self {
        let mut proofs = Self::begin(device);
        if device.is_none() {
            return proofs;
        }
        match fs::read_bounded(&path(config, id), MAX_LEN) {
            Ok(bytes) => proofs.proven = decode(&bytes).unwrap_or_default(),
            Err(error) if error.is_not_found() => {}
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "no proofs can be read")
            }
        }
        proofs
    }

    /// Whether the file at `path`, which is `there`, holds what `source` holds.
    pub(super) fn holds(&self, path: &TreePath, source: &Meta, there: &Meta) -> bool {
        let proven = self.device.zip(self.proven.get(path));
        proven.is_some_and(|(device, proven)| *proven == proof(device, source, there))
    }

    /// Both files are equal. `before` is a time of the guest's clock that had passed when that
    /// became known.
    pub(in crate::workspace) fn note(
        &mut self,
        path: TreePath,
        source: &Meta,
        there: &Meta,
        before: Time,
    ) {
        let Some(device) = self.device else { return };
        let is_settled =
            source.ctime.as_nanoseconds() + MARGIN_NS < self.begun && there.ctime < before;
        if is_settled && self.proven.len() < MAX_ENTRIES {
            self.proven.insert(path, proof(device, source, there));
            self.is_changed = true;
        }
    }

    /// Keep only what `stays` says; the others are gone or replaced.
    pub(super) fn retain(&mut self, stays: impl Fn(&TreePath) -> bool) {
        let before = self.proven.len();
        self.proven.retain(|path, _| stays(path));
        self.is_changed |= self.proven.len() != before;
    }

    /// Keep them for the next transfer. Blocking.
    ///
    /// # Errors
    /// [`WorkspaceError::Files`].
    pub(in crate::workspace) fn keep(&self, config: &Config, id: Id) -> Result<(), WorkspaceError> {
        if !self.is_changed {
            return Ok(());
        }
        fs::private_dir(&directory(config, id))?;
        Ok(fs::write_atomic(&path(config, id), &encode(&self.proven))?)
    }
}

/// Give a fork the proofs of what it was made from: its disk has the same inodes. Blocking.
///
/// # Errors
/// [`WorkspaceError::Files`].
pub(in crate::workspace) fn inherit(
    config: &Config,
    from: Id,
    to: Id,
) -> Result<(), WorkspaceError> {
    match fs::read_bounded(&path(config, from), MAX_LEN) {
        Ok(bytes) => Ok(fs::write_atomic(&path(config, to), &bytes)?),
        Err(_) => Ok(()),
    }
}

/// The latest change of any node of a listing: a time that the guest's clock had reached when it
/// ended.
pub(in crate::workspace) fn latest(entries: &[Entry]) -> Time {
    entries.iter().map(|entry| entry.meta.ctime).max().unwrap_or_default()
}

/// Of a listing below `dest`, the files that nobody has changed since they were put there with a
/// directory that holds them, each with a time that has passed since. `puts` are the paths that a
/// push put, in any order.
///
/// What is put is renamed last, out of a place where nobody else writes: a file whose ctime lies
/// before that of every renamed node, with all directories down to it, is as it was staged. Of one
/// that was renamed itself nothing is known: its ctime is from the same tick as what somebody may
/// have written behind it.
pub(super) fn untouched<'a>(
    present: &'a [Entry],
    dest: &TreePath,
    puts: &[&TreePath],
) -> Vec<(&'a TreePath, (&'a Meta, Time))> {
    let puts: HashSet<&TreePath> = puts.iter().copied().collect();
    let is_put = |entry: &&Entry| puts.contains(&joined(dest, &entry.path));
    let Some(renamed) = present.iter().filter(is_put).map(|entry| entry.meta.ctime).min() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    // The directory that was put and holds the entry at hand, and one within it that was changed.
    let (mut put, mut changed): (Option<&TreePath>, Option<&TreePath>) = (None, None);
    for entry in present {
        let (path, meta) = (&entry.path, &entry.meta);
        if is_put(&entry) {
            put = (meta.kind == Kind::Directory).then_some(path);
            continue;
        }
        let is_within = |above: Option<&TreePath>| above.is_some_and(|above| path.is_within(above));
        if !is_within(put) || is_within(changed) {
            continue;
        }
        match meta.kind {
            Kind::Directory if meta.ctime >= renamed => changed = Some(path),
            Kind::File if meta.ctime < renamed => found.push((path, (meta, renamed))),
            _ => {}
        }
    }
    found
}

fn proof(device: u64, source: &Meta, there: &Meta) -> Proof {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&device.to_le_bytes());
    for meta in [source, there] {
        hasher.update(&meta.ino.to_le_bytes());
        hasher.update(&meta.size.to_le_bytes());
        for time in [meta.mtime, meta.ctime] {
            hasher.update(&time.as_nanoseconds().to_le_bytes());
        }
    }
    let mut proof = Proof::default();
    proof.copy_from_slice(&hasher.finalize().as_bytes()[..size_of::<Proof>()]);
    proof
}

fn encode(proven: &HashMap<TreePath, Proof>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for (path, proof) in proven {
        let path = path.as_bytes();
        // No path is longer than 4096 bytes.
        let len = u16::try_from(path.len()).unwrap_or_default();
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(&path[..usize::from(len)]);
        bytes.extend_from_slice(proof);
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<HashMap<TreePath, Proof>> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let mut proven = HashMap::new();
    while !rest.is_empty() {
        let (len, after) = rest.split_first_chunk::<2>()?;
        let (path, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
        let (proof, after) = after.split_first_chunk::<16>()?;
        proven.insert(TreePath::parse(path).ok()?, *proof);
        rest = after;
    }
    Some(proven)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(ino: u64, ctime: i64) -> Meta {
        let time = |seconds| Time { seconds, nanoseconds: 0 };
        Meta { ino, size: 7, mtime: time(1), ctime: time(ctime), ..Meta::new(Kind::File, 0o644) }
    }

    fn named(path: &str) -> TreePath {
        TreePath::parse(path.as_bytes()).unwrap()
    }

    #[test]
    fn any_change_of_either_file_ends_a_proof() {
        let mut proofs = Proofs::begin(Some(1));
        let (source, there) = (file(1, 10), file(2, 20));
        proofs.note(named("a"), &source, &there, Time { seconds: 21, nanoseconds: 0 });
        assert!(proofs.holds(&named("a"), &source, &there));
        assert!(!proofs.holds(&named("b"), &source, &there));
        for other in [
            file(3, 10),
            file(1, 11),
            Meta { size: 8, ..source },
            Meta { mtime: source.ctime, ..source },
        ] {
            assert!(!proofs.holds(&named("a"), &other, &there), "{other:?}");
        }
        assert!(!proofs.holds(&named("a"), &source, &file(2, 21)));
        assert!(!Proofs { device: Some(2), ..proofs.clone() }.holds(&named("a"), &source, &there));
        assert!(!Proofs { device: None, ..proofs.clone() }.holds(&named("a"), &source, &there));
        proofs.retain(|path| *path != named("a"));
        assert!(!proofs.holds(&named("a"), &source, &there));
    }

    #[test]
    fn what_may_still_change_within_the_same_tick_is_not_proven() {
        let mut proofs = Proofs::begin(Some(1));
        let now = clock::wall_ns();
        let young = Meta {
            ctime: Time {
                seconds: (now / 1_000_000_000).cast_signed(),
                nanoseconds: (now % 1_000_000_000) as u32,
            },
            ..file(1, 0)
        };
        let (old, there) = (file(1, 10), file(2, 20));
        proofs.note(named("a"), &young, &there, Time { seconds: 30, nanoseconds: 0 });
        assert!(!proofs.holds(&named("a"), &young, &there), "the host's file is too young");
        proofs.note(named("a"), &old, &there, there.ctime);
        assert!(!proofs.holds(&named("a"), &old, &there), "the guest's clock may not have gone on");
    }

    #[test]
    fn what_was_put_with_its_directory_and_not_touched_since_is_known() {
        let entry = |path: &str, kind, ctime| {
            let ctime = Time { seconds: ctime, nanoseconds: 0 };
            Entry {
                path: named(path),
                meta: Meta { ctime, ..Meta::new(kind, 0o644) },
                target: Vec::new(),
            }
        };
        use Kind::{Directory as D, File as F};
        let present = [
            entry("", D, 9),
            entry("f", F, 5),
            entry("old", F, 1),
            entry("p", D, 5),
            entry("p/a", F, 4),
            entry("p/b", F, 5),
            entry("p/c", D, 6),
            entry("p/c/moved", F, 2),
            entry("p/d", D, 4),
            entry("p/d/x", F, 4),
        ];
        let puts = [named("in/f"), named("in/p")];
        let found = untouched(&present, &named("in"), &puts.iter().collect::<Vec<_>>());
        let paths: Vec<_> = found.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, ["p/a", "p/d/x"]);
        assert!(found.iter().all(|(_, (_, before))| before.seconds == 5));
        assert!(untouched(&present, &named("in"), &[]).is_empty());
    }

    #[test]
    fn proofs_are_kept_whole_or_not_at_all() {
        let mut proofs = Proofs::begin(Some(1));
        for name in ["a", "d/b", ""] {
            proofs.note(
                named(name),
                &file(1, 10),
                &file(2, 20),
                Time { seconds: 21, nanoseconds: 0 },
            );
        }
        let bytes = encode(&proofs.proven);
        assert_eq!(decode(&bytes).unwrap(), proofs.proven);
        assert_eq!(decode(&MAGIC[..]).unwrap().len(), 0);
        for cut in [0, 7, 9, bytes.len() - 1] {
            assert!(decode(&bytes[..cut]).is_none(), "{cut}");
        }
    }
}
