//! Compression of an archive, told by its first bytes and not by its name.

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use std::io::{self, BufRead, BufReader, Read};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const BZIP2: [u8; 3] = *b"BZh";
const XZ: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];

/// Most memory for the dictionary of an xz file, in bytes: `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;

/// Bytes read at once.
const READ_LEN: usize = 128 * 1024;

/// The archive behind whatever compression it has.
pub(super) fn plain<'r>(reader: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
    let mut start = Vec::new();
    let mut reader = reader;
    (&mut reader).take(XZ.len() as u64).read_to_end(&mut start)?;
    let begins = |magic: &[u8]| start.starts_with(magic);
    let (is_gzip, is_zstd, is_bzip2, is_xz) =
        (begins(&GZIP), begins(&ZSTD), begins(&BZIP2), begins(&XZ));
    let whole = BufReader::with_capacity(READ_LEN, io::Cursor::new(start).chain(reader));
    Ok(if is_gzip {
        Box::new(MultiGzDecoder::new(whole))
    } else if is_zstd {
        Box::new(ZstdFrames { source: Some(whole), frame: None })
    } else if is_bzip2 {
        Box::new(MultiBzDecoder::new(whole))
    } else if is_xz {
        Box::new(XzDecoder::new_stream(whole, Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?))
    } else {
        Box::new(whole)
    })
}

/// Zstandard frames, one behind the other, as `zstd` itself reads them.
struct ZstdFrames<R: BufRead> {
    source: Option<R>,
    frame: Option<ruzstd::decoding::StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>,
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(frame) = &mut self.frame {
                let len = frame.read(buffer)?;
                if len > 0 {
                    return Ok(len);
                }
                self.source = self.frame.take().map(ruzstd::decoding::StreamingDecoder::into_inner);
            }
            let Some(mut source) = self.source.take() else { return Ok(0) };
            if source.fill_buf()?.is_empty() {
                self.source = Some(source);
                return Ok(0);
            }
            let frame = ruzstd::decoding::StreamingDecoder::new(source);
            self.frame = Some(
                frame.map_err(|err| io::Error::new(io::ErrorKind::InvalidData, err.to_string()))?,
            );
        }
    }
}
