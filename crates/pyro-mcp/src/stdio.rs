//! The stdio transport: one client, whose end is the server's end.

use crate::ending::Ending;
use crate::lines::Lines;
use rmcp::RoleServer;
use rmcp::service::{QuitReason, ServerInitializeError, Service, serve_server_with_ct};
use rmcp::transport::stdio_pipes;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

/// How long calls may go on once the client has no more to say; answers to piped requests come
/// within it.
const AFTER_INPUT: Duration = Duration::from_millis(300);

/// Serve the client at stdin and stdout until it ends or `ending` begins.
///
/// # Errors
/// When the client speaks no MCP.
pub async fn serve<S: Service<RoleServer>>(
    service: S,
    ending: &Ending,
) -> Result<(), ServerInitializeError> {
    let (reader, writer) = stdio_pipes();
    serve_on(service, reader, writer, ending).await
}

/// Serve the client at the other end of these.
///
/// # Errors
/// When the client speaks no MCP.
pub async fn serve_on<S, R, W>(
    service: S,
    reader: R,
    writer: W,
    ending: &Ending,
) -> Result<(), ServerInitializeError>
where
    S: Service<RoleServer>,
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let ended = CancellationToken::new();
    let reader = Watched { reader, ended: ended.clone() };
    let transport = Lines::new(reader, writer);
    // rmcp waits five seconds for calls under way when its input ends: cancelled ones it need not
    // wait for.
    let input = {
        let ending = ending.clone();
        tokio::spawn(async move {
            ended.cancelled().await;
            tokio::time::sleep(AFTER_INPUT).await;
            ending.begin();
        })
    };
    let stop = CancellationToken::new();
    let stopped = async {
        ending.begun().await;
        // Cancelled calls are answered too: the connection is the last to go.
        ending.complete().await;
        stop.cancel();
        std::future::pending::<()>().await;
    };
    let served = tokio::select! {
        served = serve_client(service, transport, stop.clone()) => served,
        () = stopped => Ok(()),
    };
    ending.complete().await;
    input.abort();
    served
}

async fn serve_client<S, R, W>(
    service: S,
    transport: Lines<R, W>,
    stop: CancellationToken,
) -> Result<(), ServerInitializeError>
where
    S: Service<RoleServer>,
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let running = match serve_server_with_ct(service, transport, stop).await {
        // Whoever looks whether the server starts, and goes away, is no fault.
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => {
            return Ok(());
        }
        running => running?,
    };
    if let Ok(QuitReason::JoinError(error)) | Err(error) = running.waiting().await {
        tracing::error!(%error, "the server's own task failed");
    }
    Ok(())
}

/// A reader that lets it be known when its input ends.
struct Watched<R> {
    reader: R,
    ended: CancellationToken,
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        let read = std::task::ready!(Pin::new(&mut self.reader).poll_read(cx, into));
        if read.is_err() || into.filled().len() == before {
            self.ended.cancel();
        }
        Poll::Ready(read)
    }
}
