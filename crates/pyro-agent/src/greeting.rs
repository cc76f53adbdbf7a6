//! The greeting: waiting for a host, and taking the identity that it gives.

use crate::channel::{End, Shared};
use crate::identity::Identity;
use pyro_protocol::hello::{Greeting, Hello, Ready, Refused, Welcome};
use pyro_protocol::limits::PROTOCOL_VERSION;
use pyro_protocol::{FrameDecoder, frame};
use std::io;

/// Say that the agent waits; once a boot.
pub(crate) async fn ready(channel: &Shared, begun_us: u64) -> io::Result<()> {
    let started_us = (begun_us, crate::sys::monotonic_us());
    send(channel, &Greeting::Ready(Ready { protocol: PROTOCOL_VERSION, started_us })).await
}

/// Wait for a hello that can be taken, and welcome its host. `false` when no host will ever come.
pub(crate) async fn meet(channel: &Shared, identity: &Identity) -> io::Result<bool> {
    while let Some(hello) = next_hello(channel).await? {
        let taken = if hello.protocol == PROTOCOL_VERSION {
            identity.take(&hello).map_err(|err| err.to_string())
        } else {
            Err(format!("the host speaks protocol {}, this agent {PROTOCOL_VERSION}", hello.protocol))
        };
        let nonce = hello.nonce;
        match taken {
            Err(message) => send(channel, &Greeting::Refused(Refused { nonce, message })).await?,
            Ok(()) => {
                let kernel_release = rustix::system::uname().release().to_string_lossy().into_owned();
                let agent_version = env!("CARGO_PKG_VERSION").to_owned();
                send(channel, &Greeting::Welcome(Welcome { nonce, agent_version, kernel_release })).await?;
                return Ok(true);
            }
        }
    }
    Ok(false)
}

async fn send(channel: &Shared, greeting: &Greeting) -> io::Result<()> {
    channel.send(&frame::encode_message(greeting).map_err(io::Error::other)?).await
}

/// The next hello; what is not one is dropped. `None` when no host will ever come.
async fn next_hello(channel: &Shared) -> io::Result<Option<Hello>> {
    let mut decoder = FrameDecoder::default();
    loop {
        match decoder.next_frame() {
            Ok(Some(frame)) => {
                if let Ok(hello) = frame.message::<Hello>() {
                    channel.unread(decoder.into_rest());
                    return Ok(Some(hello));
                }
            }
            Ok(None) => match channel.receive().await? {
                Some(bytes) => decoder.push(&bytes),
                None if channel.end() == End::Final => return Ok(None),
                None => {
                    // Half a greeting of a host that has left is not the beginning of the next one's.
                    decoder = FrameDecoder::default();
                    channel.changed().await?;
                }
            },
            // Where the next frame begins is unknown: start afresh with what arrives from now on.
            Err(_) => decoder = FrameDecoder::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Channel;
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

    #[tokio::test(flavor = "current_thread")]
    async fn garbage_is_dropped_another_version_refused_and_the_next_hello_welcomed() {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
        let ours = Shared::new(Channel::new(ours, End::Final).unwrap());
        let theirs = Shared::new(Channel::new(theirs, End::Final).unwrap());
        let host = async {
            let mut greetings = Vec::new();
            let mut decoder = FrameDecoder::default();
            for bytes in [vec![0xff; 100], [hello(9), hello(PROTOCOL_VERSION), b"later".to_vec()].concat()] {
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
        assert!(met.unwrap());
        assert!(matches!(&greetings[0], Greeting::Refused(refused) if refused.nonce == [9; 16]), "{greetings:?}");
        assert!(matches!(&greetings[1], Greeting::Welcome(welcome) if welcome.nonce == [1; 16]), "{greetings:?}");
        assert_eq!(ours.receive().await.unwrap().unwrap(), b"later");
    }
}
