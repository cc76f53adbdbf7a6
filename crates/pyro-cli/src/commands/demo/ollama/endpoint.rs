//! Where chat completions are asked for: one request, one answer, both bounded; over HTTP and
//! through no proxy.

use super::chat;
use super::lines::cut;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Response, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// Bytes that an answer may have: many times what a model says.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// Characters of a complaint that are told.
const SAID: usize = 300;

/// How long a connection may take to come about.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// An endpoint that can be asked.
pub(super) struct Endpoint {
    base_url: String,
    host: String,
    port: u16,
    authority: String,
    path: String,
    limit: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum EndpointError {
    #[error("{0} is no base URL")]
    Url(String),
    #[error("there is a user name in the base URL")]
    Login,
    #[error("{0} needs TLS, which pyro does not speak")]
    Tls(String),
    #[error("cannot reach {0}")]
    Unreachable(String, #[source] io::Error),
    #[error("{0} did not answer within {limit} s", limit = .1.as_secs())]
    Slow(String, Duration),
    #[error("the answer of {0} is longer than {ANSWER_LIMIT} bytes")]
    TooLong(String),
    #[error("{0} does not answer as an HTTP server does")]
    Broken(String, #[source] Box<dyn Error + Send + Sync>),
    #[error("{url} answers {status}{said}")]
    Refused {
        url: String,
        status: StatusCode,
        /// What the endpoint says of it, after a colon; nothing where it says nothing.
        said: String,
    },
    #[error("the answer of {0} is no chat completion")]
    Unreadable(String, #[source] serde_json::Error),
}

impl EndpointError {
    /// What to do about it, where `model` was asked.
    pub(super) fn hint(&self, model: &str) -> String {
        match self {
            Self::Url(_) => "write it as in --base-url http://localhost:11434/v1".to_owned(),
            Self::Login => "leave it out: endpoints that ask who it is are not spoken to".to_owned(),
            Self::Tls(_) => "name an http:// address of this host with --base-url, such as that of a tunnel".to_owned(),
            Self::Unreachable(..) => format!(
                "start the server with `ollama serve`, get the model with `ollama pull {model}`, or name another \
                 endpoint with --base-url"
            ),
            Self::Slow(..) => "allow more with --timeout-seconds, or choose a smaller model with --model".to_owned(),
            Self::Refused { status, .. } => hint_of(*status, model),
            Self::TooLong(_) | Self::Broken(..) | Self::Unreadable(..) => {
                "check --base-url: chat completions as OpenAI and Ollama have them are expected there".to_owned()
            }
        }
    }
}

/// What to do about a status that is not 200.
fn hint_of(status: StatusCode, model: &str) -> String {
    match status {
        StatusCode::BAD_REQUEST => "choose a model that knows tools with --model".to_owned(),
        StatusCode::NOT_FOUND => format!(
            "get the model with `ollama pull {model}`, choose another with --model, or check --base-url: that of Ollama ends \
             in /v1"
        ),
        status if status.is_server_error() => {
            format!(
                "see the server's log: it may lack the memory for {model}; --model chooses a smaller one"
            )
        }
        _ => {
            "name an endpoint that neither redirects nor asks for a key with --base-url".to_owned()
        }
    }
}

impl Endpoint {
    /// The endpoint at this URL, whose every answer may take `limit`.
    ///
    /// # Errors
    /// [`EndpointError::Url`], [`EndpointError::Login`] and [`EndpointError::Tls`]
    pub(super) fn parse(base_url: &str, limit: Duration) -> Result<Self, EndpointError> {
        let wrong = || EndpointError::Url(base_url.to_owned());
        let url: Uri = base_url.parse().map_err(|_| wrong())?;
        let authority = url.authority().ok_or_else(wrong)?;
        if authority.as_str().contains('@') {
            // With a password perhaps, which is not to be printed.
            return Err(EndpointError::Login);
        }
        match url.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(EndpointError::Tls(base_url.to_owned())),
            _ => return Err(wrong()),
        }
        if authority.host().is_empty() || url.query().is_some() {
            return Err(wrong());
        }
        // A port that is none is not the usual one.
        if url.port_u16().is_none() && authority.as_str().len() > authority.host().len() {
            return Err(wrong());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self {
            base_url: base_url.to_owned(),
            host,
            port: url.port_u16().unwrap_or(80),
            authority: authority.to_string(),
            path: format!("{}/chat/completions", url.path().trim_end_matches('/')),
            limit,
        })
    }

    /// What the model answers.
    ///
    /// # Errors
    /// [`EndpointError`]
    pub(super) async fn ask(
        &self,
        request: &chat::Request<'_>,
    ) -> Result<chat::Answer, EndpointError> {
        let unreadable = |error| EndpointError::Unreadable(self.base_url.clone(), error);
        let request = serde_json::to_vec(request).map_err(unreadable)?;
        let stream = self.connect().await?;
        let slow = |_| EndpointError::Slow(self.base_url.clone(), self.limit);
        let (status, body) =
            timeout(self.limit, self.exchange(stream, request)).await.map_err(slow)??;
        if status != StatusCode::OK {
            let said = chat::complaint(&body);
            let said =
                if said.trim().is_empty() { said } else { format!(": {}", cut(said.trim(), SAID)) };
            return Err(EndpointError::Refused { url: self.base_url.clone(), status, said });
        }
        chat::answer(&body).map_err(unreadable)
    }

    async fn connect(&self) -> Result<TcpStream, EndpointError> {
        let connected =
            timeout(CONNECT_LIMIT, TcpStream::connect((self.host.as_str(), self.port))).await;
        let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        connected.map_err(|error| EndpointError::Unreachable(self.base_url.clone(), error))
    }

    async fn exchange(
        &self,
        stream: TcpStream,
        request: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), EndpointError> {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(error))?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let request = hyper::Request::post(&self.path)
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .header(header::CONNECTION, "close")
            .body(Full::new(Bytes::from(request)))
            .map_err(|error| self.broken(error))?;
        let response = sender.send_request(request).await.map_err(|error| self.broken(error))?;
        Ok((response.status(), self.body(response).await?))
    }

    async fn body(&self, response: Response<Incoming>) -> Result<Bytes, EndpointError> {
        match Limited::new(response.into_body(), ANSWER_LIMIT).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(EndpointError::TooLong(self.base_url.clone()))
            }
            Err(error) => Err(self.broken(error)),
        }
    }

    fn broken(&self, error: impl Into<Box<dyn Error + Send + Sync>>) -> EndpointError {
        EndpointError::Broken(self.base_url.clone(), error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_read() {
        for (url, host, port, authority, path) in [
            (
                "http://localhost:11434/v1",
                "localhost",
                11434,
                "localhost:11434",
                "/v1/chat/completions",
            ),
            ("HTTP://[::1]:8/v1/", "::1", 8, "[::1]:8", "/v1/chat/completions"),
            ("http://models.example", "models.example", 80, "models.example", "/chat/completions"),
        ] {
            let endpoint =
                Endpoint::parse(url, CONNECT_LIMIT).map_err(|error| error.to_string()).unwrap();
            assert_eq!((endpoint.host.as_str(), endpoint.port), (host, port), "{url}");
            assert_eq!(
                (endpoint.authority.as_str(), endpoint.path.as_str()),
                (authority, path),
                "{url}"
            );
        }
    }

    #[test]
    fn what_cannot_be_asked_is_no_base_url() {
        for url in [
            "",
            "localhost:11434",
            "/v1",
            "ftp://a/v1",
            "http://",
            "http://a b/",
            "http://a/?b",
            "http://a:/",
            "http://a:99999/",
            "http://[::1]:99999/",
        ] {
            assert!(
                matches!(Endpoint::parse(url, CONNECT_LIMIT), Err(EndpointError::Url(_))),
                "{url}"
            );
        }
        assert!(matches!(
            Endpoint::parse("https://a/v1", CONNECT_LIMIT),
            Err(EndpointError::Tls(_))
        ));
        for url in ["http://u:p@a/v1", "https://u:p@a/v1"] {
            assert!(
                matches!(Endpoint::parse(url, CONNECT_LIMIT), Err(EndpointError::Login)),
                "{url}"
            );
        }
    }
}
