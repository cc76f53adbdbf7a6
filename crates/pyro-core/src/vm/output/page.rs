//! A page of a kept output.

use super::name::OutputName;
use serde::Serialize;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A stretch of a kept output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutputPage {
    /// The output.
    pub name: OutputName,
    /// Where the page begins, in bytes.
    pub offset: u64,
    /// Where the next one begins; none after the last.
    pub next_offset: Option<u64>,
    /// Bytes that are kept of the output.
    pub total_bytes: u64,
    /// Bytes that the command printed: more than `total_bytes` where only the first are kept.
    pub output_bytes: u64,
    /// The page as text; it ends before a character that the next page has whole.
    pub text: String,
    /// `utf-8`, or `utf-8-replaced` where invalid bytes were replaced.
    pub encoding: &'static str,
    /// The page as it is.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

impl OutputPage {
    /// At most `length` bytes of `file`, which has `len`, from `offset` on; at most `max` of its
    /// bytes are output.
    pub(super) fn read(
        name: &OutputName,
        file: &File,
        offset: u64,
        length: usize,
        (len, max): (u64, u64),
    ) -> io::Result<Self> {
        let (total, output_bytes) = kept(file, len, max)?;
        let left = total.saturating_sub(offset);
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(length)];
        file.read_exact_at(&mut bytes, offset)?;
        if (bytes.len() as u64) < left {
            bytes.truncate(whole_characters(&bytes));
        }
        let end = offset.saturating_add(bytes.len() as u64);
        let (text, encoding) = as_text(&bytes);
        let next_offset = (end < total).then_some(end);
        Ok(Self {
            name: name.clone(),
            offset,
            next_offset,
            total_bytes: total,
            output_bytes,
            text,
            encoding,
            bytes,
        })
    }

    /// Keep only so many bytes of the page; the next one begins behind them.
    pub fn shorten(&mut self, bytes: usize) {
        if bytes < self.bytes.len() {
            self.bytes.truncate(bytes);
            (self.text, self.encoding) = as_text(&self.bytes);
            self.next_offset = Some(self.offset.saturating_add(bytes as u64));
        }
    }
}

fn as_text(bytes: &[u8]) -> (String, &'static str) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), "utf-8"),
        Err(_) => (String::from_utf8_lossy(bytes).into_owned(), "utf-8-replaced"),
    }
}

/// Tell in a full file how many bytes its output had: behind the `max` that are kept.
pub(super) fn mark_cut(file: &File, max: u64, output_bytes: u64) -> io::Result<()> {
    file.set_len(max)?;
    file.write_all_at(&output_bytes.to_le_bytes(), max)
}

/// How many bytes of output a file of `len` holds, and how many the output had.
fn kept(file: &File, len: u64, max: u64) -> io::Result<(u64, u64)> {
    if len <= max {
        return Ok((len, len));
    }
    let mut output_bytes = [0; 8];
    file.read_exact_at(&mut output_bytes, max)?;
    Ok((max, u64::from_le_bytes(output_bytes).max(max)))
}

/// How many of `bytes` there are without a character that is cut at their end; all where that would
/// be none.
#[must_use]
pub(crate) fn whole_characters(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(3);
    let broken = (from..bytes.len()).find(|&at| {
        std::str::from_utf8(&bytes[at..])
            .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    });
    broken.filter(|&at| at > 0).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn pages(content: &[u8], length: usize) -> Vec<OutputPage> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let name = OutputName::parse("0123456789ab-stdout").unwrap();
        let read = |offset| {
            OutputPage::read(&name, &file, offset, length, (content.len() as u64, u64::MAX))
                .unwrap()
        };
        let next = |page: &OutputPage| page.next_offset.map(read);
        std::iter::successors(Some(read(0)), next).collect()
    }

    #[test]
    fn a_page_beyond_the_end_is_empty() {
        let file = tempfile::tempfile().unwrap();
        let name = OutputName::parse("0123456789ab-stderr").unwrap();
        let page = OutputPage::read(&name, &file, 7, 10, (0, u64::MAX)).unwrap();
        assert_eq!((page.text.as_str(), page.next_offset, page.total_bytes), ("", None, 0));
    }

    #[test]
    fn a_cut_file_says_what_the_output_had() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"12345").unwrap();
        let name = OutputName::parse("0123456789ab-stderr").unwrap();
        let read = |offset| {
            let len = file.metadata().unwrap().len();
            let page = OutputPage::read(&name, &file, offset, 4, (len, 5)).unwrap();
            (page.text, page.next_offset, page.total_bytes, page.output_bytes)
        };
        assert_eq!(read(3), ("45".to_owned(), None, 5, 5));
        mark_cut(&file, 5, 70_000).unwrap();
        assert_eq!(read(0), ("1234".to_owned(), Some(4), 5, 70_000));
        assert_eq!(read(4), ("5".to_owned(), None, 5, 70_000));
    }

    #[test]
    fn a_page_that_is_shortened_goes_on_where_it_was_cut() {
        let mut page = pages("éab".as_bytes(), 10).remove(0);
        page.shorten(9);
        assert_eq!((page.text.as_str(), page.next_offset), ("éab", None));
        page.shorten(3);
        assert_eq!((page.text.as_str(), page.next_offset, page.bytes.len()), ("éa", Some(3), 3));
    }

    proptest! {
        #[test]
        fn pages_are_the_whole_and_cut_no_character(content in "[aé€😀]{0,40}", length in 4usize..20) {
            let pages = pages(content.as_bytes(), length);
            prop_assert!(pages.iter().all(|page| page.encoding == "utf-8" && page.bytes.len() <= length));
            prop_assert_eq!(pages.into_iter().map(|page| page.text).collect::<String>(), content);
        }

        #[test]
        fn pages_of_any_bytes_are_the_whole(content in proptest::collection::vec(any::<u8>(), 0..60), length in 1usize..9) {
            let whole: Vec<u8> = pages(&content, length).into_iter().flat_map(|page| page.bytes).collect();
            prop_assert_eq!(whole, content);
        }
    }
}
