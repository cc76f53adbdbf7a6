//! Reading tar: each entry checked and turned into records, nothing ever held but one block.

use super::compression;
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Batch, Kind, Meta, Time};
use pyro_protocol::tree_path::TreePathError;
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use tar::{Archive, Entry, EntryType};

/// Bytes that one entry's headers may take: long names, extended attributes.
const MAX_HEADERS_LEN: u64 = 1024 * 1024;

/// Most entries of an archive.
const MAX_ENTRIES: u64 = 5_000_000;

/// Zeros of this length, aligned to it, become a hole.
const HOLE_LEN: usize = 4096;

/// An archive that is refused.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// It cannot be read, or is no archive.
    #[error("cannot read the archive")]
    Io(#[from] io::Error),
    /// More zeros would stand in it than it may hold.
    #[error("{path} holds more holes than an archive has room for: {} GiB in all", limit >> 30)]
    Sparse {
        /// The file.
        path: TreePath,
        /// Most bytes of holes of all its files.
        limit: u64,
    },
    /// An entry's name leads out of the tree or is none.
    #[error("{name} cannot be unpacked: {source}")]
    Name {
        /// The name as it is there.
        name: TreeName,
        /// What is wrong with it.
        #[source]
        source: TreePathError,
    },
    /// An entry is something that cannot be carried.
    #[error("{name} is a {what}, which cannot be unpacked")]
    Special {
        /// The entry's name.
        name: TreeName,
        /// What it is.
        what: &'static str,
    },
    /// There are too many.
    #[error("the archive has more than {MAX_ENTRIES} entries")]
    TooMany,
}

/// A name from an archive; shown without what could steer a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeName(Vec<u8>);

impl std::fmt::Display for TreeName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        String::from_utf8_lossy(&self.0).chars().try_for_each(|char| {
            if char.is_control() { write!(out, "{}", char.escape_default()) } else { write!(out, "{char}") }
        })
    }
}

/// Counts what is read while no entry's content is: only headers are, and they are bounded.
struct Bounded<R> {
    inner: R,
    budget: Rc<Cell<Option<u64>>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        if let Some(budget) = self.budget.get() {
            let rest = budget.checked_sub(len as u64);
            let long = || io::Error::new(io::ErrorKind::InvalidData, "the headers of an entry are too long");
            self.budget.set(Some(rest.ok_or_else(long)?));
        }
        Ok(len)
    }
}

/// Send what an archive holds: `.tar`, `.tar.gz` or `.tar.zst`, told by its content. Names that lead out of the tree and
/// special files are refused by name. Of a name that comes twice the receiver keeps the later one; one beyond a link it refuses.
///
/// # Errors
/// [`TarError`], and what `out` answers.
pub fn send<E: From<TarError>>(reader: impl Read, out: impl FnMut(Batch) -> Result<(), E>) -> Result<(), E> {
    let budget = Rc::new(Cell::new(Some(MAX_HEADERS_LEN)));
    let inner = compression::plain(reader).map_err(TarError::from)?;
    let mut archive = Archive::new(Bounded { inner, budget: Rc::clone(&budget) });
    let mut sender = Sender { batch: Batch::with_room(), out, buffer: vec![0; 64 * 1024] };
    let mut entries = archive.entries().map_err(TarError::from)?;
    let mut count = 0;
    loop {
        budget.set(Some(MAX_HEADERS_LEN));
        let Some(entry) = entries.next() else { break };
        let entry = entry.map_err(TarError::from)?;
        count += 1;
        if count > MAX_ENTRIES {
            return Err(TarError::TooMany.into());
        }
        budget.set(None);
        sender.entry(entry)?;
    }
    sender.flush_when(|batch| !batch.is_empty())
}

struct Sender<F> {
    batch: Batch,
    out: F,
    buffer: Vec<u8>,
}

impl<E: From<TarError>, F: FnMut(Batch) -> Result<(), E>> Sender<F> {
    fn flush_when(&mut self, ready: impl FnOnce(&Batch) -> bool) -> Result<(), E> {
        if ready(&self.batch) { (self.out)(std::mem::replace(&mut self.batch, Batch::with_room())) } else { Ok(()) }
    }

    fn entry(&mut self, mut entry: Entry<'_, impl Read>) -> Result<(), E> {
        self.flush_when(Batch::is_full)?;
        let Some(kind) = kind(&entry)? else { return Ok(()) };
        let path = name(&entry.path_bytes())?;
        let header = entry.header();
        let mode = header.mode().map_err(TarError::from)? & 0o7777;
        let id = |id: io::Result<u64>| id.ok().and_then(|id| u32::try_from(id).ok()).unwrap_or(0);
        let mut meta = Meta { uid: id(header.uid()), gid: id(header.gid()), ..Meta::new(kind, mode) };
        meta.mtime.seconds = header.mtime().map_err(TarError::from)?.cast_signed();
        if let Some(precise) = precise_mtime(&mut entry)? {
            meta.mtime = precise;
        }
        let target = match kind {
            Kind::Symlink => entry.link_name_bytes().map(|name| name.into_owned()).unwrap_or_default(),
            Kind::HardLink => name(&entry.link_name_bytes().unwrap_or_default())?.as_bytes().to_vec(),
            _ => Vec::new(),
        };
        if matches!(kind, Kind::Symlink | Kind::HardLink) && (target.is_empty() || target.len() > 4095) {
            let name = TreeName(path.as_bytes().to_vec());
            return Err(TarError::Special { name, what: "link without a target" }.into());
        }
        meta.size = entry.size();
        self.batch.entry(path.as_bytes(), &meta, &target);
        if kind == Kind::File { self.content(entry) } else { Ok(()) }
    }

    fn content(&mut self, mut entry: Entry<'_, impl Read>) -> Result<(), E> {
        let size = entry.size();
        let mut at = 0;
        while at < size {
            let mut filled = 0;
            while filled < self.buffer.len() {
                match entry.read(&mut self.buffer[filled..]) {
                    Ok(0) => break,
                    Ok(len) => filled += len,
                    Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                    Err(err) => return Err(TarError::from(err).into()),
                }
            }
            if filled == 0 {
                return Err(TarError::from(io::Error::from(io::ErrorKind::UnexpectedEof)).into());
            }
            self.data(at, filled)?;
            at += filled as u64;
        }
        self.batch.end(at, false, 0);
        Ok(())
    }

    /// The stretches of the buffer that are not zero, as data at `at`.
    fn data(&mut self, at: u64, len: usize) -> Result<(), E> {
        let mut begun = 0;
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
            let mut from = begun;
            while !hole && from < end {
                self.flush_when(|batch| batch.data_room() < HOLE_LEN)?;
                let to = end.min(from + self.batch.data_room());
                self.batch.data(at + from as u64, &self.buffer[from..to]);
                from = to;
            }
            begun = end;
        }
        Ok(())
    }
}

/// What an entry is; none for one that only says something of others.
fn kind(entry: &Entry<'_, impl Read>) -> Result<Option<Kind>, TarError> {
    let special = |what| Err(TarError::Special { name: TreeName(entry.path_bytes().into_owned()), what });
    Ok(Some(match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink,
        EntryType::Link => Kind::HardLink,
        EntryType::XGlobalHeader => return Ok(None),
        EntryType::Char => return special("character device"),
        EntryType::Block => return special("block device"),
        EntryType::Fifo => return special("named pipe"),
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
    TreePath::parse(trimmed).map_err(|source| TarError::Name { name: TreeName(raw.to_vec()), source })
}

/// The time with its nanoseconds, where the archive has it; and what its extended headers say that cannot be kept.
fn precise_mtime(entry: &mut Entry<'_, impl Read>) -> Result<Option<Time>, TarError> {
    let path = TreeName(entry.path_bytes().into_owned());
    let Some(extensions) = entry.pax_extensions()? else { return Ok(None) };
    let mut time = None;
    for extension in extensions {
        let extension = extension?;
        let key = extension.key_bytes();
        if key.starts_with(b"GNU.sparse.") {
            return Err(TarError::Special { name: path, what: "sparse file of the PAX format" });
        }
        if key == b"mtime" {
            time = parse_time(extension.value_bytes());
        }
    }
    Ok(time)
}

/// `[-]SECONDS[.FRACTION]`.
fn parse_time(text: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: u32 = format!("{:0<9.9}", fraction).parse().ok()?;
    if whole.starts_with('-') && nanoseconds > 0 {
        return Some(Time { seconds: seconds.checked_sub(1)?, nanoseconds: 1_000_000_000 - nanoseconds });
    }
    Some(Time { seconds, nanoseconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_or_refused() {
        for (raw, expected) in
            [("./a/", Some("a")), ("a/b", Some("a/b")), ("./", Some("")), (".", Some("")), ("././a", Some("a"))]
        {
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

    #[test]
    fn times_before_and_after_1970_keep_their_nanoseconds() {
        let time = |seconds, nanoseconds| Some(Time { seconds, nanoseconds });
        assert_eq!(parse_time(b"12.5"), time(12, 500_000_000));
        assert_eq!(parse_time(b"12"), time(12, 0));
        assert_eq!(parse_time(b"-1.25"), time(-2, 750_000_000));
        assert_eq!(parse_time(b"1.0000000019"), time(1, 1));
        assert_eq!(parse_time(b"x"), None);
        assert_eq!(parse_time(b"1.-5"), None);
    }
}
