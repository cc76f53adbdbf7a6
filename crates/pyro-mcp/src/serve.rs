//! A server with all that belongs to it: the vms that stand by, its transport, and its end.

use crate::ending::Ending;
use crate::http::{self, Access, ListenError};
use crate::server::Server;
use crate::state::Settings;
use crate::stdio;
use pyro_core::Pyro;
use rmcp::service::ServerInitializeError;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// What the vms that stand by hold until another environment is asked for.
const WARM_ENVIRONMENT: &str = "debian:12";

/// How long vms that stood by may take to end with the server: as long as calls may.
const CLOSE_LIMIT: Duration = Duration::from_secs(20);

/// How clients reach a server.
#[derive(Debug)]
pub enum Transport {
    /// One client at stdin and stdout.
    Stdio,
    /// Any that may be served.
    Http {
        /// Where to listen.
        listen: SocketAddr,
        /// Who may be served.
        access: Access,
    },
}

/// Why a server ended, where nobody ended it.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The client at stdin speaks no MCP.
    #[error(transparent)]
    Client(#[from] Box<ServerInitializeError>),
    /// The address cannot be listened at.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Connections can no longer be accepted.
    #[error(transparent)]
    Accept(#[from] io::Error),
}

/// Serve until the client ends or `ending` begins, and leave no vm behind; `listening` is told the
/// address at which HTTP is served.
///
/// # Errors
/// [`ServeError`]
pub async fn serve(
    pyro: Pyro,
    settings: Settings,
    transport: Transport,
    ending: &Ending,
    listening: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let pyro = pyro.with_standby(settings.warm, WARM_ENVIRONMENT);
    let server = Server::new(pyro.clone(), settings, ending.clone());
    let serving = async {
        let served = on(server, transport, ending, listening).await;
        ending.begin();
        served
    };
    // Those that stand by go while calls are still being ended.
    tokio::join!(serving, close_with(&pyro, ending)).0
}

async fn on(
    server: Server,
    transport: Transport,
    ending: &Ending,
    listening: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    match transport {
        Transport::Stdio => Ok(stdio::serve(server, ending).await.map_err(Box::new)?),
        Transport::Http { listen, access } => {
            let listener = http::listen(listen, &access).await?;
            listening(listener.local_addr()?);
            Ok(http::serve(server, listener, access, ending).await?)
        }
    }
}

/// Wait for the end, and let nothing be left of the vms that stand by.
async fn close_with(pyro: &Pyro, ending: &Ending) {
    ending.begun().await;
    if tokio::time::timeout(CLOSE_LIMIT, pyro.close()).await.is_err() {
        tracing::warn!(
            "vms that stood by do not end; what is left of them waits for the next command"
        );
    }
}
