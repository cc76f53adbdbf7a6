//! How it is seen that a service is ready, parsed at the door.

use pyro_protocol::GuestPath;
use pyro_protocol::path::GuestPathError;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How it is seen that a service is ready. All of it is looked at from within the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Readiness {
    /// A file is there.
    File {
        /// Its path, absolute.
        path: String,
    },
    /// Somebody takes TCP connections.
    Tcp {
        /// Where, as `HOST:PORT`.
        address: String,
    },
    /// A GET is answered with a status from 200 to 399; no redirect is followed.
    Http {
        /// Of what.
        url: String,
    },
    /// A command ends with status 0 within 10 s.
    Command {
        /// A line for the login shell.
        command: String,
    },
}

/// Why something is no way to see whether a service is ready.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadinessError {
    /// The file's path is none.
    #[error("the path of the file cannot be used")]
    Path(#[source] GuestPathError),
    /// It is no address.
    #[error("{0:?} is no HOST:PORT")]
    Address(String),
    /// Its host has to be looked up.
    #[error("the host {0:?} is neither localhost nor an IP address")]
    Host(String),
    /// It is no URL.
    #[error("{0:?} is no http:// URL")]
    Url(String),
    /// It is empty.
    #[error("the command is empty")]
    Command,
}

/// Where a service is to listen, as its guest sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its port.
    pub port: u16,
}

/// What to ask a web server for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpTarget {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Host and port, as the URL has them.
    pub authority: String,
    /// Path and query.
    pub path: String,
}

impl Readiness {
    /// The same with its text in other words.
    #[must_use]
    pub fn reworded(self, words: impl Fn(&str) -> String) -> Self {
        match self {
            Self::File { path } => Self::File { path: words(&path) },
            Self::Tcp { address } => Self::Tcp { address: words(&address) },
            Self::Http { url } => Self::Http { url: words(&url) },
            Self::Command { command } => Self::Command { command: words(&command) },
        }
    }

    /// As it was given, with every path absolute.
    ///
    /// # Errors
    /// `ReadinessError`.
    pub fn checked(self) -> Result<Self, ReadinessError> {
        match &self {
            Self::File { path } => {
                drop(GuestPath::parse(path.as_bytes()).map_err(ReadinessError::Path)?);
            }
            Self::Tcp { address } => drop(endpoint(address)?),
            Self::Http { url } => drop(http_target(url)?),
            Self::Command { command } if command.trim().is_empty() => {
                return Err(ReadinessError::Command);
            }
            Self::Command { .. } => {}
        }
        Ok(self)
    }
}

/// Characters of wrong input that are shown.
const SHOWN_LEN: usize = 80;

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_LEN).collect()
}

/// Where `HOST:PORT` is.
///
/// # Errors
/// [`ReadinessError`].
pub fn endpoint(address: &str) -> Result<Endpoint, ReadinessError> {
    let wrong = || ReadinessError::Address(shown(address));
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
    Ok(Endpoint { addresses: addresses(host)?, port })
}

fn addresses(host: &str) -> Result<Vec<IpAddr>, ReadinessError> {
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare.parse() {
        Ok(address) => Ok(vec![address]),
        Err(_) => Err(ReadinessError::Host(shown(host))),
    }
}

/// What an `http://` URL asks for.
///
/// # Errors
/// [`ReadinessError`].
pub fn http_target(url: &str) -> Result<HttpTarget, ReadinessError> {
    let wrong = || ReadinessError::Url(shown(url));
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    let rest = url.strip_prefix("http://").filter(|_| is_plain).ok_or_else(wrong)?;
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    if authority.is_empty() || authority.contains('@') {
        return Err(wrong());
    }
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let endpoint = match has_port {
        true => endpoint(authority).map_err(|error| match error {
            ReadinessError::Address(_) => wrong(),
            error => error,
        })?,
        false => Endpoint { addresses: addresses(authority)?, port: 80 },
    };
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Ok(HttpTarget { endpoint, authority: authority.to_owned(), path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_the_guest() {
        let local: IpAddr = Ipv4Addr::LOCALHOST.into();
        let six: IpAddr = Ipv6Addr::LOCALHOST.into();
        for (text, addresses) in [
            ("127.0.0.1:80", vec![local]),
            ("localhost:80", vec![local, six]),
            ("[::1]:80", vec![six]),
            ("::1:80", vec![six]),
        ] {
            assert_eq!(endpoint(text), Ok(Endpoint { addresses, port: 80 }), "{text}");
        }
        for bad in ["", "80", "localhost", "localhost:0", "localhost:65536", "localhost:x"] {
            assert_eq!(endpoint(bad), Err(ReadinessError::Address(bad.to_owned())), "{bad}");
        }
        let host = ReadinessError::Host("example.org".to_owned());
        assert_eq!(endpoint("example.org:80"), Err(host));
    }

    #[test]
    fn a_url_says_where_and_what() {
        for (url, authority, port, path) in [
            ("http://localhost", "localhost", 80, "/"),
            ("http://127.0.0.1:8000/a/b?c=d#e", "127.0.0.1:8000", 8000, "/a/b?c=d"),
            ("http://localhost:1?x", "localhost:1", 1, "/?x"),
            ("http://[::1]/", "[::1]", 80, "/"),
            ("http://[::1]:81/", "[::1]:81", 81, "/"),
        ] {
            let target = http_target(url).unwrap();
            assert_eq!(
                (&target.authority[..], target.endpoint.port, &target.path[..]),
                (authority, port, path),
                "{url}"
            );
        }
        for bad in [
            "",
            "localhost",
            "https://localhost",
            "http://",
            "http://a@localhost/",
            "http://localhost:x/",
            "http://localhost/a b",
            "http://localhost/\r\nX: y",
        ] {
            assert_eq!(http_target(bad), Err(ReadinessError::Url(bad.to_owned())), "{bad:?}");
        }
    }
}
