//! `Steady`: whether files stay as they are while they are read to be sent.

use super::error::SourceError;
use pyro_protocol::TreePath;
use pyro_protocol::tree::Record;
use rustix::io::Errno;

/// Watches records on their way out. The receiver cannot do it: it keeps what it gets, torn or not.
#[derive(Default)]
pub(super) struct Steady {
    /// Path of the last entry: its content may come in later batches.
    path: Vec<u8>,
}

impl Steady {
    /// Look at the next record.
    ///
    /// # Errors
    /// [`SourceError::Changed`] for a file that was not the same when it had been read, or is gone.
    pub(super) fn check(&mut self, record: &Record<'_>) -> Result<(), SourceError> {
        let changed = match record {
            Record::Entry { path, meta, .. } => {
                self.path = path.to_vec();
                i32::from(meta.errno) == Errno::NOENT.raw_os_error()
            }
            Record::End { changed, .. } => *changed,
            _ => false,
        };
        match changed {
            true => Err(SourceError::Changed(
                TreePath::parse(&self.path).unwrap_or_default().to_string(),
            )),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::tree::{Kind, Meta};

    #[test]
    fn a_file_that_changes_or_goes_is_named() {
        let entry = |path, errno| Record::Entry {
            path,
            meta: Meta { errno, ..Meta::new(Kind::File, 0o644) },
            target: b"",
        };
        let end = |changed| Record::End { size: 0, changed, errno: 0 };
        let mut steady = Steady::default();
        for record in [entry(b"a", 0), end(false), entry(b"denied", 13), entry(b"d/b", 0)] {
            steady.check(&record).unwrap();
        }
        assert_eq!(
            steady.check(&end(true)).unwrap_err().to_string(),
            "d/b changed while it was read"
        );
        assert!(
            matches!(steady.check(&entry(b"gone", 2)), Err(SourceError::Changed(path)) if path == "gone")
        );
    }
}
