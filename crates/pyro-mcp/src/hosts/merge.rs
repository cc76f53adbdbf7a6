//! What merging this server into a host's file has in common, whatever the file's form.

use rmcp::model::JsonObject;
use serde_json::Value;

/// What to set in an entry that has these fields, of which none may be there.
pub(super) type Changes<'a> = dyn Fn(&JsonObject) -> Vec<(String, Value)> + 'a;

/// The name under which a host knows this server.
pub(super) const SERVER: &str = "pyro";

/// The host's file cannot be changed without harm.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// It is not what its name says.
    #[error("it is no valid {0}: {1}")]
    Invalid(&'static str, String),
    /// Something else stands where servers belong.
    #[error("{0} in it holds something else than servers, written one to a block")]
    Occupied(&'static str),
}
