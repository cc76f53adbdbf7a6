//! A log of bounded size: its first bytes and its last, in files named by where they begin.
//!
//! Nothing beside the files has to be kept, so a writer that is killed leaves a whole log, and it
//! is read while it is written.

use super::fs::{self, FsError};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of one file.
const FILE_LEN: u64 = 4 * 1024 * 1024;

/// Files that are kept: the first one, and the newest.
const MAX_FILES: usize = 4;

/// Bytes that are read at once when lines are looked for.
const BLOCK_LEN: u64 = 64 * 1024;

/// Appends to a log.
#[derive(Debug)]
pub struct LogWriter {
    directory: PathBuf,
    /// The newest file, and how long it is.
    file: Option<(File, u64)>,
    /// Bytes of the log so far, those included that were dropped.
    end: u64,
}

impl LogWriter {
    /// Go on with the log in `directory`, or begin one.
    ///
    /// # Errors
    /// When the directory cannot be made or read.
    pub fn open(directory: &Path) -> Result<Self, FsError> {
        fs::private_dir(directory)?;
        let end = files(directory)?.last().map_or(0, LogFile::end);
        Ok(Self { directory: directory.to_owned(), file: None, end })
    }

    /// Append bytes. Those that cannot be written are missing from the log.
    ///
    /// # Errors
    /// When not all of them could be written.
    pub fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if let Err(error) = self.push_some(&mut bytes) {
                self.end += bytes.len() as u64;
                self.file = None;
                return Err(error);
            }
        }
        Ok(())
    }

    fn push_some(&mut self, bytes: &mut &[u8]) -> io::Result<()> {
        if self.file.as_ref().is_none_or(|(_, len)| *len >= FILE_LEN) {
            self.file = Some(self.next_file()?);
        }
        let Some((file, len)) = &mut self.file else { return Ok(()) };
        let room = usize::try_from(FILE_LEN - *len).unwrap_or(usize::MAX).min(bytes.len());
        let written = file.write(&bytes[..room])?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        *len += written as u64;
        self.end += written as u64;
        *bytes = &bytes[written..];
        Ok(())
    }

    fn next_file(&self) -> io::Result<(File, u64)> {
        let kept = files(&self.directory).map_err(io::Error::other)?;
        for old in kept.iter().skip(1).take((kept.len() + 1).saturating_sub(MAX_FILES)) {
            fs::remove_file(&old.path).map_err(io::Error::other)?;
        }
        let path = self.directory.join(format!("{:020}", self.end));
        Ok((super::sparse::append(&path)?, 0))
    }
}

/// One file of a log.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    begin: u64,
    len: u64,
}

impl LogFile {
    fn end(&self) -> u64 {
        self.begin + self.len
    }

    /// At most `len` of its bytes from the position `from` on.
    fn read(&self, from: u64, len: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(from - self.begin))?;
        let mut bytes = Vec::new();
        file.take(len.min(self.end() - from)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The files of a log, the oldest first.
fn files(directory: &Path) -> Result<Vec<LogFile>, FsError> {
    let mut files = Vec::new();
    for name in fs::names_in(directory)? {
        let Ok(begin) = name.parse() else { continue };
        let path = directory.join(name);
        // One that is gone has just made room for a newer one.
        if let Ok(metadata) = fs::metadata(&path) {
            files.push(LogFile { path, begin, len: metadata.len() });
        }
    }
    files.sort_by_key(|file| file.begin);
    Ok(files)
}

/// Bytes of a log that follow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of the log before these.
    pub begin: u64,
    /// They.
    pub bytes: Vec<u8>,
}

impl Piece {
    /// Where the next bytes begin.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.begin + self.bytes.len() as u64
    }
}

/// The end of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// What it is, in order; between two of them bytes are missing.
    pub pieces: Vec<Piece>,
    /// Bytes of the log so far.
    pub end: u64,
}

impl Tail {
    /// Whether it is less than all that was ever logged.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        let mut at = 0;
        for piece in &self.pieces {
            if piece.begin != at {
                return true;
            }
            at = piece.end();
        }
        at != self.end
    }

    fn prepend(&mut self, begin: u64, mut bytes: Vec<u8>) {
        match self.pieces.first_mut() {
            Some(next) if next.begin == begin + bytes.len() as u64 => {
                bytes.append(&mut next.bytes);
                *next = Piece { begin, bytes };
            }
            _ if bytes.is_empty() => {}
            _ => self.pieces.insert(0, Piece { begin, bytes }),
        }
    }
}

/// The last `lines` lines of a log, or all that is kept of it. A log that is not there is empty.
///
/// # Errors
/// When a file cannot be read.
pub fn tail(directory: &Path, lines: Option<u64>) -> io::Result<Tail> {
    let files = files(directory).map_err(io::Error::other)?;
    let end = files.last().map_or(0, LogFile::end);
    let mut tail = Tail { pieces: Vec::new(), end };
    let mut left = lines;
    for file in files.iter().rev() {
        let mut at = file.end();
        while at > file.begin {
            let from = at.saturating_sub(BLOCK_LEN).max(file.begin);
            let mut block = match file.read(from, at - from) {
                Ok(block) => block,
                // The log went on meanwhile, and this file has made room.
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) => return Err(error),
            };
            if let Some(left) = &mut left
                && let Some(cut) = line_start(&block, at == end, left)
            {
                block.drain(..cut);
                tail.prepend(from + cut as u64, block);
                return Ok(tail);
            }
            tail.prepend(from, block);
            at = from;
        }
    }
    Ok(tail)
}

/// Where the last `left` lines of a block begin, when that is within it; those that are not are
/// counted down. A newline at the very end of the log begins no line.
fn line_start(block: &[u8], is_last: bool, left: &mut u64) -> Option<usize> {
    let searched = if is_last { block.len().saturating_sub(1) } else { block.len() };
    for (at, byte) in block[..searched].iter().enumerate().rev() {
        if *byte == b'\n' {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return Some(at + 1);
            }
        }
    }
    None
}

/// At most `len` bytes of a log from `from` on, or from the first byte behind that which is kept;
/// nothing where there is none yet.
///
/// # Errors
/// When a file cannot be read.
pub fn read(directory: &Path, from: u64, len: usize) -> io::Result<Piece> {
    let files = files(directory).map_err(io::Error::other)?;
    for file in files.iter().filter(|file| file.end() > from) {
        let begin = from.max(file.begin);
        match file.read(begin, len as u64) {
            Ok(bytes) => return Ok(Piece { begin, bytes }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Piece { begin: from, bytes: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tail: &Tail) -> Vec<String> {
        let text = |piece: &Piece| String::from_utf8_lossy(&piece.bytes).into_owned();
        tail.pieces.iter().map(text).collect()
    }

    #[test]
    fn the_last_lines_are_found() {
        let home = tempfile::tempdir().unwrap();
        let log = home.path().join("log");
        assert_eq!(tail(&log, Some(3)).unwrap(), Tail::default());
        let mut writer = LogWriter::open(&log).unwrap();
        writer.push(b"one\ntwo\n").unwrap();
        drop(writer);
        // Whoever goes on with it adds to what is there.
        LogWriter::open(&log).unwrap().push(b"three").unwrap();
        for (lines, expected, is_cut) in [
            (Some(1), "three", true),
            (Some(2), "two\nthree", true),
            (Some(3), "one\ntwo\nthree", false),
            (Some(9), "one\ntwo\nthree", false),
            (None, "one\ntwo\nthree", false),
        ] {
            let tail = tail(&log, lines).unwrap();
            assert_eq!((text(&tail), tail.is_cut()), (vec![expected.to_owned()], is_cut));
            assert_eq!(tail.end, 13);
        }
        LogWriter::open(&log).unwrap().push(b"\n").unwrap();
        assert_eq!(text(&tail(&log, Some(1)).unwrap()), ["three\n"]);
        assert_eq!(read(&log, 4, 3).unwrap(), Piece { begin: 4, bytes: b"two".to_vec() });
        assert_eq!(read(&log, 14, 3).unwrap(), Piece { begin: 14, bytes: Vec::new() });
    }

    #[test]
    fn a_log_keeps_its_head_and_its_tail_and_no_more() {
        let home = tempfile::tempdir().unwrap();
        let mut writer = LogWriter::open(home.path()).unwrap();
        let line = [&[b'x'; 999][..], b"\n"].concat();
        let count = 40 * 1000;
        for _ in 0..count {
            writer.push(&line).unwrap();
        }
        writer.push(b"last").unwrap();
        let end = count * 1000 + 4;
        let all = tail(home.path(), None).unwrap();
        assert_eq!((all.pieces.len(), all.end, all.is_cut()), (2, end, true));
        let kept: u64 = all.pieces.iter().map(|piece| piece.bytes.len() as u64).sum();
        assert!((12 << 20..=16 << 20).contains(&kept), "{kept}");
        assert_eq!((all.pieces[0].begin, all.pieces[1].end()), (0, end));
        let some = tail(home.path(), Some(3)).unwrap();
        assert_eq!(
            some.pieces,
            [Piece { begin: end - 2004, bytes: [&line, &line, &b"last"[..]].concat() }]
        );
        // A reader that is too slow goes on where the log does.
        let missed = read(home.path(), FILE_LEN, 10).unwrap();
        assert_eq!(missed.begin, all.pieces[1].begin);
        assert_eq!(read(home.path(), 0, 10).unwrap().bytes, [b'x'; 10]);
    }
}
