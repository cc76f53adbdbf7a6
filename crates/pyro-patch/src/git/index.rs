//! `Tracked`: the names in git's index, which no rule ignores. Pure.
//!
//! Of the index only the names are needed. `gix-index` would bring some thirty crates, maps the
//! file into memory and allocates what its header says; this takes nothing that the file does not
//! hold, since a guest may have written it.

/// Longest name of an index, in bytes.
const MAX_NAME_LEN: usize = 4096;

/// Most bytes of all names: in version 4 a few bytes can stand for a long one.
const MAX_NAMES: usize = 256 << 20;

/// Bytes of memory that a name takes beside its own.
const NAME_SIZE: usize = size_of::<Vec<u8>>();

/// Lengths of git's ids: SHA-1 and SHA-256. An index does not say which it has.
const ID_LENGTHS: [usize; 2] = [20, 32];

/// Bytes of an entry before its id.
const STAT_LEN: usize = 40;

/// The names that an index holds, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tracked(Vec<Vec<u8>>);

/// An index as it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Index {
    names: Vec<Vec<u8>>,
    /// Those of them that are submodules.
    pub submodules: Vec<Vec<u8>>,
    /// The id, in hex, of the shared index that holds the rest of the names.
    pub shared: Option<String>,
}

impl Index {
    /// Read an index of version 2, 3 or 4; none where it is malformed.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Self::parse_within(bytes, MAX_NAMES)
    }

    /// The same; none also where its names would take more than `room` bytes of memory.
    #[must_use]
    pub fn parse_within(bytes: &[u8], room: usize) -> Option<Self> {
        ID_LENGTHS.into_iter().find_map(|id_len| parse(bytes, id_len, room))
    }

    /// The names of this index and of the shared one. What was removed since the shared one was
    /// written counts as tracked.
    #[must_use]
    pub fn tracked(self, shared: Option<Self>) -> Tracked {
        let mut names = self.names;
        names.extend(shared.into_iter().flat_map(|shared| shared.names));
        names.retain(|name| !name.is_empty());
        names.sort_unstable();
        names.dedup();
        Tracked(names)
    }
}

impl Tracked {
    /// Bytes of memory that the names take.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.iter().map(|name| name.len() + NAME_SIZE).sum()
    }

    /// Whether a file, a link or a submodule is tracked.
    #[must_use]
    pub fn has(&self, path: &[u8]) -> bool {
        self.0.binary_search_by(|name| name.as_slice().cmp(path)).is_ok()
    }

    /// Whether anything below a directory is tracked.
    #[must_use]
    pub fn has_below(&self, directory: &[u8]) -> bool {
        let below = [directory, b"/"].concat();
        let at = self.0.partition_point(|name| *name < below);
        self.0.get(at).is_some_and(|name| name.starts_with(&below))
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn word(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn short(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn until_nul(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().take(MAX_NAME_LEN + 1).position(|byte| *byte == 0)?;
        self.take(end)
    }

    /// Git's encoding of an offset.
    fn offset(&mut self) -> Option<usize> {
        let mut value = 0;
        loop {
            let byte = usize::from(self.take(1)?[0]);
            value = (value << 7) + (byte & 0x7f);
            if byte & 0x80 == 0 {
                return Some(value);
            }
            value += 1;
            if value > MAX_NAME_LEN {
                return None;
            }
        }
    }
}

fn parse(bytes: &[u8], id_len: usize, room: usize) -> Option<Index> {
    let mut reader = Reader(bytes);
    if reader.take(4)? != b"DIRC" {
        return None;
    }
    let (version, count) = (reader.word()?, reader.word()?);
    if !(2..=4).contains(&version) {
        return None;
    }
    let (mut names, mut submodules, mut room): (Vec<Vec<u8>>, Vec<Vec<u8>>, usize) =
        (Vec::new(), Vec::new(), room);
    for _ in 0..count {
        let before = reader.0.len();
        let stat = reader.take(STAT_LEN)?;
        let kind = u32::from_be_bytes(stat[24..28].try_into().ok()?) >> 12;
        reader.take(id_len)?;
        let flags = reader.short()?;
        if flags & 0x4000 != 0 {
            if version < 3 {
                return None;
            }
            reader.short()?;
        }
        let mut name = Vec::new();
        if version == 4 {
            let last = names.last().map_or(&[][..], Vec::as_slice);
            name.extend_from_slice(&last[..last.len().checked_sub(reader.offset()?)?]);
        }
        name.extend_from_slice(reader.until_nul()?);
        let told = usize::from(flags & 0xfff);
        let padding = if version == 4 { 1 } else { 8 - (before - reader.0.len()) % 8 };
        let is_padded = reader.take(padding)?.iter().all(|byte| *byte == 0);
        // With the other length of an id hardly any of this would hold.
        let is_sound =
            is_padded && matches!(kind, 0o10 | 0o12 | 0o16 | 0o4) && told == name.len().min(0xfff);
        if !is_sound || name.len() > MAX_NAME_LEN {
            return None;
        }
        room = room.checked_sub(name.len() + NAME_SIZE)?;
        if kind == 0o16 {
            room = room.checked_sub(name.len() + NAME_SIZE)?;
            submodules.push(name.clone());
        }
        names.push(name);
    }
    Some(Index { names, submodules, shared: shared(reader, id_len)? })
}

/// What the extensions behind the entries say of a shared index. They end where the index's own id
/// begins.
fn shared(mut reader: Reader<'_>, id_len: usize) -> Option<Option<String>> {
    let mut shared = None;
    while reader.0.len() > id_len {
        let name = reader.take(4)?;
        let len = usize::try_from(reader.word()?).ok()?;
        let content = reader.take(len)?;
        if name == b"link" {
            let id = content.get(..id_len)?;
            shared = id.iter().any(|byte| *byte != 0).then(|| hex::encode(id));
        }
    }
    (reader.0.len() == id_len).then_some(shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracked(names: &[&str]) -> Tracked {
        Index {
            names: names.iter().map(|name| name.as_bytes().to_vec()).collect(),
            submodules: vec![],
            shared: None,
        }
        .tracked(None)
    }

    #[test]
    fn what_lies_below_a_directory_is_found_among_names_that_begin_alike() {
        let tracked = tracked(&["a-b", "a.c", "a/x", "a0", "d/e/f"]);
        for (directory, found) in
            [("a", true), ("d", true), ("d/e", true), ("a/x", false), ("a-b", false), ("", false)]
        {
            assert_eq!(tracked.has_below(directory.as_bytes()), found, "{directory}");
        }
        assert!(tracked.has(b"a/x") && !tracked.has(b"a") && !tracked.has(b"d/e"));
    }

    #[test]
    fn what_is_no_index_has_no_names_and_takes_no_memory() {
        let header = |version: u32, count: u32| {
            [b"DIRC".as_slice(), &version.to_be_bytes(), &count.to_be_bytes()].concat()
        };
        for bytes in [
            b"".to_vec(),
            b"DIRC".to_vec(),
            header(2, u32::MAX),
            header(9, 0),
            [header(4, 1), vec![0xff; 200]].concat(),
        ] {
            assert_eq!(Index::parse(&bytes), None);
        }
        let empty = [header(2, 0), vec![0; 20]].concat();
        assert_eq!(
            Index::parse(&empty),
            Some(Index { names: vec![], submodules: vec![], shared: None })
        );
        let mut entry = vec![0; STAT_LEN];
        entry[24..28].copy_from_slice(&0o100_644_u32.to_be_bytes());
        // Names of 4,000 bytes that take four bytes each would fill the memory.
        let first = [entry.as_slice(), &[0; 20], &[0xf, 0xa0, 0], &[b'n'; 4000], &[0]].concat();
        let next = [entry.as_slice(), &[0; 20], &[0xf, 0xa1, 0], b"n\0"].concat();
        let shorter = [entry.as_slice(), &[0; 20], &[0xf, 0xa0, 1], b"\0"].concat();
        let pairs = 40_000_u32;
        let many = [
            header(4, 1 + 2 * pairs),
            first,
            [next, shorter].concat().repeat(pairs as usize),
            vec![0; 20],
        ]
        .concat();
        assert_eq!(Index::parse(&many), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_fail(
            version in 2_u32..5,
            count in 0_u32..4,
            bytes in proptest::collection::vec(0_u8..=255, 0..400),
        ) {
            let (version, count) = (version.to_be_bytes(), count.to_be_bytes());
            let index = [b"DIRC".as_slice(), &version, &count, &bytes].concat();
            let _ = Index::parse(&index).map(|index| index.tracked(None));
        }
    }
}
