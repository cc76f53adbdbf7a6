//! Reading tar: each entry checked and turned into records, nothing ever held but one block.

use super::bounded::{Bounded, Watch};
use super::compression;
use super::error::{MAX_ENTRIES, MAX_SPARSE_LEN, TarError};
use super::name::TreeName;
use super::pax::Pax;
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Batch, Kind, Meta};
use std::io::{self, Read};
use std::rc::Rc;
use tar::{Archive, Entry, EntryType};

/// Bytes that one entry's headers may take: long names, extended attributes.
const MAX_HEADERS_LEN: u64 = 1024 * 1024;

/// Zeros that may follow the end of an archive: tar programs fill up records of at most some MiB.
const MAX_PADDING_LEN: u64 = 64 * 1024 * 1024;

/// Members that are told by name when they are left out.
const MAX_NAMED: usize = 10;

/// Zeros after which some are sent: whoever sends must notice within seconds that nobody takes any
/// more.
const MAX_QUIET_LEN: u64 = 256 << 20;

/// Zeros of this length, aligned to it, become a hole.
const HOLE_LEN: usize = 4096;

/// What was sent of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Members that are neither files nor directories nor links, the first few of them.
    pub special: Vec<(TreePath, Kind)>,
    /// How many of them there are.
    pub special_count: u64,
    /// Members with extended attributes, which are not carried, the first few of them.
    pub attributes: Vec<TreePath>,
    /// How many of them there are.
    pub attributes_count: u64,
}

/// Send what an archive holds: a tar file, plain or compressed by gzip, bzip2, xz or zstd, told by
/// its content. Names that lead out of the tree are refused, special files are left out. Of a name
/// that comes twice the receiver keeps the later one; one beyond a link it refuses.
///
/// # Errors
/// [`TarError`], also for an archive that lacks its end or has something behind it; what `out`
/// answers.
pub fn send<E: From<TarError>>(
    reader: impl Read,
    out: impl FnMut(Batch) -> Result<(), E>,
) -> Result<Sent, E> {
    let watch = Rc::new(Watch::default());
    let told = |error: TarError| E::from(watch.explain(error));
    let inner = match compression::plain(reader) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(TarError::Truncated.into());
        }
        opened => opened.map_err(TarError::from)?,
    };
    watch.budget.set(Some(MAX_HEADERS_LEN));
    let mut archive = Archive::new(Bounded { inner, watch: Rc::clone(&watch) });
    let mut sender = Sender {
        batch: Batch::with_room(),
        out,
        buffer: vec![0; 64 * 1024],
        sent: Sent::default(),
        watch: Rc::clone(&watch),
    };
    let mut entries = archive.entries().map_err(TarError::from)?;
    let mut count = 0;
    loop {
        watch.budget.set(Some(MAX_HEADERS_LEN));
        let Some(entry) = entries.next() else { break };
        let entry = entry.map_err(|error| told(error.into()))?;
        count += 1;
        if count > MAX_ENTRIES {
            return Err(TarError::TooMany.into());
        }
        watch.budget.set(None);
        sender.entry(entry)?;
    }
    watch.budget.set(None);
    ended(&mut archive.into_inner(), &watch).map_err(told)?;
    sender.flush_when(|batch| !batch.is_empty())?;
    Ok(sender.sent)
}

/// Read the rest behind the first block of zeros: another one, and what fills the last record up.
fn ended(rest: &mut impl Read, watch: &Watch) -> Result<(), TarError> {
    let mut buffer = [0; 8 * 1024];
    let mut len = 0;
    loop {
        let read = match rest.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // Something that is no part of the compressed file stands behind it.
            Err(_) if len >= BLOCK_LEN && !watch.is_over.get() => {
                return Err(TarError::Trailing("other data"));
            }
            read => read?,
        };
        if read == 0 {
            return if len >= BLOCK_LEN { Ok(()) } else { Err(TarError::Truncated) };
        }
        if buffer[..read].iter().any(|byte| *byte != 0) {
            return Err(TarError::Trailing("other data"));
        }
        len += read as u64;
        if len > MAX_PADDING_LEN {
            return Err(TarError::Trailing("too many zeros"));
        }
    }
}

/// Length of a block of tar.
const BLOCK_LEN: u64 = 512;

struct Sender<F> {
    batch: Batch,
    out: F,
    buffer: Vec<u8>,
    sent: Sent,
    watch: Rc<Watch>,
}

impl<E: From<TarError>, F: FnMut(Batch) -> Result<(), E>> Sender<F> {
    fn flush_when(&mut self, ready: impl FnOnce(&Batch) -> bool) -> Result<(), E> {
        if ready(&self.batch) {
            (self.out)(std::mem::replace(&mut self.batch, Batch::with_room()))
        } else {
            Ok(())
        }
    }

    fn entry(&mut self, mut entry: Entry<'_, impl Read>) -> Result<(), E> {
        self.flush_when(Batch::is_full)?;
        let Some(kind) = kind(&entry)? else { return Ok(()) };
        let raw = TreeName(entry.path_bytes().into_owned());
        let mut pax = headers(&mut entry, &raw)?;
        let sparse = pax.sparse.take();
        let own_name = sparse.as_ref().and_then(|sparse| sparse.name.as_deref());
        let path = name(own_name.unwrap_or(&raw.0))?;
        if !kind.is_carried() {
            self.sent.special_count += 1;
            if self.sent.special.len() < MAX_NAMED {
                self.sent.special.push((path, kind));
            }
            return Ok(());
        }
        if pax.has_attributes {
            self.sent.attributes_count += 1;
            if self.sent.attributes.len() < MAX_NAMED {
                self.sent.attributes.push(path.clone());
            }
        }
        let header = entry.header();
        let mode = header.mode().map_err(TarError::from)? & 0o7777;
        let id = |id: io::Result<u64>| id.ok().and_then(|id| u32::try_from(id).ok()).unwrap_or(0);
        let mut meta =
            Meta { uid: id(header.uid()), gid: id(header.gid()), ..Meta::new(kind, mode) };
        meta.mtime.seconds = header.mtime().map_err(TarError::from)?.cast_signed();
        meta.mtime = pax.mtime.unwrap_or(meta.mtime);
        let target = match kind {
            Kind::Symlink => {
                entry.link_name_bytes().map(|name| name.into_owned()).unwrap_or_default()
            }
            Kind::HardLink => {
                name(&entry.link_name_bytes().unwrap_or_default())?.as_bytes().to_vec()
            }
            _ => Vec::new(),
        };
        if matches!(kind, Kind::Symlink | Kind::HardLink)
            && (target.is_empty() || target.len() > 4095)
        {
            let name = TreeName(path.as_bytes().to_vec());
            return Err(TarError::Special { name, what: "link without a target" }.into());
        }
        meta.size = sparse.as_ref().map_or(entry.size(), |sparse| sparse.size);
        self.batch.entry(path.as_bytes(), &meta, &target);
        if kind != Kind::File {
            return Ok(());
        }
        let len = entry.size();
        let is_old_sparse = entry.header().entry_type() == EntryType::GNUSparse;
        if is_old_sparse && len > MAX_SPARSE_LEN {
            return Err(TarError::TooLong { path }.into());
        }
        let stretches = match sparse {
            Some(sparse) => {
                let read = sparse.stretches(&raw, len, &mut entry);
                read.map_err(|error| self.watch.explain(error))?
            }
            None => vec![(0, len)],
        };
        for (at, len) in stretches {
            self.stretch(&mut entry, at, len)?;
        }
        self.batch.end(meta.size, false, 0);
        Ok(())
    }

    /// The next `len` bytes of an entry, which stand at `at` in its file.
    fn stretch(&mut self, entry: &mut impl Read, at: u64, len: u64) -> Result<(), E> {
        let (mut done, mut quiet) = (0, 0);
        while done < len {
            let most = self.buffer.len().min(usize::try_from(len - done).unwrap_or(usize::MAX));
            let mut filled = 0;
            while filled < most {
                match entry.read(&mut self.buffer[filled..most]) {
                    Ok(0) => return Err(TarError::Truncated.into()),
                    Ok(len) => filled += len,
                    Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                    Err(err) => return Err(self.watch.explain(err.into()).into()),
                }
            }
            quiet = if self.data(at + done, filled)? { 0 } else { quiet + filled as u64 };
            if quiet >= MAX_QUIET_LEN {
                self.flush_when(|batch| batch.data_room() < HOLE_LEN)?;
                self.batch.data(at + done, &self.buffer[..filled.min(HOLE_LEN)]);
                self.flush_when(|_| true)?;
                quiet = 0;
            }
            done += filled as u64;
        }
        Ok(())
    }

    /// Send the stretches of the buffer that are not zero, as data at `at`; whether there are any.
    fn data(&mut self, at: u64, len: usize) -> Result<bool, E> {
        let (mut begun, mut any) = (0, false);
        while begun < len {
            let is_hole = |from: usize| {
                let block = &self.buffer[from..len.min(from + HOLE_LEN)];
                block.iter().all(|byte| *byte == 0)
            };
            let hole = is_hole(begun);
            let mut end = begun;
            while end < len && is_hole(end) == hole {
                end = len.min(end + HOLE_LEN);
            }
            any |= !hole;
            let mut from = begun;
            while !hole && from < end {
                self.flush_when(|batch| batch.data_room() < HOLE_LEN)?;
                let to = end.min(from + self.batch.data_room());
                self.batch.data(at + from as u64, &self.buffer[from..to]);
                from = to;
            }
            begun = end;
        }
        Ok(any)
    }
}

/// What an entry is; none for one that only says something of others.
fn kind(entry: &Entry<'_, impl Read>) -> Result<Option<Kind>, TarError> {
    let special =
        |what| Err(TarError::Special { name: TreeName(entry.path_bytes().into_owned()), what });
    Ok(Some(match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink,
        EntryType::Link => Kind::HardLink,
        EntryType::XGlobalHeader => return Ok(None),
        EntryType::Char => Kind::CharDevice,
        EntryType::Block => Kind::BlockDevice,
        EntryType::Fifo => Kind::Fifo,
        _ => return special("node of an unknown kind"),
    }))
}

/// A name without the `./` and the `/` at its end that tar programs write.
fn name(raw: &[u8]) -> Result<TreePath, TarError> {
    let mut rest = raw;
    while let Some(after) = rest.strip_prefix(b"./") {
        rest = after;
    }
    let rest = if raw.starts_with(b"/") { raw } else { rest };
    let trimmed = match rest.iter().rposition(|byte| *byte != b'/') {
        Some(last) => &rest[..=last],
        None if raw.starts_with(b"/") => raw,
        None => b"",
    };
    let trimmed = if trimmed == b"." { b"" } else { trimmed };
    TreePath::parse(trimmed)
        .map_err(|source| TarError::Name { name: TreeName(raw.to_vec()), source })
}

fn headers(entry: &mut Entry<'_, impl Read>, name: &TreeName) -> Result<Pax, TarError> {
    let Some(headers) = entry.pax_extensions()? else { return Ok(Pax::default()) };
    Pax::of(
        name,
        headers.map(|header| header.map(|header| (header.key_bytes(), header.value_bytes()))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive of one old GNU sparse file of `len` bytes that has no data.
    fn old_sparse(len: u64) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_path("f").unwrap();
        header.set_mode(0o644);
        header.set_size(0);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_entry_type(EntryType::GNUSparse);
        let gnu = header.as_gnu_mut().unwrap();
        // A number of 256 bits, as lengths above 8 GiB are written.
        gnu.realsize[0] = 0x80;
        gnu.realsize[4..].copy_from_slice(&len.to_be_bytes());
        // The map ends with a stretch of nothing at the end of the file.
        gnu.sparse[0].offset[0] = 0x80;
        gnu.sparse[0].offset[4..].copy_from_slice(&len.to_be_bytes());
        gnu.sparse[0].numbytes.copy_from_slice(b"00000000000\0");
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.resize(512 * 3, 0);
        bytes
    }

    #[test]
    fn a_file_of_zeros_ends_when_nobody_takes_it_any_more() {
        let mut count = 0;
        let sent = send(&old_sparse(MAX_SPARSE_LEN)[..], |_| {
            count += 1;
            if count == 2 { Err(TarError::TooMany) } else { Ok(()) }
        });
        assert!(matches!(sent, Err(TarError::TooMany)), "{sent:?}");
        for len in [MAX_SPARSE_LEN + 1, u64::MAX >> 1] {
            let sent = send(&old_sparse(len)[..], |_| Ok::<(), TarError>(()));
            assert!(matches!(sent, Err(TarError::TooLong { .. })), "{len}: {sent:?}");
        }
    }

    #[test]
    fn names_are_normalised_or_refused() {
        for (raw, expected) in [
            ("./a/", Some("a")),
            ("a/b", Some("a/b")),
            ("./", Some("")),
            (".", Some("")),
            ("././a", Some("a")),
        ] {
            assert_eq!(
                name(raw.as_bytes()).ok().map(|path| path.as_bytes().to_vec()),
                expected.map(|e| e.into()),
                "{raw}"
            );
        }
        for raw in ["/etc/passwd", "../x", "a/../../x", "/", ".//etc", "a//b", "a/./b"] {
            assert!(matches!(name(raw.as_bytes()), Err(TarError::Name { .. })), "{raw}");
        }
    }
}
