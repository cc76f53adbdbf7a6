//! What a member's PAX headers say: its time, its holes, and attributes that no record carries.

use super::error::TarError;
use super::name::TreeName;
use pyro_protocol::tree::Time;
use std::io::{self, Read};

/// Most stretches of data of one sparse file.
const MAX_STRETCHES: usize = 1_000_000;

/// Blocks of a map that stands before the data.
const BLOCK_LEN: usize = 512;

/// What the headers of one member say.
#[derive(Debug, Default)]
pub(super) struct Pax {
    /// Last change of the content, with its nanoseconds.
    pub(super) mtime: Option<Time>,
    /// Whether it has extended attributes or access control lists.
    pub(super) has_attributes: bool,
    /// Its holes, where it is a sparse file.
    pub(super) sparse: Option<Sparse>,
}

/// A sparse file of one of the formats of GNU tar: 0.0, 0.1 or 1.0.
#[derive(Debug)]
pub(super) struct Sparse {
    /// Its own name, where the member has another.
    pub(super) name: Option<Vec<u8>>,
    /// Length with its holes, in bytes.
    pub(super) size: u64,
    /// Stretches of data; none where the map stands before the data.
    map: Option<Vec<Stretch>>,
}

/// Data of a sparse file: where, and how many bytes.
pub(super) type Stretch = (u64, u64);

/// Headers as they are read.
#[derive(Default)]
struct Headers {
    major: Option<u64>,
    minor: Option<u64>,
    size: Option<u64>,
    count: Option<u64>,
    name: Option<Vec<u8>>,
    /// Of the formats 0.0 and 0.1.
    map: Vec<Stretch>,
    /// An offset whose length comes next.
    offset: Option<u64>,
    is_sparse: bool,
}

impl Pax {
    /// Read the headers of the member `name`.
    ///
    /// # Errors
    /// [`TarError::Map`] for a sparse file whose headers make no sense.
    pub(super) fn of<'h>(
        name: &TreeName,
        headers: impl Iterator<Item = io::Result<(&'h [u8], &'h [u8])>>,
    ) -> Result<Self, TarError> {
        let (mut pax, mut found) = (Self::default(), Headers::default());
        for header in headers {
            let (key, value) = header?;
            if key == b"mtime" {
                pax.mtime = parse_time(value);
            } else if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                found.is_sparse = true;
                found.take(key, value).ok_or_else(|| TarError::Map { name: name.clone() })?;
            } else if key.starts_with(b"SCHILY.") || key.starts_with(b"LIBARCHIVE.xattr.") {
                pax.has_attributes |= names_attributes(key);
            }
        }
        if found.is_sparse {
            pax.sparse = Some(found.finish().ok_or_else(|| TarError::Map { name: name.clone() })?);
        }
        Ok(pax)
    }
}

/// `SCHILY` has other headers too; labels of SELinux are on every file of a host that has them.
fn names_attributes(key: &[u8]) -> bool {
    let has = |prefix: &[u8]| key.starts_with(prefix);
    (has(b"SCHILY.xattr.") || has(b"SCHILY.acl.") || has(b"LIBARCHIVE.xattr."))
        && !key.ends_with(b"security.selinux")
}

impl Headers {
    fn take(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            b"major" => self.major = Some(number(value)?),
            b"minor" => self.minor = Some(number(value)?),
            b"size" | b"realsize" => self.size = Some(number(value)?),
            b"numblocks" => self.count = Some(number(value)?),
            b"name" => self.name = Some(value.to_vec()),
            b"offset" => self.offset = Some(number(value)?),
            b"numbytes" => self.push(number(value)?)?,
            b"map" => {
                for word in value.split(|byte| *byte == b',') {
                    match self.offset {
                        None => self.offset = Some(number(word)?),
                        Some(_) => self.push(number(word)?)?,
                    }
                }
            }
            _ => {}
        }
        Some(())
    }

    fn push(&mut self, len: u64) -> Option<()> {
        let offset = self.offset.take()?;
        (self.map.len() < MAX_STRETCHES).then(|| self.map.push((offset, len)))
    }

    fn finish(self) -> Option<Sparse> {
        let size = self.size.filter(|size| i64::try_from(*size).is_ok())?;
        let map = match (self.major, self.minor) {
            (Some(1), Some(0)) if self.map.is_empty() => None,
            (None | Some(0), _) if self.offset.is_none() => Some(self.map),
            _ => return None,
        };
        let is_counted =
            |map: &Vec<Stretch>| self.count.is_none_or(|count| count == map.len() as u64);
        map.as_ref().is_none_or(is_counted).then_some(Sparse { name: self.name, size, map })
    }
}

impl Sparse {
    /// The stretches of data of a member with `len` bytes of content, whose map is read from
    /// `content` where it stands there.
    ///
    /// # Errors
    /// [`TarError::Map`] unless they rise, lie within the file and have as many bytes as the
    /// member.
    pub(super) fn stretches(
        self,
        name: &TreeName,
        len: u64,
        content: &mut impl Read,
    ) -> Result<Vec<Stretch>, TarError> {
        let bad = || TarError::Map { name: name.clone() };
        let (map, len) = match self.map {
            Some(map) => (map, len),
            None => {
                let (map, taken) = read_map(content, len)?.ok_or_else(bad)?;
                (map, len - taken)
            }
        };
        let (mut end, mut sum) = (0, 0_u64);
        for (offset, len) in &map {
            if *offset < end {
                return Err(bad());
            }
            end = offset.checked_add(*len).filter(|end| *end <= self.size).ok_or_else(bad)?;
            sum += len;
        }
        if sum == len { Ok(map) } else { Err(bad()) }
    }
}

/// The map of format 1.0 and its length in bytes: numbers that each end a line, padded to whole
/// blocks. The first says how many stretches there are.
fn read_map(content: &mut impl Read, len: u64) -> io::Result<Option<(Vec<Stretch>, u64)>> {
    let mut block = [0; BLOCK_LEN];
    let (mut map, mut taken) = (Vec::new(), 0);
    let (mut count, mut offset) = (None, None);
    let mut word = Vec::new();
    loop {
        if len - taken < BLOCK_LEN as u64 {
            return Ok(None);
        }
        content.read_exact(&mut block)?;
        taken += BLOCK_LEN as u64;
        for byte in block {
            if byte != b'\n' {
                word.push(byte);
                if word.len() > 20 {
                    return Ok(None);
                }
                continue;
            }
            let Some(value) = number(&word) else { return Ok(None) };
            word.clear();
            match (count, offset.take()) {
                (None, _) if value > MAX_STRETCHES as u64 => return Ok(None),
                (None, _) => count = Some(value),
                (Some(_), None) => offset = Some(value),
                (Some(_), Some(offset)) => map.push((offset, value)),
            }
            if count == Some(map.len() as u64) {
                return Ok(Some((map, taken)));
            }
        }
    }
}

fn number(text: &[u8]) -> Option<u64> {
    let is_plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_plain)?.parse().ok()
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
        return Some(Time {
            seconds: seconds.checked_sub(1)?,
            nanoseconds: 1_000_000_000 - nanoseconds,
        });
    }
    Some(Time { seconds, nanoseconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pax(headers: &[(&str, &str)]) -> Result<Pax, TarError> {
        let headers = headers.iter().map(|(key, value)| Ok((key.as_bytes(), value.as_bytes())));
        Pax::of(&TreeName::from(&b"f"[..]), headers)
    }

    fn stretches(headers: &[(&str, &str)], content: &[u8]) -> Option<Vec<Stretch>> {
        let sparse = pax(headers).ok()?.sparse?;
        sparse.stretches(&TreeName::from(&b"f"[..]), content.len() as u64, &mut &content[..]).ok()
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

    #[test]
    fn each_format_of_a_map_is_read() {
        let of = |name| (format!("GNU.sparse.{name}"), ());
        let key: Vec<String> =
            ["size", "numblocks", "offset", "numbytes", "map", "major", "minor", "realsize"]
                .iter()
                .map(|name| of(name).0)
                .collect();
        let zero = [
            (&*key[0], "9"),
            (&*key[1], "2"),
            (&*key[2], "1"),
            (&*key[3], "2"),
            (&*key[2], "5"),
            (&*key[3], "4"),
        ];
        assert_eq!(stretches(&zero, b"aabbbb"), Some(vec![(1, 2), (5, 4)]));
        let one = [(&*key[0], "9"), (&*key[1], "2"), (&*key[4], "1,2,5,4")];
        assert_eq!(stretches(&one, b"aabbbb"), Some(vec![(1, 2), (5, 4)]));
        let two = [(&*key[5], "1"), (&*key[6], "0"), (&*key[7], "9")];
        let mut content = b"2\n1\n2\n5\n4\n".to_vec();
        content.resize(512, 0);
        content.extend_from_slice(b"aabbbb");
        assert_eq!(stretches(&two, &content), Some(vec![(1, 2), (5, 4)]));
        // All of it is a hole.
        let mut content = b"0\n".to_vec();
        content.resize(512, 0);
        assert_eq!(stretches(&two, &content), Some(vec![]));
    }

    #[test]
    fn a_map_that_makes_no_sense_is_refused() {
        let map =
            |size, map| stretches(&[("GNU.sparse.size", size), ("GNU.sparse.map", map)], b"aabbbb");
        assert_eq!(map("9", "1,2,5,4"), Some(vec![(1, 2), (5, 4)]));
        for (size, text) in [
            ("8", "1,2,5,4"),
            ("9", "5,4,1,2"),
            ("9", "1,4,2,2"),
            ("9", "1,2,5,3"),
            ("9", "1,2,5"),
            ("9", "1,2,,4"),
            ("9", "1,2,18446744073709551615,4"),
            ("9", "-1,2,5,4"),
            ("18446744073709551615", "1,2,5,4"),
            ("x", "1,2,5,4"),
        ] {
            assert_eq!(map(size, text), None, "{size} {text}");
        }
        let two = |text: &[u8]| {
            let headers = [
                ("GNU.sparse.major", "1"),
                ("GNU.sparse.minor", "0"),
                ("GNU.sparse.realsize", "9"),
            ];
            let mut content = text.to_vec();
            content.resize(512, 0);
            stretches(&headers, &content)
        };
        for text in [
            &b"1\n"[..],
            b"9999999999\n",
            b"x\n",
            b"1\n0\n1\n",
            b"123456789012345678901234567890",
            b"\n",
        ] {
            assert_eq!(two(text), None, "{text:?}");
        }
        for version in ["2", "x"] {
            let headers = [
                ("GNU.sparse.major", version),
                ("GNU.sparse.minor", "0"),
                ("GNU.sparse.realsize", "9"),
            ];
            assert!(pax(&headers).is_err());
        }
    }
}
