//! `GIT binary patch`: packed data, in lines of base85.

use super::cursor::without_return;
use super::header::Header;
use super::reader::Reader;
use crate::git::base85;
use crate::patch::error::ParseError;
use crate::patch::limits::FILE_BYTES;
use crate::patch::model::{Binary, BinaryData};
use flate2::read::ZlibDecoder;
use std::io::Read;

impl<'a> Reader<'a> {
    /// Read what makes the new content; the data that leads back is checked and dropped.
    pub(super) fn binary(&mut self, header: &Header<'_>) -> Result<Binary, ParseError> {
        let line = self.cursor.line();
        let bad = |why| ParseError::Binary { line, why };
        let id = |id: &[u8]| {
            let known = matches!(id.len(), 40 | 64) && id.iter().all(u8::is_ascii_hexdigit);
            known.then(|| String::from_utf8_lossy(id).to_ascii_lowercase())
        };
        let ids = header.ids.and_then(|(old, new)| id(old).zip(id(new)));
        let (old_id, new_id) =
            ids.ok_or_else(|| bad("needs an index line with full ids (git diff --binary)"))?;
        self.cursor.take();
        let data = self.packed()?.ok_or_else(|| bad("is missing"))?;
        self.packed()?;
        Ok(Binary { old_id, new_id, data })
    }

    /// One `literal` or `delta` with its lines.
    fn packed(&mut self) -> Result<Option<BinaryData>, ParseError> {
        let line = self.cursor.line();
        let Some(first) = self.cursor.peek().map(without_return) else { return Ok(None) };
        let (digits, literal) =
            match (first.strip_prefix(b"literal "), first.strip_prefix(b"delta ")) {
                (Some(digits), _) => (digits, true),
                (_, Some(digits)) => (digits, false),
                _ => return Ok(None),
            };
        let bad = |line, why| ParseError::Binary { line, why };
        let size: usize = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| bad(line, "has no size"))?;
        self.binary = self.binary.saturating_add(size);
        if size > FILE_BYTES || self.binary > self.limits.binary_bytes {
            return Err(bad(line, "is too large"));
        }
        self.cursor.take();
        let mut packed = Vec::new();
        while let Some(text) =
            self.cursor.peek().map(without_return).filter(|text| !text.is_empty())
        {
            let at = self.cursor.line();
            base85::decode_line(text, &mut packed).ok_or_else(|| bad(at, "is not base85"))?;
            self.cursor.take();
        }
        self.cursor.take();
        let bytes = unpacked(&packed, size)
            .ok_or_else(|| bad(line, "is not what its size says, or damaged"))?;
        Ok(Some(if literal { BinaryData::Literal(bytes) } else { BinaryData::Delta(bytes) }))
    }
}

/// Exactly `size` bytes from a zlib stream.
fn unpacked(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    ZlibDecoder::new(packed).take(size as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() == size).then_some(bytes)
}
