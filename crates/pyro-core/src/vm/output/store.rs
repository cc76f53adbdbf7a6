//! Whole outputs in files: private, bounded each and together, the least recently used removed
//! first.

use super::error::OutputError;
use super::name::OutputName;
use super::page::OutputPage;
use crate::config::Config;
use crate::host::fs::{self, FsError};
use crate::host::sparse;
use crate::id::Id;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

/// Most bytes that are kept of one stream.
pub const MAX_FILE: u64 = 256 * 1024 * 1024;

/// Most files that are kept.
const MAX_FILES: usize = 256;

/// Most bytes that are kept in all files together.
const MAX_TOTAL: u64 = 1024 * 1024 * 1024;

/// The kept outputs of a data directory.
#[derive(Clone, Debug)]
pub struct OutputStore {
    directory: PathBuf,
}

impl OutputStore {
    /// Those of the configured data directory.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { directory: config.data_dir.join("outputs") }
    }

    /// A new, empty file for an output of `stream`.
    pub(super) fn create(&self, stream: &str) -> io::Result<(OutputName, File)> {
        fs::private_dir(&self.directory).map_err(io::Error::other)?;
        let name = OutputName::new(Id::random().map_err(io::Error::other)?, stream);
        let file = sparse::create_new(&self.path(&name))?;
        self.prune();
        Ok((name, file))
    }

    /// Forget an output. What cannot be removed is told to the log, and goes when there are newer
    /// ones.
    pub fn remove(&self, name: &OutputName) {
        if let Err(error) = fs::remove_file(&self.path(name)) {
            tracing::warn!(%error, "an output stays behind");
        }
    }

    /// Remove the least recently used until the rest is within its bounds. What cannot be removed
    /// is told to the log: no command fails because of it.
    pub(super) fn prune(&self) {
        if let Err(error) = self.prune_to(MAX_FILES, MAX_TOTAL) {
            tracing::warn!(%error, "old outputs stay behind");
        }
    }

    fn prune_to(&self, max_files: usize, max_total: u64) -> Result<(), FsError> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for name in fs::names_in(&self.directory)? {
            let path = self.directory.join(name);
            // One that is gone by now was removed by somebody else.
            let Ok(meta) = fs::metadata(&path) else { continue };
            files.push((meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), meta.len(), path));
        }
        files.sort_by(|one, other| other.cmp(one));
        let mut total = 0;
        for (index, (_, size, path)) in files.into_iter().enumerate() {
            total += size;
            if index >= max_files || total > max_total {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// At most `length` bytes of an output, from `offset` on; it counts as used.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn read(
        &self,
        name: &OutputName,
        offset: u64,
        length: usize,
    ) -> Result<OutputPage, OutputError> {
        let path = self.path(name);
        let read = |source| OutputError::Read { name: name.clone(), source };
        let file = match fs::open(&path) {
            Err(error) if error.is_not_found() => {
                return Err(OutputError::Gone { name: name.clone() });
            }
            file => file.map_err(|error| read(error.source))?,
        };
        let len = file.metadata().map_err(read)?.len();
        let page = OutputPage::read(name, &file, offset, length, (len, MAX_FILE)).map_err(read)?;
        if let Err(error) = fs::touch(&path) {
            tracing::debug!(%error, "an output's use is not remembered");
        }
        Ok(page)
    }

    fn path(&self, name: &OutputName) -> PathBuf {
        self.directory.join(name.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::time::Duration;

    #[test]
    fn the_least_recently_used_go_first() {
        let home = tempfile::tempdir().unwrap();
        let store = OutputStore { directory: home.path().join("outputs") };
        let began = SystemTime::now() - Duration::from_secs(60);
        let names: Vec<OutputName> = (0..4)
            .map(|age| {
                let (name, mut file) = store.create("stdout").unwrap();
                file.write_all(b"1234").unwrap();
                file.set_modified(began + Duration::from_secs(age)).unwrap();
                name
            })
            .collect();
        let left = || names.iter().map(|name| store.path(name).exists()).collect::<Vec<_>>();
        store.prune_to(4, 16).unwrap();
        assert_eq!(left(), [true; 4]);
        // Read again, the oldest is the newest.
        assert_eq!(store.read(&names[0], 1, 2).unwrap().text, "23");
        store.prune_to(3, 16).unwrap();
        assert_eq!(left(), [true, false, true, true]);
        store.prune_to(3, 8).unwrap();
        assert_eq!(left(), [true, false, false, true]);
        assert!(matches!(store.read(&names[1], 0, 1), Err(OutputError::Gone { .. })));
    }
}
