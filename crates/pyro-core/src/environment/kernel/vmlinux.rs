//! The ELF kernel inside a compressed x86 kernel image (bzImage), unpacked without running it.

use std::io::Read;

/// Largest kernel that is unpacked; Debian's has about 60 MB.
pub(in crate::environment) const SIZE_LIMIT: usize = 256 << 20;
/// Linux's own LZ4 frames hold blocks of at most this many bytes, unpacked.
const LZ4_BLOCK: usize = 8 << 20;
const LZ4_MAGIC: [u8; 4] = 0x184c_2102_u32.to_le_bytes();
const XZ_MAGIC: &[u8] = b"\xfd7zXZ\0";
const ELF_MAGIC: &[u8] = b"\x7fELF";

/// A kernel image that cannot be unpacked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VmlinuxError {
    /// The boot protocol's header is missing, too old, or points outside the file.
    #[error("the kernel image has no usable boot header")]
    Header,
    /// Compressed in a way that is not known here.
    #[error("the kernel is compressed in an unknown way (it starts with {0:02x?})")]
    Compression([u8; 6]),
    /// The compressed bytes are damaged.
    #[error("the kernel's {format} payload is damaged: {detail}")]
    Payload {
        /// Compression.
        format: &'static str,
        /// What its decoder says.
        detail: String,
    },
    /// It unpacks to more than this program takes.
    #[error("the kernel unpacks to more than {SIZE_LIMIT} bytes")]
    TooLarge,
    /// What came out is not an ELF file.
    #[error("the kernel image does not hold an ELF kernel")]
    NotElf,
}

/// The uncompressed kernel in a bzImage or in a compressed ELF file; an ELF file is given back as
/// it is.
pub(in crate::environment) fn unpack(image: &[u8]) -> Result<Vec<u8>, VmlinuxError> {
    if image.starts_with(ELF_MAGIC) {
        return Ok(image.to_vec());
    }
    let kernel = decompress(if image.starts_with(XZ_MAGIC) { image } else { payload(image)? })?;
    if kernel.starts_with(ELF_MAGIC) { Ok(kernel) } else { Err(VmlinuxError::NotElf) }
}

/// Where the boot protocol (2.08 and later) says the compressed kernel is.
fn payload(image: &[u8]) -> Result<&[u8], VmlinuxError> {
    let bytes = |at: usize, count: usize| image.get(at..at + count).ok_or(VmlinuxError::Header);
    let number = |at: usize| {
        bytes(at, 4).map(|bytes| {
            bytes.iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
        })
    };
    if bytes(0x202, 4)? != b"HdrS" || number(0x206)? & 0xffff < 0x208 {
        return Err(VmlinuxError::Header);
    }
    let setup_sectors = match bytes(0x1f1, 1)? {
        [0] => 4,
        sectors => usize::from(sectors[0]),
    };
    let start = (setup_sectors + 1) * 512 + number(0x248)?;
    image.get(start..start + number(0x24c)?).ok_or(VmlinuxError::Header)
}

fn decompress(payload: &[u8]) -> Result<Vec<u8>, VmlinuxError> {
    let damaged = |format| {
        move |error: &dyn std::fmt::Display| VmlinuxError::Payload {
            format,
            detail: error.to_string(),
        }
    };
    match payload {
        [0x1f, 0x8b, ..] => bounded(flate2::read::GzDecoder::new(payload), damaged("gzip")),
        _ if payload.starts_with(XZ_MAGIC) => {
            bounded(liblzma::read::XzDecoder::new(payload), damaged("xz"))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(payload)
                .map_err(|error| damaged("zstd")(&error))?;
            bounded(decoder, damaged("zstd"))
        }
        [a, b, c, d, rest @ ..] if [*a, *b, *c, *d] == LZ4_MAGIC => lz4(rest),
        _ => {
            let mut start = [0; 6];
            start.iter_mut().zip(payload).for_each(|(to, from)| *to = *from);
            Err(VmlinuxError::Compression(start))
        }
    }
}

/// Read a decoder to its end, but never more than the limit.
fn bounded(
    decoder: impl Read,
    damaged: impl Fn(&dyn std::fmt::Display) -> VmlinuxError,
) -> Result<Vec<u8>, VmlinuxError> {
    let mut kernel = Vec::new();
    decoder
        .take(SIZE_LIMIT as u64 + 1)
        .read_to_end(&mut kernel)
        .map_err(|error| damaged(&error))?;
    if kernel.len() > SIZE_LIMIT { Err(VmlinuxError::TooLarge) } else { Ok(kernel) }
}

/// Linux's legacy frame after its magic: blocks with their length before them, then the unpacked
/// size as the kernel's build appends it, which a general decoder takes for one more block.
fn lz4(mut rest: &[u8]) -> Result<Vec<u8>, VmlinuxError> {
    let damaged = |detail: &str| VmlinuxError::Payload { format: "LZ4", detail: detail.to_owned() };
    let mut kernel = Vec::new();
    let mut block = vec![0; LZ4_BLOCK];
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        if *length == LZ4_MAGIC {
            rest = after;
            continue;
        }
        let length = u32::from_le_bytes(*length) as usize;
        if after.is_empty() {
            let whole = length == kernel.len();
            return if whole {
                Ok(kernel)
            } else {
                Err(damaged("it unpacks to another size than it says"))
            };
        }
        let (packed, next) =
            after.split_at_checked(length).ok_or_else(|| damaged("it ends within a block"))?;
        let count = lz4_flex::block::decompress_into(packed, &mut block)
            .map_err(|error| damaged(&error.to_string()))?;
        if kernel.len() + count > SIZE_LIMIT {
            return Err(VmlinuxError::TooLarge);
        }
        kernel.extend_from_slice(&block[..count]);
        rest = next;
    }
    if rest.is_empty() { Ok(kernel) } else { Err(damaged("it ends within a length")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::LazyLock;

    fn kernel() -> Vec<u8> {
        let mut bytes = ELF_MAGIC.to_vec();
        bytes.extend((0..40_000_u32).flat_map(|n| (n / 7).to_le_bytes()));
        bytes
    }

    fn bzimage(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0_u8; 3 * 512 + 16];
        image[0x1f1] = 2;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x206..0x208].copy_from_slice(&0x20f_u16.to_le_bytes());
        image[0x248..0x24c].copy_from_slice(&16_u32.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        image.extend_from_slice(payload);
        image.extend_from_slice(b"what follows the payload");
        image
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn with_size(mut packed: Vec<u8>, kernel: &[u8]) -> Vec<u8> {
        packed.extend(u32::try_from(kernel.len()).unwrap().to_le_bytes());
        packed
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
        encoder.write_all(bytes).unwrap();
        with_size(encoder.finish().unwrap(), bytes)
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        with_size(
            ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest),
            bytes,
        )
    }

    fn lz4_legacy(bytes: &[u8]) -> Vec<u8> {
        let mut packed = LZ4_MAGIC.to_vec();
        for chunk in bytes.chunks(50_000) {
            let block = lz4_flex::block::compress(chunk);
            packed.extend(u32::try_from(block.len()).unwrap().to_le_bytes());
            packed.extend(block);
        }
        with_size(packed, bytes)
    }

    #[test]
    fn every_compression_gives_the_kernel_back() {
        let kernel = kernel();
        for (name, packed) in [
            ("gzip", gzip(&kernel)),
            ("xz", xz(&kernel)),
            ("zstd", zstd(&kernel)),
            ("lz4", lz4_legacy(&kernel)),
        ] {
            assert!(unpack(&bzimage(&packed)).unwrap() == kernel, "{name}");
            let cut = unpack(&bzimage(&packed[..packed.len() / 2])).unwrap_err();
            assert!(matches!(cut, VmlinuxError::Payload { .. }), "{name}: {cut}");
        }
        assert_eq!(unpack(&kernel).unwrap(), kernel);
        assert_eq!(unpack(&xz(&kernel)).unwrap(), kernel);
    }

    #[test]
    fn what_is_not_a_kernel_is_told_apart() {
        let packed = gzip(&kernel());
        let mut old = bzimage(&packed);
        old[0x206..0x208].copy_from_slice(&0x207_u16.to_le_bytes());
        let mut outside = bzimage(&packed);
        outside[0x24c..0x250].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut wrong_size = lz4_legacy(&kernel());
        *wrong_size.last_mut().unwrap() ^= 1;
        for (image, expected) in [
            (Vec::new(), "no usable boot header"),
            (vec![0; 4096], "no usable boot header"),
            (old, "no usable boot header"),
            (outside, "no usable boot header"),
            (bzimage(b"BZh91AY&SY"), "unknown way"),
            (bzimage(b""), "unknown way"),
            (bzimage(&gzip(b"not a kernel")), "does not hold an ELF kernel"),
            (bzimage(&wrong_size), "another size"),
        ] {
            let error = unpack(&image).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}, not {expected}");
        }
    }

    static IMAGES: LazyLock<[Vec<u8>; 4]> = LazyLock::new(|| {
        let kernel = &kernel()[..9_000];
        [gzip(kernel), xz(kernel), zstd(kernel), lz4_legacy(kernel)].map(|packed| bzimage(&packed))
    });

    proptest::proptest! {
        #[test]
        fn damaged_images_never_panic(at: proptest::sample::Index, byte: u8) {
            for image in &*IMAGES {
                let mut image = image.clone();
                let at = at.index(image.len());
                image[at] = byte;
                let _ = unpack(&image);
            }
        }
    }
}
