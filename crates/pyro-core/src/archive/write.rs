//! Writing tar: a stream of records as an archive that every tar program reads.

use pyro_protocol::TreePath;
use pyro_protocol::tree::{Kind, Meta, Record};
use pyro_tree::place::IDENTITY_BITS;
use pyro_tree::{Odd, TreeError};
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tar::{Builder, EntryType, Header};

use super::error::TarError;

/// Zeros that the holes of all files may become: tar has no holes that a stream could write, and
/// they cost a guest nothing.
const MAX_HOLES_LEN: u64 = 4 * 1024 * 1024 * 1024;

/// Odd nodes that are told by name; more are counted.
const MAX_TOLD: usize = 1000;

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// An archive that is being written.
pub struct TarWriter<W: Write> {
    builder: Builder<W>,
    /// Length of the file at hand, and how much of it is written.
    open: Option<(u64, u64)>,
    last: TreePath,
    left_bytes: u64,
    left_holes: u64,
    entries: u64,
    odd: Vec<(TreePath, Odd)>,
    odd_count: u64,
}

impl<W: Write> TarWriter<W> {
    /// Write to `out`, at most `max_bytes` of content.
    pub fn new(out: W, max_bytes: u64) -> Self {
        let builder = Builder::new(out);
        let (last, left_holes) = (TreePath::root(), MAX_HOLES_LEN);
        Self {
            builder,
            open: None,
            last,
            left_bytes: max_bytes,
            left_holes,
            entries: 0,
            odd: Vec::new(),
            odd_count: 0,
        }
    }

    /// Take one record.
    ///
    /// # Errors
    /// [`TreeError`] for what has no place in the stream; [`TarError`] for what cannot be written.
    pub fn put<E: From<TarError> + From<TreeError>>(
        &mut self,
        record: &Record<'_>,
    ) -> Result<(), E> {
        match (record, self.open) {
            (Record::Entry { path, meta, target }, None) => {
                self.last = TreePath::parse(path).unwrap_or_default();
                if meta.kind == Kind::File
                    && meta.size.saturating_sub(meta.blocks.saturating_mul(512)) > self.left_holes
                {
                    // It says so itself: nothing of it is written first.
                    return Err(self.too_sparse().into());
                }
                Ok(self.entry(path, meta, target).map_err(TarError::from)?)
            }
            (Record::Data { offset, bytes }, Some((size, written))) => {
                let end = offset.saturating_add(bytes.len() as u64);
                if *offset < written || end > size {
                    return Err(TreeError::Order { path: self.last.clone() }.into());
                }
                self.take(end - written)?;
                self.hole(offset - written)?;
                self.builder.get_mut().write_all(bytes).map_err(TarError::from)?;
                self.open = Some((size, end));
                Ok(())
            }
            (Record::End { changed, errno, .. }, Some((size, written))) => {
                // The length stands in the header: what has gone missing meanwhile is zeros, and
                // told.
                self.take(size - written)?;
                self.hole(size - written)?;
                self.zeros((512 - size % 512) % 512).map_err(TarError::from)?;
                self.open = None;
                match (*errno, changed) {
                    (0, false) => {}
                    (0, true) => self.tell(Odd::Changed),
                    (errno, _) => self.tell(Odd::CutShort(errno)),
                }
                Ok(())
            }
            (Record::Attributes, None) => {
                self.tell(Odd::Attributes);
                Ok(())
            }
            _ => Err(TreeError::Order { path: self.last.clone() }.into()),
        }
    }

    /// Nodes that are in it so far, without what was left out.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// How many nodes were left out or changed so far, also those that are not told by name.
    #[must_use]
    pub fn odd_count(&self) -> u64 {
        self.odd_count
    }

    /// The stream is over: end the archive. What was left out or changed is told.
    ///
    /// # Errors
    /// [`TreeError`] when a file has not ended; [`TarError`].
    pub fn finish<E: From<TarError> + From<TreeError>>(
        self,
    ) -> Result<(W, Vec<(TreePath, Odd)>), E> {
        if self.open.is_some() {
            return Err(TreeError::Order { path: self.last }.into());
        }
        Ok((self.builder.into_inner().map_err(TarError::from)?, self.odd))
    }

    fn take(&mut self, len: u64) -> Result<(), TreeError> {
        let left = self.left_bytes.checked_sub(len);
        self.left_bytes =
            left.ok_or(TreeError::TooMuch { limit: self.left_bytes, unit: "bytes" })?;
        Ok(())
    }

    /// The zeros of a hole.
    fn hole(&mut self, len: u64) -> Result<(), TarError> {
        self.left_holes = self.left_holes.checked_sub(len).ok_or_else(|| self.too_sparse())?;
        Ok(self.zeros(len)?)
    }

    fn too_sparse(&self) -> TarError {
        TarError::Sparse { path: self.last.clone(), limit: MAX_HOLES_LEN }
    }

    fn zeros(&mut self, mut len: u64) -> io::Result<()> {
        while len > 0 {
            let part = usize::try_from(len).unwrap_or(usize::MAX).min(ZEROS.len());
            self.builder.get_mut().write_all(&ZEROS[..part])?;
            len -= part as u64;
        }
        Ok(())
    }

    fn tell(&mut self, odd: Odd) {
        self.odd_count += 1;
        if self.odd.len() < MAX_TOLD {
            self.odd.push((self.last.clone(), odd));
        }
    }

    fn entry(&mut self, path: &[u8], meta: &Meta, target: &[u8]) -> io::Result<()> {
        if meta.errno != 0 {
            self.tell(Odd::Unreadable(meta.errno));
            if meta.kind != Kind::Directory {
                return Ok(());
            }
        }
        if !meta.kind.is_carried() {
            self.tell(Odd::Special(meta.kind));
            return Ok(());
        }
        self.entries += 1;
        let shown: &[u8] = if path.is_empty() { b"." } else { path };
        let mut header = Header::new_gnu();
        header.set_mode(meta.mode & !IDENTITY_BITS);
        if meta.mode & IDENTITY_BITS != 0 && matches!(meta.kind, Kind::File | Kind::Directory) {
            self.tell(Odd::Bits(meta.mode & IDENTITY_BITS));
        }
        header.set_uid(meta.uid.into());
        header.set_gid(meta.gid.into());
        header.set_mtime(u64::try_from(meta.mtime.seconds).unwrap_or(0));
        header.set_size(0);
        if meta.mtime.nanoseconds > 0 || meta.mtime.seconds < 0 {
            let time = precise(meta);
            self.builder.append_pax_extensions([("mtime", time.as_bytes())])?;
        }
        let path = Path::new(OsStr::from_bytes(shown));
        match meta.kind {
            Kind::Symlink | Kind::HardLink => {
                let is_symlink = meta.kind == Kind::Symlink;
                header.set_entry_type(if is_symlink {
                    EntryType::Symlink
                } else {
                    EntryType::Link
                });
                return self.builder.append_link(
                    &mut header,
                    path,
                    Path::new(OsStr::from_bytes(target)),
                );
            }
            Kind::Directory => header.set_entry_type(EntryType::Directory),
            _ => {
                header.set_entry_type(EntryType::Regular);
                header.set_size(meta.size);
                self.open = Some((meta.size, 0));
            }
        }
        self.builder.append_data(&mut header, path, io::empty())
    }
}

/// Seconds with nine decimals.
fn precise(meta: &Meta) -> String {
    let total = meta.mtime.as_nanoseconds();
    let (sign, total) =
        if total < 0 { ("-", total.unsigned_abs()) } else { ("", total.unsigned_abs()) };
    format!("{sign}{}.{:09}", total / 1_000_000_000, total % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_told_and_not_counted() {
        let mut writer = TarWriter::new(Vec::new(), 10);
        let unread = Meta { errno: 13, ..Meta::new(Kind::File, 0) };
        let metas = [
            Meta::new(Kind::Directory, 0o755),
            Meta::new(Kind::Socket, 0o755),
            unread,
            Meta::new(Kind::File, 0),
        ];
        for (path, meta) in [&b""[..], b"a", b"b", b"c"].into_iter().zip(metas) {
            writer.put::<Failed>(&Record::Entry { path, meta, target: b"" }).unwrap();
        }
        writer.put::<Failed>(&Record::End { size: 0, changed: false, errno: 0 }).unwrap();
        assert_eq!((writer.entries(), writer.finish::<Failed>().unwrap().1.len()), (2, 2));
    }

    /// Takes all, keeps nothing.
    struct Count(u64);

    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A file that says of itself that it has no holes.
    fn full(size: u64) -> Meta {
        Meta { size, blocks: u64::MAX, ..Meta::new(Kind::File, 0o644) }
    }

    #[test]
    fn what_is_not_named_any_more_is_counted() {
        let mut writer = TarWriter::new(Count(0), u64::MAX);
        for number in 0..=MAX_TOLD {
            let path = format!("{number}");
            let pipe = Record::Entry {
                path: path.as_bytes(),
                meta: Meta::new(Kind::Fifo, 0o644),
                target: b"",
            };
            writer.put::<Failed>(&pipe).unwrap();
        }
        assert_eq!(writer.odd_count(), MAX_TOLD as u64 + 1);
        assert_eq!(writer.finish::<Failed>().unwrap().1.len(), MAX_TOLD);
    }

    #[test]
    fn the_holes_of_all_files_are_bounded_together_whatever_they_say() {
        let mut writer = TarWriter::new(Count(0), u64::MAX);
        let part = MAX_HOLES_LEN / 2;
        for path in [&b"a"[..], b"b", b"c"] {
            writer
                .put::<Failed>(&Record::Entry { path, meta: full(part + 1), target: b"" })
                .unwrap();
            let put = writer.put::<Failed>(&Record::Data { offset: part, bytes: b"x" });
            match put {
                Ok(()) => writer
                    .put::<Failed>(&Record::End { size: part + 1, changed: false, errno: 0 })
                    .unwrap(),
                Err(error) => {
                    assert_eq!(
                        (path, error.to_string().contains("c holds")),
                        (&b"c"[..], true),
                        "{error}"
                    );
                    assert!(writer.builder.get_ref().0 < MAX_HOLES_LEN + (1 << 20));
                    return;
                }
            }
        }
        panic!("all holes were written");
    }

    #[test]
    fn a_file_of_any_length_is_refused_and_not_written() {
        for meta in [full(u64::MAX), Meta { blocks: 0, ..full(MAX_HOLES_LEN + 1) }] {
            let mut writer = TarWriter::new(Count(0), u64::MAX);
            let begun = writer.put::<Failed>(&Record::Entry { path: b"a", meta, target: b"" });
            let put = begun.and_then(|()| {
                writer.put::<Failed>(&Record::End { size: meta.size, changed: false, errno: 0 })
            });
            assert!(matches!(put, Err(Failed::Tar(TarError::Sparse { .. }))), "{put:?}");
            assert!(writer.builder.get_ref().0 < 1 << 20);
        }
    }

    #[derive(Debug, thiserror::Error)]
    enum Failed {
        #[error(transparent)]
        Tar(#[from] TarError),
        #[error(transparent)]
        Tree(#[from] TreeError),
    }
}
