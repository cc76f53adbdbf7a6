//! The lease of a running vm: one client at a time has it for one use, and the vm ends when that
//! client is done or gone.

use super::lifetime_request::LifetimeRequest;
use crate::guest::client::{ClientError, FrameReader, send_message};
use crate::vm::control::protocol::{LeaseReply, LeaseWord};
use std::sync::Arc;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, mpsc};

/// Who has the vm, if anybody; told how it ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Lease(Arc<Mutex<Option<OwnedWriteHalf>>>);

impl Lease {
    /// Serve a client that wants the vm for one use; `lifetime` is told when the vm is used up.
    pub(super) async fn serve(
        &self,
        mut frames: FrameReader<OwnedReadHalf>,
        mut writer: OwnedWriteHalf,
        lifetime: mpsc::Sender<LifetimeRequest>,
    ) -> Result<(), ClientError> {
        {
            let mut holder = self.0.lock().await;
            if holder.is_some() {
                return send_message(&mut writer, &LeaseReply::Busy).await;
            }
            send_message(&mut writer, &LeaseReply::Granted).await?;
            *holder = Some(writer);
        }
        if let Ok(LeaseWord::Release) = frames.message().await {
            let mut holder = self.0.lock().await;
            return match holder.take() {
                Some(mut writer) => send_message(&mut writer, &LeaseReply::Released).await,
                None => Ok(()),
            };
        }
        // The supervisor is ending already where nobody takes this.
        let _ = lifetime.send(LifetimeRequest::Used).await;
        Ok(())
    }

    /// Tell whoever has the vm how it ended.
    pub(super) async fn tell(&self, reply: &LeaseReply) {
        if let Some(mut writer) = self.0.lock().await.take() {
            // Who is gone is not told.
            let _ = send_message(&mut writer, reply).await;
        }
    }
}
