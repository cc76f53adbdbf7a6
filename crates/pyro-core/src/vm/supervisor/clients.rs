//! Clients of a running vm: what each asks for goes to the part that does it.

use super::layers::LayerRequest;
use super::lease::Lease;
use super::lifetime::Activity;
use super::lifetime_request::LifetimeRequest;
use super::relay::Client;
use super::sessions::Sessions;
use crate::guest::client::{ClientError, FrameReader, send_message};
use crate::store::layer::NewLayer;
use crate::vm::control::protocol::ControlRequest;
use std::io;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedWriteHalf, SocketAddr};
use tokio::sync::{mpsc, oneshot};

/// The parts that a client may ask.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) sessions: Sessions,
    pub(super) layers: mpsc::Sender<LayerRequest>,
    pub(super) lifetime: mpsc::Sender<LifetimeRequest>,
    pub(super) activity: Activity,
    pub(super) lease: Lease,
}

impl Clients {
    /// Serve who has connected, beside all others.
    pub(super) fn accept(&self, accepted: io::Result<(UnixStream, SocketAddr)>) {
        match accepted {
            Ok((stream, _)) => drop(tokio::spawn(self.clone().serve(stream))),
            Err(error) => tracing::warn!(%error, "a client could not connect"),
        }
    }

    /// Serve the client at the other end of `stream` until either side ends.
    async fn serve(self, stream: UnixStream) {
        if let Err(error) = self.answer(stream).await {
            tracing::debug!(%error, "a client's connection ended");
        }
    }

    async fn answer(self, stream: UnixStream) -> Result<(), ClientError> {
        let (reader, writer) = stream.into_split();
        let mut frames = FrameReader::new(reader);
        match frames.message::<ControlRequest>().await? {
            ControlRequest::Guest => {
                let _talk = self.activity.begin();
                self.sessions.relay(Client { frames, writer }).await
            }
            ControlRequest::Shell(request) => {
                let _talk = self.activity.begin();
                self.sessions.shell(request, Client { frames, writer }).await
            }
            ControlRequest::Service(request) => {
                let _talk = self.activity.begin();
                self.sessions.service(request, Client { frames, writer }).await
            }
            ControlRequest::Lease => self.lease.serve(frames, writer, self.lifetime).await,
            ControlRequest::CloseLayer(layer) => {
                let _talk = self.activity.begin();
                close_layer(&self.layers, layer, writer).await
            }
            ControlRequest::LifetimeChanged => {
                // The vm ends in this moment where nobody takes it.
                let changed = self.lifetime.send(LifetimeRequest::Changed).await;
                changed.map_err(|_| ClientError::Ended)
            }
        }
    }
}

async fn close_layer(
    layers: &mpsc::Sender<LayerRequest>,
    layer: NewLayer,
    mut writer: OwnedWriteHalf,
) -> Result<(), ClientError> {
    let (reply, replied) = oneshot::channel();
    // The vm ends in this moment: the client sees the connection close.
    let request = LayerRequest::Close { layer, reply };
    layers.send(request).await.map_err(|_| ClientError::Ended)?;
    let reply = replied.await.map_err(|_| ClientError::Ended)?;
    send_message(&mut writer, &reply).await
}
