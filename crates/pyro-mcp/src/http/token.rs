//! The bearer token: a secret in a file of the user's, compared in constant time.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pyro_core::host_files::{self, FsError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Fewest characters that a secret has.
const SHORTEST: usize = 16;

/// Longest token file, in bytes.
const LONGEST: u64 = 4096;

/// The secret that clients must show.
pub struct Token(String);

/// The file holds no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("cannot read the token")]
    Unreadable(#[from] FsError),
    /// Others can read it.
    #[error("{} can be read by others", .0.display())]
    Public(PathBuf),
    /// It is too short, or holds what a header cannot.
    #[error("{} must hold one line of at least {SHORTEST} visible characters", .0.display())]
    Unfit(PathBuf),
}

impl Token {
    /// Read the secret from its file; blanks around it do not count.
    ///
    /// # Errors
    /// [`TokenError`]
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        if host_files::metadata(path)?.mode() & 0o077 != 0 {
            return Err(TokenError::Public(path.to_owned()));
        }
        let bytes = host_files::read_bounded(path, LONGEST)?;
        Self::parse(&bytes).ok_or_else(|| TokenError::Unfit(path.to_owned()))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.trim();
        let fit = text.len() >= SHORTEST && text.bytes().all(|byte| byte.is_ascii_graphic());
        fit.then(|| Self(text.to_owned()))
    }

    /// Whether the request shows it: exactly one `Authorization`, and in it exactly the secret.
    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let Some((scheme, shown)) = value.to_str().ok().and_then(|text| text.split_once(' '))
        else {
            return false;
        };
        scheme.eq_ignore_ascii_case("bearer")
            && bool::from(shown.as_bytes().ct_eq(self.0.as_bytes()))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Token")
    }
}

/// Let a request through that shows the token.
pub(super) async fn require(
    State(token): State<Arc<Token>>,
    request: Request,
    next: Next,
) -> Response {
    if token.is_shown(request.headers()) {
        return next.run(request).await;
    }
    let challenge = [(WWW_AUTHENTICATE, "Bearer realm=\"pyro\"")];
    (StatusCode::UNAUTHORIZED, challenge, "a bearer token is required\n").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef";

    #[test]
    fn exactly_the_secret_once_is_let_through() {
        let token = Token::parse(format!("{SECRET}\n").as_bytes()).unwrap();
        let right = format!("Bearer {SECRET}");
        for (values, shown) in [
            (&[right.as_str()][..], true),
            (&["bearer 0123456789abcdef"], true),
            (&[], false),
            (&[SECRET], false),
            (&["Basic 0123456789abcdef"], false),
            (&["Bearer 0123456789abcdee"], false),
            (&["Bearer 0123456789abcde"], false),
            (&["Bearer 0123456789abcdef0"], false),
            (&["Bearer  0123456789abcdef"], false),
            (&["Bearer "], false),
            (&["Bearer"], false),
            (&[right.as_str(), right.as_str()], false),
            (&[right.as_str(), "Bearer wrong"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            assert_eq!(token.is_shown(&headers), shown, "{values:?}");
        }
    }

    #[test]
    fn what_is_no_secret_is_not_taken_for_one() {
        for text in
            ["", " \n", "short", "0123456789 abcdef", "0123456789abcdeä", "0123456789abc\ndef"]
        {
            assert!(Token::parse(text.as_bytes()).is_none(), "{text:?}");
        }
        assert_eq!(format!("{:?}", Token(SECRET.to_owned())), "Token");
    }
}
