//! Meeting the agent: from a started engine to a channel, or to a typed reason why there is none.

use super::client::{ClientError, FrameReader, send_message};
use super::transport::Channel;
use pyro_protocol::hello::{Greeting, Hello, Prepare, Welcome};
use pyro_protocol::limits::PROTOCOL_VERSION;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Bytes of host randomness given to a guest: a full reseed of its 256-bit generator, twice.
const ENTROPY_LEN: usize = 64;

/// Why there was no meeting.
#[derive(Debug, thiserror::Error)]
pub enum MeetError {
    /// Nothing, or nothing in time.
    #[error("no hello from the guest within {} s", after.as_secs())]
    NoHello {
        /// How long it was waited for.
        after: Duration,
    },
    /// The agent could not take on this vm's identity.
    #[error("the guest could not be made unique: {message}")]
    Refused {
        /// The agent's words.
        message: String,
    },
    /// The agent could not prepare the guest.
    #[error("{message}")]
    Unprepared {
        /// The agent's words.
        message: String,
    },
    /// The agent speaks another version of the protocol.
    #[error("the guest's agent speaks protocol {found}, this pyro speaks {PROTOCOL_VERSION}")]
    Protocol {
        /// Its version.
        found: u32,
    },
    /// The channel broke, or what came is not the protocol.
    #[error(transparent)]
    Channel(#[from] ClientError),
    /// The host could not give random numbers.
    #[error("the host's random generator failed")]
    Random(#[from] getrandom::Error),
    /// More than greetings came before the session.
    #[error("the guest's agent spoke before it was asked")]
    Unasked,
}

/// What a vm is from its first moment on.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Host name in the guest.
    pub hostname: String,
}

/// The agent's port before the session: where the two sides meet.
#[derive(Debug)]
pub struct Port {
    frames: FrameReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Port {
    /// Meet the agent on `channel`.
    #[must_use]
    pub fn new(channel: UnixStream) -> Self {
        let (reader, writer) = channel.into_split();
        Self { frames: FrameReader::new(reader), writer }
    }

    /// Wait at most `limit` until a booting guest's agent is ready for a hello. A restored guest
    /// never says so.
    ///
    /// # Errors
    /// [`MeetError`].
    pub async fn ready(&mut self, limit: Duration) -> Result<(), MeetError> {
        let wait = async {
            match self.frames.message::<Greeting>().await? {
                Greeting::Ready(ready) if ready.protocol != PROTOCOL_VERSION => {
                    Err(MeetError::Protocol { found: ready.protocol })
                }
                Greeting::Ready(ready) => {
                    let (began, ended) = ready.started_us;
                    tracing::debug!(
                        kernel_us = began,
                        agent_us = ended.saturating_sub(began),
                        "the agent is ready"
                    );
                    Ok(())
                }
                Greeting::Welcome(_) | Greeting::Refused(_) | Greeting::Prepared => {
                    Err(MeetError::Unasked)
                }
            }
        };
        within(limit, wait).await
    }

    /// Have the guest prepared for those that are copied from it, and wait at most `limit` for
    /// that.
    ///
    /// # Errors
    /// [`MeetError`]; [`MeetError::Unprepared`] when the agent says that it failed.
    pub async fn prepare(&mut self, order: &Prepare, limit: Duration) -> Result<(), MeetError> {
        let wait = async {
            send_message(&mut self.writer, order).await?;
            match self.frames.message::<Greeting>().await? {
                Greeting::Prepared => Ok(()),
                Greeting::Refused(refused) => {
                    let message = crate::host::terminal::printable(refused.message.as_bytes());
                    Err(MeetError::Unprepared { message })
                }
                Greeting::Ready(_) | Greeting::Welcome(_) => Err(MeetError::Unasked),
            }
        };
        within(limit, wait).await
    }

    /// Give the guest its identity and wait at most `limit` for its welcome; then the session runs.
    ///
    /// # Errors
    /// [`MeetError`].
    pub async fn hello(
        self,
        identity: &Identity,
        limit: Duration,
    ) -> Result<(Channel, Welcome), MeetError> {
        within(limit, self.greet(identity)).await
    }

    async fn greet(mut self, identity: &Identity) -> Result<(Channel, Welcome), MeetError> {
        let hello = hello(identity)?;
        send_message(&mut self.writer, &hello).await?;
        loop {
            match self.frames.message::<Greeting>().await? {
                Greeting::Welcome(welcome) if welcome.nonce == hello.nonce => {
                    let (reader, rest) = self.frames.into_inner();
                    // The agent's session begins with its welcome: its first bytes may have come
                    // along.
                    let reader = std::io::Cursor::new(rest).chain(reader);
                    return Ok((Channel::start(tokio::io::join(reader, self.writer)), welcome));
                }
                Greeting::Refused(refused) if refused.nonce == hello.nonce => {
                    let message = crate::host::terminal::printable(refused.message.as_bytes());
                    return Err(MeetError::Refused { message });
                }
                // Left over from an earlier life of this vm.
                Greeting::Ready(_)
                | Greeting::Welcome(_)
                | Greeting::Refused(_)
                | Greeting::Prepared => {}
            }
        }
    }
}

async fn within<T>(
    limit: Duration,
    wait: impl Future<Output = Result<T, MeetError>>,
) -> Result<T, MeetError> {
    tokio::time::timeout(limit, wait).await.unwrap_or(Err(MeetError::NoHello { after: limit }))
}

fn hello(identity: &Identity) -> Result<Hello, getrandom::Error> {
    let mut nonce = vec![0; 16];
    let mut entropy = vec![0; ENTROPY_LEN];
    let mut machine_id = [0; 16];
    let mut boot_id = [0; 16];
    for bytes in [&mut nonce[..], &mut entropy, &mut machine_id, &mut boot_id] {
        getrandom::fill(bytes)?;
    }
    Ok(Hello {
        protocol: PROTOCOL_VERSION,
        nonce,
        entropy,
        wall_clock_ns: crate::host::clock::wall_ns(),
        hostname: identity.hostname.clone(),
        machine_id: hex::encode(as_uuid4(machine_id)),
        boot_id: uuid_text(as_uuid4(boot_id)),
    })
}

/// Set the version and variant bits of a random UUID (RFC 9562, version 4).
fn as_uuid4(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

fn uuid_text(bytes: [u8; 16]) -> String {
    let hex = hex::encode(bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::hello::Ready;
    use tokio::io::AsyncWriteExt;

    const LIMIT: Duration = Duration::from_millis(300);

    async fn met_by(agent: impl AsyncFnOnce(UnixStream)) -> Result<(Channel, Welcome), MeetError> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let identity = Identity { hostname: "pyro".into() };
        let meet = async move {
            let mut port = Port::new(ours);
            port.ready(LIMIT).await?;
            port.hello(&identity, LIMIT).await
        };
        let (met, ()) = tokio::join!(meet, agent(theirs));
        met
    }

    #[tokio::test]
    async fn a_hostile_agent_ends_in_a_typed_error() {
        let silent = met_by(async |mut stream| {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
        assert!(matches!(silent.await, Err(MeetError::NoHello { .. })));
        assert!(matches!(
            met_by(async |stream| drop(stream)).await,
            Err(MeetError::Channel(ClientError::Ended))
        ));
        let garbage = met_by(async |mut stream| stream.write_all(&[0xff; 64]).await.unwrap()).await;
        assert!(matches!(garbage, Err(MeetError::Channel(ClientError::Frame(_)))));
        let other = met_by(async |mut stream| {
            let ready = Ready { protocol: 99, started_us: (0, 0) };
            send_message(&mut stream, &Greeting::Ready(ready)).await.unwrap();
        });
        assert!(matches!(other.await, Err(MeetError::Protocol { found: 99 })));
    }

    #[tokio::test]
    async fn endless_old_greetings_end_with_the_deadline() {
        let met = met_by(async |mut stream| {
            let ready = Ready { protocol: PROTOCOL_VERSION, started_us: (0, 0) };
            send_message(&mut stream, &Greeting::Ready(ready)).await.unwrap();
            let old = Greeting::Welcome(Welcome {
                nonce: vec![1],
                agent_version: "x".into(),
                kernel_release: "y".into(),
            });
            while send_message(&mut stream, &old).await.is_ok() {}
        });
        assert!(matches!(met.await, Err(MeetError::NoHello { .. })));
    }
}
