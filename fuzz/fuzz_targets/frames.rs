//! Bytes from either side of the wire, in pieces of any size: frames and messages, or a typed
//! error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyro_protocol::hello::{Greeting, Hello};
use pyro_protocol::limits::MAX_FRAME_LEN;
use pyro_protocol::message::{Reply, Request};
use pyro_protocol::{Frame, FrameDecoder, FrameKind, frame};

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    let mut decoder = FrameDecoder::default();
    'feed: for chunk in bytes.chunks(usize::from(step).max(1)) {
        decoder.push(chunk);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => check(&frame),
                Ok(None) => break,
                Err(_) => break 'feed,
            }
        }
    }
    // The same bytes as a payload: framing must not be what keeps a message decoder from being
    // reached.
    check(&Frame { kind: FrameKind::Message, payload: bytes.to_vec() });
});

fn check(frame: &Frame) {
    assert!(frame.payload.len() < MAX_FRAME_LEN);
    round_trip::<Hello>(frame);
    round_trip::<Greeting>(frame);
    round_trip::<Request>(frame);
    round_trip::<Reply>(frame);
}

/// What is understood can be said again and is then understood as the same.
fn round_trip<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
    frame: &Frame,
) {
    let Ok(message) = frame.message::<T>() else { return };
    let Ok(bytes) = frame::encode_message(&message) else { return };
    let mut decoder = FrameDecoder::default();
    decoder.push(&bytes);
    let again = decoder.next_frame().expect("our own frame").expect("a whole frame");
    assert_eq!(again.message::<T>().expect("our own message"), message);
}
