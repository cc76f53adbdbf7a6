//! An attached terminal: what a shell prints goes to it as it comes, what is typed there to the
//! shell.

use super::super::relay::Client;
use super::life;
use super::shell::Shell;
use crate::guest::client::{ClientError, FrameReader, send_data, send_message};
use crate::guest::transport::Channel;
use crate::vm::control::shells::{AttachWord, ShellReply};
use pyro_protocol::FrameKind;
use pyro_protocol::limits::DATA_CHUNK_LEN;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Serve whoever has attached, until they detach or the shell has ended.
pub(super) async fn serve(
    channel: &Channel,
    shell: &Shell,
    client: Client,
) -> Result<(), ClientError> {
    let Client { frames, writer } = client;
    tokio::select! {
        shown = show(shell, writer) => shown,
        typed = take(channel, shell, frames) => typed,
    }
}

/// Show the screen as it stands, then what is printed. A terminal that is too slow for that sees
/// the screen again; the shell waits for nobody.
async fn show(shell: &Shell, mut writer: OwnedWriteHalf) -> Result<(), ClientError> {
    let mut changes = shell.changes();
    let mut at = None;
    loop {
        changes.mark_unchanged();
        let ended = shell.has_ended();
        let followed = shell.output(|output| {
            let Some(at) = at else { return (output.position(), output.continued()) };
            match output.follow(at, DATA_CHUNK_LEN) {
                Some(bytes) => (at + bytes.len() as u64, bytes),
                None => (output.position(), output.redrawn()),
            }
        });
        at = Some(followed.0);
        for chunk in followed.1.chunks(DATA_CHUNK_LEN) {
            send_data(&mut writer, FrameKind::Stdout, chunk).await?;
        }
        if !followed.1.is_empty() {
            continue;
        }
        if ended {
            return send_message(&mut writer, &ShellReply::Shell(shell.told())).await;
        }
        if changes.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// Hand on what is typed; ends when whoever has attached is gone.
async fn take(
    channel: &Channel,
    shell: &Shell,
    mut frames: FrameReader<OwnedReadHalf>,
) -> Result<(), ClientError> {
    while let Some(frame) = frames.next().await? {
        match frame.kind {
            // One that has ended is told by the other side.
            FrameKind::Input => drop(shell.type_in_turn(frame.payload).await),
            FrameKind::Message => match frame.message()? {
                AttachWord::Resize(size) => {
                    if let Err(refusal) = life::resize(channel, shell, size).await {
                        tracing::debug!(?refusal, "an attached shell keeps its size");
                    }
                }
            },
            other => return Err(ClientError::OutOfPlace(other)),
        }
    }
    Ok(())
}
