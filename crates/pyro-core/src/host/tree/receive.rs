//! `Receiver`: a stream of records as a new tree that appears whole.

use super::super::output::Output;
use super::super::staging::{MADE, Staging};
use super::error::HostTreeError;
use pyro_protocol::tree::{Kind, Record};
use pyro_tree::{Placed, Placer, Placing, node};
use rustix::io::Errno;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

/// What a received tree may be.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Most nodes.
    pub max_entries: u64,
    /// Most bytes of content.
    pub max_bytes: u64,
    /// Replace what is there.
    pub overwrite: bool,
}

/// A tree that is being received; it appears at its place whole, or dropped before leaves nothing.
pub struct Receiver {
    placer: Option<Placer>,
    staging: Staging,
    overwrite: bool,
}

impl Receiver {
    /// Receive a tree that is to appear there. Modes and times are kept, set-user-id and its like
    /// are not, nodes that cannot be made are left out and told.
    ///
    /// # Errors
    /// [`HostTreeError::Exists`] unless it may be overwritten; [`HostTreeError::Root`].
    pub fn new(output: Output, allowance: Allowance) -> Result<Self, HostTreeError> {
        let dest = output.path.clone();
        let failed = |source| HostTreeError::Root { action: "write", path: dest.clone(), source };
        let name = output.name.as_bytes();
        if !allowance.overwrite && node::find(output.dir.as_fd(), name).map_err(failed)?.is_some() {
            return Err(HostTreeError::Exists { path: dest });
        }
        let staging = Staging::begin(output).map_err(failed)?;
        let inside = staging.inside().try_clone_to_owned();
        let inside =
            inside.map_err(|error| failed(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
        let placing = Placing {
            owners: false,
            special_bits: false,
            keep_going: true,
            umask: pyro_tree::place::umask(),
            max_entries: allowance.max_entries,
            max_bytes: allowance.max_bytes,
        };
        let placer = Some(Placer::as_name(inside, MADE, placing));
        Ok(Self { placer, staging, overwrite: allowance.overwrite })
    }

    /// Take one record.
    ///
    /// # Errors
    /// [`HostTreeError::Tree`].
    pub fn put(&mut self, record: &Record<'_>) -> Result<(), HostTreeError> {
        match &mut self.placer {
            Some(placer) => Ok(placer.put(record)?),
            None => Ok(()),
        }
    }

    /// The stream is over: let the tree appear.
    ///
    /// # Errors
    /// [`HostTreeError::Exists`] when something has come there meanwhile; [`HostTreeError`]
    /// otherwise.
    pub fn finish(mut self) -> Result<Placed, HostTreeError> {
        let placed = match self.placer.take() {
            Some(placer) => placer.finish()?,
            None => Placed::default(),
        };
        // Durable before it has its name. One call for all: 5,000 files took 35 to 65 ms, an fsync
        // of each one 1 to 1.8 s (ext4); a single file costs the same either way.
        let synced = rustix::fs::syncfs(self.staging.inside());
        let made = synced.and_then(|()| node::look(self.staging.inside(), MADE));
        let is_directory = made.is_ok_and(|meta| meta.kind == Kind::Directory);
        let appeared = synced.and_then(|()| match is_directory {
            true => self.staging.appear(self.overwrite),
            false => self.staging.file_appears(self.overwrite),
        });
        appeared.map_err(|errno| {
            let path = self.staging.output.path.clone();
            match errno {
                Errno::EXIST if !self.overwrite => HostTreeError::Exists { path },
                Errno::NOTEMPTY | Errno::EXIST if !is_directory => HostTreeError::Full { path },
                source => HostTreeError::Root { action: "write", path, source },
            }
        })?;
        Ok(placed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::send;
    use super::*;
    use pyro_protocol::tree::{Batch, Meta, Records};
    use pyro_tree::TreeError;
    use std::fs;
    use std::path::Path;

    const ALL: Allowance =
        Allowance { max_entries: u64::MAX, max_bytes: u64::MAX, overwrite: false };

    fn batches(root: &Path) -> Vec<Batch> {
        let mut all = Vec::new();
        send(root, None, |batch| {
            all.push(batch);
            Ok::<(), HostTreeError>(())
        })
        .unwrap();
        all
    }

    fn receive(
        batches: &[Batch],
        dest: &Path,
        allowance: Allowance,
    ) -> Result<Placed, HostTreeError> {
        let mut receiver = Receiver::new(Output::prepare(&dest.into(), true).unwrap(), allowance)?;
        for batch in batches {
            for record in Records::new(batch.payload()) {
                receiver.put(&record?)?;
            }
        }
        receiver.finish()
    }

    #[test]
    fn a_tree_appears_whole_and_replaces_only_when_told() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        fs::create_dir(&from).unwrap();
        fs::write(from.join("f"), "new").unwrap();
        let all = batches(&from);
        let dest = dir.path().join("dest");
        fs::create_dir(&dest).unwrap();
        fs::write(dest.join("old"), "old").unwrap();
        assert!(matches!(receive(&all, &dest, ALL), Err(HostTreeError::Exists { .. })));
        assert_eq!(fs::read_to_string(dest.join("old")).unwrap(), "old");
        receive(&all, &dest, Allowance { overwrite: true, ..ALL }).unwrap();
        assert_eq!(fs::read_to_string(dest.join("f")).unwrap(), "new");
        assert!(!dest.join("old").exists());
        receive(&all, &dir.path().join("fresh"), ALL).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "nothing temporary stays");
    }

    #[test]
    fn a_hostile_or_broken_stream_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        let dest = dir.path().join("dest");
        let mut batch = Batch::default();
        let top = Meta::new(Kind::Directory, 0o755);
        batch.entry(b"", &top, b"");
        batch.entry(b"l", &Meta::new(Kind::Symlink, 0o777), b"../../outside");
        batch.entry(b"l/x", &Meta::new(Kind::Directory, 0o755), b"");
        assert!(matches!(
            receive(&[batch], &dest, ALL),
            Err(HostTreeError::Tree(TreeError::Beyond { .. }))
        ));
        let mut batch = Batch::default();
        batch.entry(b"", &top, b"");
        batch.entry(b"f", &Meta::new(Kind::File, 0o644), b"");
        assert!(receive(&[batch], &dest, ALL).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(fs::read_dir(dir.path().join("outside")).unwrap().count(), 0);
    }
}
