//! Host paths of a call: below what the server was granted, or below what the client itself
//! declares as its roots.

use crate::grants::{self, Grants};
use crate::refusal::Refusal;
use crate::state::State;
use percent_encoding::percent_decode_str;
use pyro_core::host_files::expanded;
use pyro_core::{ErrorKind, HostPath};
use rmcp::model::ProtocolVersion;
use rmcp::service::RequestContext;
use rmcp::{Peer, RoleServer};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a client may take to name its roots.
const LIMIT: Duration = Duration::from_secs(5);

/// Most roots of a client that count.
const MOST: usize = 64;

/// The path as [`Grants::path`] has it; the client is asked for its roots only where the server's
/// do not hold it.
pub(crate) async fn path(
    state: &State,
    context: &RequestContext<RoleServer>,
    asked: &str,
) -> Result<HostPath, Refusal> {
    if asked.trim().is_empty() {
        return Err(Refusal::new(ErrorKind::InvalidInput, "a host path must not be empty")
            .hint("name a path of the host"));
    }
    let asked = &expanded(Path::new(asked), state.home.as_deref());
    let granted = state.grants.path(asked);
    if granted.is_ok() || !state.grants.client_roots {
        return granted;
    }
    let paths = settled(declared(&context.peer).await, &state.grants.paths);
    if paths.is_empty() {
        granted
    } else {
        Grants { paths, ..Grants::default() }.path(asked).or(granted)
    }
}

/// As [`path`], for an output, with the directories that it does not replace: all that calls may
/// reach, and what the server keeps.
pub(crate) async fn output(
    state: &State,
    context: &RequestContext<RoleServer>,
    asked: &str,
    replaces: bool,
) -> Result<(HostPath, Vec<PathBuf>), Refusal> {
    let path = path(state, context, asked).await?;
    let mut kept: Vec<PathBuf> =
        state.grants.paths.iter().chain(&state.grants.kept).cloned().collect();
    // Asked for only where it matters: a client may take its time.
    if replaces && state.grants.client_roots {
        kept.extend(declared(&context.peer).await);
    }
    Ok((path, kept))
}

/// The client's roots without links, and without those that lie below another granted directory:
/// there a call may have put a link in a root's place, and all that such a root grants is granted
/// already.
fn settled(declared: Vec<PathBuf>, granted: &[PathBuf]) -> Vec<PathBuf> {
    let place = |root: &PathBuf| Some(grants::real(root.parent()?)?.join(root.file_name()?));
    let outer: Vec<PathBuf> =
        granted.iter().cloned().chain(declared.iter().filter_map(place)).collect();
    let is_own = |root: &&PathBuf| match place(root) {
        Some(place) => !outer.iter().any(|other| place != *other && place.starts_with(other)),
        None => root.parent().is_none(),
    };
    declared.iter().filter(is_own).filter_map(|root| root.canonicalize().ok()).collect()
}

/// The directories that the client calls its roots; revisions from 2026-07-28 on ask a client
/// nothing.
#[allow(deprecated, reason = "hosts of the revisions before 2026-07-28 declare their roots")]
async fn declared(peer: &Peer<RoleServer>) -> Vec<PathBuf> {
    let declares = peer.peer_info().is_some_and(|client| {
        client.protocol_version < ProtocolVersion::V_2026_07_28
            && client.capabilities.roots.is_some()
    });
    if !declares {
        return Vec::new();
    }
    match tokio::time::timeout(LIMIT, peer.list_roots()).await {
        Ok(Ok(listed)) => {
            listed.roots.iter().take(MOST).filter_map(|root| directory(&root.uri)).collect()
        }
        Ok(Err(error)) => {
            tracing::info!(%error, "the client does not name its roots");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

/// The directory of a `file:` address of this host.
fn directory(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    let bytes: Vec<u8> = percent_decode_str(path).collect();
    (bytes.first() == Some(&b'/') && !bytes.contains(&0))
        .then(|| PathBuf::from(OsString::from_vec(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test makes files")]
    fn a_root_that_a_call_may_have_replaced_grants_nothing() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        for name in ["granted", "own", "own/deep", "secret"] {
            std::fs::create_dir(home.join(name)).unwrap();
        }
        for name in ["granted/link", "own/link", "link"] {
            std::os::unix::fs::symlink(home.join("secret"), home.join(name)).unwrap();
        }
        let settled = |roots: &[&str]| {
            let roots = roots.iter().map(|root| home.join(root)).collect();
            let settled = settled(roots, &[home.join("granted")]).into_iter();
            settled
                .map(|root| root.strip_prefix(&home).unwrap().display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(settled(&["own", "own/deep", "own/link"]), ["own"]);
        assert_eq!(
            settled(&["granted/link", "granted", "own/deep", "nothing"]),
            ["granted", "own/deep"]
        );
        // A user's own link to a project is a root, where no call could have made it.
        assert_eq!(settled(&["link"]), ["secret"]);
    }

    #[test]
    fn only_files_of_this_host_are_roots() {
        for (uri, path) in [
            ("file:///home/me/a%20b", Some("/home/me/a b")),
            ("file://localhost/srv", Some("/srv")),
            ("file://other/srv", None),
            ("file://srv", None),
            ("file:relative", None),
            ("https://example.org/", None),
            ("file:///a%00b", None),
        ] {
            assert_eq!(directory(uri), path.map(PathBuf::from), "{uri}");
        }
    }
}
