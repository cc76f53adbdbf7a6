//! Whoever follows what a service prints: from its logs, as they grow, at their own pace.

use super::super::relay::Client;
use super::service::{Phase, Service};
use crate::guest::client::{ClientError, send_data, send_message};
use crate::host::bounded_log;
use crate::vm::control::services::ServiceReply;
use pyro_protocol::FrameKind;
use pyro_protocol::limits::DATA_CHUNK_LEN;

/// Tell what a service prints until it has ended, or nobody listens any more. The service waits for
/// nobody: who is too slow misses what made room.
pub(super) async fn serve(
    service: &Service,
    from: [u64; 2],
    client: Client,
) -> Result<(), ClientError> {
    let Client { mut frames, mut writer } = client;
    send_message(&mut writer, &ServiceReply::Done).await?;
    let mut printed = service.printed();
    let mut at = from;
    loop {
        printed.mark_unchanged();
        let is_over = service.phase() == Phase::Over;
        let mut is_quiet = true;
        let kinds = [FrameKind::Stdout, FrameKind::Stderr];
        for ((at, directory), kind) in at.iter_mut().zip(&service.directories).zip(kinds) {
            let piece = bounded_log::read(directory, *at, DATA_CHUNK_LEN)?;
            if !piece.bytes.is_empty() {
                is_quiet = false;
                *at = piece.end();
                send_data(&mut writer, kind, &piece.bytes).await?;
            }
        }
        if !is_quiet {
            continue;
        }
        if is_over {
            return send_message(&mut writer, &ServiceReply::Done).await;
        }
        tokio::select! {
            changed = printed.changed() => if changed.is_err() { return Ok(()) },
            // They have nothing more to say: whatever comes, it is the end.
            _ = frames.next() => return Ok(()),
        }
    }
}
