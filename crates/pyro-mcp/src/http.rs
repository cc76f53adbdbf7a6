//! The HTTP transport: streamable HTTP with a bearer token, for this host's clients alone unless
//! more is granted.

mod bodies;
mod token;

use crate::ending::Ending;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::serve::ListenerExt;
use rmcp::ServerHandler;
use rmcp::transport::StreamableHttpServerConfig;
use rmcp::transport::streamable_http_server::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, SessionConfig};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

pub use token::{Token, TokenError};

/// Where clients find the server.
pub const PATH: &str = "/mcp";

/// A session that is silent for this long is forgotten; longer than commands take.
const SESSION_LIMIT: Duration = Duration::from_secs(3600);

/// Who may be served.
#[derive(Debug, Default)]
pub struct Access {
    /// What a client must show; none on this host's loopback only.
    pub token: Option<Token>,
    /// Names beside the loopback's that a request's `Host` may have.
    pub hosts: Vec<String>,
}

/// The address cannot be listened at.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Others would reach it.
    #[error("{0} is reached from other hosts, and there is no token")]
    Open(SocketAddr),
    /// The host refuses.
    #[error("cannot listen at {0}")]
    Io(SocketAddr, #[source] io::Error),
}

/// Listen there, if it is safe to.
///
/// # Errors
/// [`ListenError`]
pub async fn listen(address: SocketAddr, access: &Access) -> Result<TcpListener, ListenError> {
    if !address.ip().is_loopback() && access.token.is_none() {
        return Err(ListenError::Open(address));
    }
    TcpListener::bind(address).await.map_err(|error| ListenError::Io(address, error))
}

/// Serve clients until `ending` begins, and wait until their calls have ended.
///
/// # Errors
/// When connections can no longer be accepted.
pub async fn serve<S: ServerHandler + Clone>(
    server: S,
    listener: TcpListener,
    access: Access,
    ending: &Ending,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let router = router(server, address, access, ending);
    let shut = ending.clone();
    // An answer is small, and somebody waits for it.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let serving =
        axum::serve(listener, router).with_graceful_shutdown(async move { shut.begun().await });
    let served = tokio::select! {
        served = serving => served,
        // A connection that a client holds open is not waited for.
        () = async { ending.begun().await; ending.complete().await } => Ok(()),
    };
    ending.complete().await;
    served
}

fn router<S: ServerHandler + Clone>(
    server: S,
    address: SocketAddr,
    access: Access,
    ending: &Ending,
) -> Router {
    let mut sessions = SessionConfig::default();
    sessions.keep_alive = Some(SESSION_LIMIT);
    let mut manager = LocalSessionManager::default();
    manager.session_config = sessions;
    let own = if address.ip().is_unspecified() { None } else { Some(address.ip().to_string()) };
    let loopback = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let origins =
        ["localhost", "127.0.0.1", "[::1]"].map(|name| format!("http://{name}:{}", address.port()));
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts(loopback.into_iter().chain(own).chain(access.hosts))
        // A page that a browser shows is no client, unless it came from this very address.
        .enforce_origin_validation()
        .with_allowed_origins(origins)
        .with_max_request_body_bytes(bodies::LIMIT)
        .with_cancellation_token(ending.token.clone());
    let service = StreamableHttpService::new(move || Ok(server.clone()), Arc::new(manager), config);
    let router = Router::new().nest_service(PATH, service).layer(from_fn(bodies::take));
    match access.token {
        Some(token) => router.layer(from_fn_with_state(Arc::new(token), token::require)),
        None => router,
    }
}
