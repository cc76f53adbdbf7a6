//! Frames: the pure codec for `length | kind | payload`.

use crate::limits::{MAX_FRAME_LEN, MAX_MESSAGE_LEN};
use serde::{Serialize, de::DeserializeOwned};

/// Bytes before the payload: a `u32` length and the kind.
pub const HEADER_LEN: usize = 5;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// One CBOR message: a greeting, a request or a reply.
    Message = 0,
    /// Bytes for the operation: a command's stdin, a file's content.
    Input = 1,
    /// A command's stdout, or the content that was asked for.
    Stdout = 2,
    /// A command's stderr.
    Stderr = 3,
    /// The sender of this frame has no more [`FrameKind::Input`] to send; it has no payload.
    InputEnd = 4,
}

impl FrameKind {
    fn parse(byte: u8) -> Result<Self, FrameError> {
        Ok(match byte {
            0 => Self::Message,
            1 => Self::Input,
            2 => Self::Stdout,
            3 => Self::Stderr,
            4 => Self::InputEnd,
            other => return Err(FrameError::UnknownKind(other)),
        })
    }
}

/// One decoded frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the payload is.
    pub kind: FrameKind,
    /// The bytes after the kind.
    pub payload: Vec<u8>,
}

/// Bytes that are not a frame, or a payload that is not the message expected.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FrameError {
    /// The length field is zero or above the limit.
    #[error("frame of {0} bytes, outside 1 to {MAX_FRAME_LEN}")]
    Length(usize),
    /// No such kind in this version of the wire.
    #[error("unknown frame kind {0}")]
    UnknownKind(u8),
    /// A message frame was expected.
    #[error("expected a message, met {0:?}")]
    NotAMessage(FrameKind),
    /// The payload is not the CBOR that was expected.
    #[error("malformed message: {0}")]
    Malformed(String),
    /// A message of our own is larger than the wire takes.
    #[error("message of {0} bytes, more than {MAX_MESSAGE_LEN}")]
    TooLarge(usize),
}

impl Frame {
    /// Decode the payload of a [`FrameKind::Message`] frame.
    ///
    /// # Errors
    /// [`FrameError::NotAMessage`] or [`FrameError::Malformed`].
    pub fn message<T: DeserializeOwned>(&self) -> Result<T, FrameError> {
        if self.kind != FrameKind::Message {
            return Err(FrameError::NotAMessage(self.kind));
        }
        ciborium::de::from_reader_with_recursion_limit(self.payload.as_slice(), 32)
            .map_err(|err| FrameError::Malformed(err.to_string()))
    }
}

/// The header of a frame with `payload_len` bytes of payload.
///
/// # Panics
/// Never for a payload of at most [`MAX_MESSAGE_LEN`] bytes; callers chunk data by
/// [`crate::limits::DATA_CHUNK_LEN`].
#[must_use]
pub fn header(kind: FrameKind, payload_len: usize) -> [u8; HEADER_LEN] {
    assert!(payload_len <= MAX_MESSAGE_LEN, "a frame's payload is chunked by its sender");
    let length = u32::try_from(payload_len + 1).unwrap_or(u32::MAX).to_be_bytes();
    [length[0], length[1], length[2], length[3], kind as u8]
}

/// Encode `message` as one whole frame.
///
/// # Errors
/// [`FrameError::TooLarge`] above [`MAX_MESSAGE_LEN`], [`FrameError::Malformed`] for what CBOR
/// cannot hold.
pub fn encode_message<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0; HEADER_LEN];
    ciborium::ser::into_writer(message, &mut bytes)
        .map_err(|err| FrameError::Malformed(err.to_string()))?;
    let payload_len = bytes.len() - HEADER_LEN;
    if payload_len > MAX_MESSAGE_LEN {
        return Err(FrameError::TooLarge(payload_len));
    }
    bytes[..HEADER_LEN].copy_from_slice(&header(FrameKind::Message, payload_len));
    Ok(bytes)
}

/// Turns arriving bytes into frames; it never holds more than one frame and one chunk.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
    start: usize,
}

impl FrameDecoder {
    /// Add bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`FrameError::Length`] and [`FrameError::UnknownKind`], as soon as the header shows it; the
    /// stream is then lost.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let pending = &self.buffer[self.start..];
        let Some(length) = pending.first_chunk::<4>().map(|raw| u32::from_be_bytes(*raw) as usize)
        else {
            return Ok(None);
        };
        if length == 0 || length > MAX_FRAME_LEN {
            return Err(FrameError::Length(length));
        }
        let Some(&kind) = pending.get(4) else { return Ok(None) };
        let kind = FrameKind::parse(kind)?;
        let Some(payload) = pending.get(HEADER_LEN..4 + length) else {
            return Ok(None);
        };
        let frame = Frame { kind, payload: payload.to_vec() };
        self.start += 4 + length;
        Ok(Some(frame))
    }

    /// Whether no byte waits: a stream may end here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }

    /// Bytes that arrived after the last whole frame; they belong to whatever follows on the
    /// channel.
    #[must_use]
    pub fn into_rest(mut self) -> Vec<u8> {
        self.buffer.split_off(self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame_bytes(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
        [header(kind, payload.len()).as_slice(), payload].concat()
    }

    #[test]
    fn frames_survive_any_split() {
        let sent = [
            (FrameKind::Stdout, b"abc".to_vec()),
            (FrameKind::InputEnd, vec![]),
            (FrameKind::Stderr, vec![0xff; 300]),
        ];
        let bytes: Vec<u8> =
            sent.iter().flat_map(|(kind, payload)| frame_bytes(*kind, payload)).collect();
        for step in 1..bytes.len() {
            let mut decoder = FrameDecoder::default();
            let mut met = Vec::new();
            for chunk in bytes.chunks(step) {
                decoder.push(chunk);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    met.push((frame.kind, frame.payload));
                }
            }
            assert_eq!(met, sent);
            assert!(decoder.into_rest().is_empty());
        }
    }

    #[test]
    fn a_bad_header_is_refused_before_its_payload_arrives() {
        for (bytes, error) in [
            (vec![0, 0, 0, 0], FrameError::Length(0)),
            (vec![0xff; 4], FrameError::Length(u32::MAX as usize)),
            (vec![0, 0, 0, 9, 77], FrameError::UnknownKind(77)),
        ] {
            let mut decoder = FrameDecoder::default();
            decoder.push(&bytes);
            assert_eq!(decoder.next_frame(), Err(error));
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
        let frame = Frame { kind: FrameKind::Message, payload: vec![0x81; 100_000] };
        assert!(matches!(frame.message::<crate::message::Reply>(), Err(FrameError::Malformed(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_frames_or_a_typed_error(bytes in proptest::collection::vec(any::<u8>(), 0..4096), step in 1usize..64) {
            let mut decoder = FrameDecoder::default();
            'feed: for chunk in bytes.chunks(step) {
                decoder.push(chunk);
                loop {
                    match decoder.next_frame() {
                        Ok(Some(frame)) => { let _ = frame.message::<crate::message::Reply>(); }
                        Ok(None) => break,
                        Err(_) => break 'feed,
                    }
                }
            }
        }
    }
}
