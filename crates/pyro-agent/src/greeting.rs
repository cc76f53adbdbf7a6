//! The greeting: waiting for a host, and taking the identity that it gives.

use crate::channel::{End, Shared};
use crate::identity::Identity;
use pyro_protocol::hello::{Greeting, Hello, Prepare, Ready, Refused, Welcome};
use pyro_protocol::limits::PROTOCOL_VERSION;
use pyro_protocol::message::Failure;
use pyro_protocol::{Frame, FrameKind, frame};
use std::io;

/// Who or what came.
pub(crate) enum Met {
    /// A host, and it was welcomed.
    Host,
    /// An order to prepare for copies of this vm.
    Order(Prepare),
    /// Nobody, and no host will ever come.
    Nobody,
}

/// What a host says first.
#[derive(Debug)]
enum Opening {
    Hello(Hello),
    Prepare(Prepare),
}

/// Longest hello frame, in bytes. One that is half there is waited for, so this bounds what garbage
/// can look like.
const MAX_HELLO_LEN: usize = 4096;

/// Say that the agent waits; once a boot.
pub(crate) async fn ready(channel: &Shared, begun_us: u64) -> io::Result<()> {
    let started_us = (begun_us, crate::sys::monotonic_us());
    send(channel, &Greeting::Ready(Ready { protocol: PROTOCOL_VERSION, started_us })).await
}

/// Wait for a hello that can be taken and welcome its host, or for an order.
pub(crate) async fn meet(channel: &Shared, identity: &Identity) -> io::Result<Met> {
    while let Some(opening) = next_opening(channel).await? {
        let hello = match opening {
            Opening::Hello(hello) => hello,
            Opening::Prepare(order) => return Ok(Met::Order(order)),
        };
        let taken = if hello.protocol == PROTOCOL_VERSION {
            identity.take(&hello).map_err(|err| err.to_string())
        } else {
            Err(format!(
                "the host speaks protocol {}, this agent {PROTOCOL_VERSION}",
                hello.protocol
            ))
        };
        let nonce = hello.nonce;
        match taken {
            Err(message) => send(channel, &Greeting::Refused(Refused { nonce, message })).await?,
            Ok(()) => {
                let kernel_release =
                    rustix::system::uname().release().to_string_lossy().into_owned();
                let agent_version = env!("CARGO_PKG_VERSION").to_owned();
                send(channel, &Greeting::Welcome(Welcome { nonce, agent_version, kernel_release }))
                    .await?;
                return Ok(Met::Host);
            }
        }
    }
    Ok(Met::Nobody)
}

/// Say how an order was carried out.
pub(crate) async fn prepared(channel: &Shared, outcome: Result<(), Failure>) -> io::Result<()> {
    let greeting = match outcome {
        Ok(()) => Greeting::Prepared,
        Err(Failure { message, .. }) => Greeting::Refused(Refused { nonce: Vec::new(), message }),
    };
    send(channel, &greeting).await
}

async fn send(channel: &Shared, greeting: &Greeting) -> io::Result<()> {
    channel.send(&frame::encode_message(greeting).map_err(io::Error::other)?).await
}

/// The next hello or order; what is neither is dropped. `None` when no host will ever come.
async fn next_opening(channel: &Shared) -> io::Result<Option<Opening>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(opening) = take_opening(&mut bytes) {
            channel.unread(bytes);
            return Ok(Some(opening));
        }
        match channel.receive().await? {
            Some(more) => bytes.extend(more),
            None if channel.end() == End::Final => return Ok(None),
            None => {
                // Half a greeting of a host that has left is not the beginning of the next one's.
                bytes.clear();
                channel.changed().await?;
            }
        }
    }
}

/// Take the first hello or order, and everything before it. `None` leaves at most what may be the
/// beginning of one: where a frame begins in the remains of a broken session is unknown, so each
/// byte is tried.
fn take_opening(bytes: &mut Vec<u8>) -> Option<Opening> {
    let mut half = bytes.len();
    for at in 0..bytes.len() {
        let rest = &bytes[at..];
        let length = rest.first_chunk::<4>().map(|raw| u32::from_be_bytes(*raw) as usize);
        if length.is_some_and(|length| !(1..=MAX_HELLO_LEN).contains(&length))
            || rest.get(4).is_some_and(|kind| *kind != FrameKind::Message as u8)
        {
            continue;
        }
        let Some(payload) = length.and_then(|length| rest.get(frame::HEADER_LEN..4 + length))
        else {
            half = half.min(at);
            continue;
        };
        let frame = Frame { kind: FrameKind::Message, payload: payload.to_vec() };
        let opening = match frame.message::<Hello>() {
            Ok(hello) => Some(Opening::Hello(hello)),
            Err(_) => frame.message::<Prepare>().ok().map(Opening::Prepare),
        };
        if opening.is_some() {
            bytes.drain(..at + frame::HEADER_LEN + frame.payload.len());
            return opening;
        }
    }
    bytes.drain(..half);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Channel;
    use pyro_protocol::FrameDecoder;
    use pyro_protocol::message::Mount;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    fn hello(protocol: u32) -> Vec<u8> {
        frame::encode_message(&Hello {
            protocol,
            nonce: vec![protocol.to_le_bytes()[0]; 16],
            entropy: vec![0; 32],
            wall_clock_ns: 1,
            hostname: "h".into(),
            machine_id: "0".repeat(32),
            boot_id: "b".into(),
        })
        .unwrap()
    }

    #[test]
    fn a_hello_is_found_behind_anything_and_leaves_what_follows() {
        let hello = hello(1);
        for before in [&b""[..], &[0; 50], &[0xff; 50], &[0, 0, 0, 3, 0, 1, 2], &[0, 0, 0, 1, 0]] {
            let mut bytes = [before, &hello, b"later"].concat();
            let taken = take_opening(&mut bytes);
            assert!(
                matches!(&taken, Some(Opening::Hello(hello)) if hello.protocol == 1),
                "{before:?}: {taken:?}"
            );
            assert_eq!(bytes, b"later");
        }
        let order = Prepare {
            mount: Mount { device: "/dev/vda".into(), fstype: "ext4".into() },
            warm: vec!["true".into()],
        };
        let mut bytes =
            [&[0, 0, 0, 9][..], &frame::encode_message(&order).unwrap(), b"later"].concat();
        assert!(
            matches!(take_opening(&mut bytes), Some(Opening::Prepare(taken)) if taken == order)
        );
        assert_eq!(bytes, b"later");
        for len in 0..hello.len() {
            let mut bytes = [&[7; 9], &hello[..len]].concat();
            assert!(take_opening(&mut bytes).is_none());
            assert!(bytes.len() <= len + 3);
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn garbage_is_dropped_another_version_refused_and_the_next_hello_welcomed() {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
        let ours = Shared::new(Channel::new(ours, End::Final).unwrap());
        let theirs = Shared::new(Channel::new(theirs, End::Final).unwrap());
        let host = async {
            let mut greetings = Vec::new();
            let mut decoder = FrameDecoder::default();
            for bytes in
                [vec![0xff; 100], [hello(9), hello(PROTOCOL_VERSION), b"later".to_vec()].concat()]
            {
                theirs.send(&bytes).await.unwrap();
                tokio::task::yield_now().await;
            }
            while greetings.len() < 2 {
                decoder.push(&theirs.receive().await.unwrap().unwrap());
                while let Some(frame) = decoder.next_frame().unwrap() {
                    greetings.push(frame.message::<Greeting>().unwrap());
                }
            }
            greetings
        };
        let identity = Identity::of_the_host();
        let (met, greetings) = tokio::join!(meet(&ours, &identity), host);
        assert!(matches!(met.unwrap(), Met::Host));
        assert!(
            matches!(&greetings[0], Greeting::Refused(refused) if refused.nonce == [9; 16]),
            "{greetings:?}"
        );
        assert!(
            matches!(&greetings[1], Greeting::Welcome(welcome) if welcome.nonce == [1; 16]),
            "{greetings:?}"
        );
        assert_eq!(ours.receive().await.unwrap().unwrap(), b"later");
    }
}
