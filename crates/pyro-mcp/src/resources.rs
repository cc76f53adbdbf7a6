//! Files of workspaces as resources: a host shows them to its user, or reads one that a result names.

use crate::bounds;
use crate::server::State;
use crate::tools::output_read::lacking;
use crate::tools::workspace;
use base64::prelude::{BASE64_STANDARD, Engine};
use percent_encoding::percent_decode_str;
use pyro_core::Pyro;
use pyro_core::id::Id;
use pyro_core::vm::output::OutputName;
use rmcp::model::{MetaObject, ResourceContents, ResourceTemplate};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use std::sync::Arc;

/// Most bytes of a file that a resource holds.
const LIMIT: u64 = 1 << 20;

/// The address of a file, as RFC 6570 writes it.
const TEMPLATE: &str = "pyro://workspace/{id}/{path}";

/// What every address begins with.
const BEGIN: &str = "pyro://workspace/";

/// What there is to read.
pub(crate) fn template() -> ResourceTemplate {
    ResourceTemplate::new(TEMPLATE, "workspace_file").with_title("File of a workspace").with_description(
        "A file below /workspace of a workspace: its first MiB, as text where it is UTF-8. path is relative",
    )
}

/// What the address of an output begins with.
pub(crate) const OUTPUT: &str = "pyro://output/";

/// The rest of outputs that were longer than their results.
pub(crate) fn output_template() -> ResourceTemplate {
    ResourceTemplate::new("pyro://output/{name}{?offset}", "output").with_title("Output of a command").with_description(
        "An output that a result does not hold whole, in pages of at most 16 KiB; each names the next",
    )
}

/// A page of an output, and the address of the next one.
pub(crate) async fn read_output(state: &Arc<State>, uri: &str) -> Result<Vec<ResourceContents>, ErrorData> {
    let about = || Some(serde_json::json!({ "uri": uri }));
    let missing = |why: String| ErrorData::resource_not_found(why, about());
    let (name, offset) = output_address(uri)
        .ok_or_else(|| missing("not the address of an output: pyro://output/NAME, or with ?offset=N".to_owned()))?;
    let own = name.clone();
    let page = crate::turn::aside(state, move |pyro| async move { pyro.read_output(&own, offset, bounds::DEFAULT) });
    let mut page = page.await.map_err(|refusal| match refusal.is_missing() {
        true => missing(refusal.to_string()),
        false => ErrorData::internal_error(refusal.to_string(), about()),
    })?;
    page.shorten(bounds::prefix(&page.bytes, bounds::DEFAULT - 2 * bounds::FIELDS));
    let lacking = lacking(&page);
    let mut contents = vec![ResourceContents::text(page.text, uri)];
    contents.extend(lacking.map(|words| ResourceContents::text(format!("[... {words} ...]"), uri)));
    if let Some(next) = page.next_offset {
        let next = format!("{OUTPUT}{name}?offset={next}");
        let words = format!("[... of {} bytes; the next page: {next} ...]", page.total_bytes);
        contents.push(ResourceContents::text(words, next));
    }
    Ok(contents)
}

/// The output that an address names, and where its page begins.
fn output_address(uri: &str) -> Option<(OutputName, u64)> {
    let rest = uri.strip_prefix(OUTPUT)?;
    let (name, query) = rest.split_once('?').unwrap_or((rest, "offset=0"));
    let offset = query.strip_prefix("offset=")?.parse().ok()?;
    Some((OutputName::parse(name).ok()?, offset))
}

/// A file of a workspace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) workspace: Id,
    /// Below `/workspace`; core parses it.
    pub(crate) path: String,
}

/// The file, or the first MiB of it; a refusal names the `tools` that the client has.
pub(crate) async fn read(
    state: &Arc<State>,
    context: &RequestContext<RoleServer>,
    uri: &str,
    tools: &[&str],
) -> Result<ResourceContents, ErrorData> {
    let about = || Some(serde_json::json!({ "uri": uri }));
    let missing = |why: String| ErrorData::resource_not_found(why, about());
    let address =
        Address::parse(uri).ok_or_else(|| missing(format!("not the address of a workspace's file: {TEMPLATE}")))?;
    let id = address.workspace;
    let path = Pyro::workspace_path(address.path.as_bytes()).map_err(|error| missing(error.to_string()))?;
    let file = workspace::work(state, context, id, "reading", move |pyro, cancel| async move {
        workspace::until(&cancel, pyro.read_workspace_file(id, &path, 0, LIMIT)).await
    });
    let file = file.await.map_err(|refusal| {
        let refusal = refusal.in_words_of_a_tool(&[], tools);
        let refusal = if state.grants.host_compat { refusal } else { refusal.without_host() };
        let data = serde_json::json!({ "uri": uri, "error": refusal });
        match refusal.is_missing() {
            true => ErrorData::resource_not_found(refusal.to_string(), Some(data)),
            false => ErrorData::internal_error(refusal.to_string(), Some(data)),
        }
    })?;
    Ok(contents(uri, file.bytes, file.size_bytes))
}

/// Text where it is UTF-8, but for a character that the end cuts.
fn contents(uri: &str, mut bytes: Vec<u8>, size_bytes: u64) -> ResourceContents {
    let truncated = (bytes.len() as u64) < size_bytes;
    let cut = std::str::from_utf8(&bytes).err().filter(|error| truncated && error.error_len().is_none());
    if let Some(error) = cut {
        bytes.truncate(error.valid_up_to());
    }
    let held = bytes.len();
    let contents = match String::from_utf8(bytes) {
        Ok(text) => ResourceContents::text(text, uri),
        Err(error) => ResourceContents::blob(BASE64_STANDARD.encode(error.as_bytes()), uri)
            .with_mime_type("application/octet-stream"),
    };
    if !truncated {
        return contents;
    }
    let mut meta = MetaObject::new();
    meta.insert("pyro/size_bytes".to_owned(), size_bytes.into());
    meta.insert("pyro/hint".to_owned(), format!("workspace_file_read with offset {held} for the rest").into());
    contents.with_meta(meta)
}

impl Address {
    /// None where it is no address of a file.
    pub(crate) fn parse(uri: &str) -> Option<Self> {
        let (id, path) = uri.strip_prefix(BEGIN)?.split_once('/')?;
        let path = percent_decode_str(path).decode_utf8().ok()?.into_owned();
        Some(Self { workspace: Id::parse(id).ok()?, path }).filter(|address| !address.path.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_as_text_even_where_the_limit_cuts_a_character() {
        let told = |bytes: &[u8], size| serde_json::to_value(contents("pyro://x", bytes.to_vec(), size)).unwrap();
        assert_eq!(told("né".as_bytes(), 3)["text"], "né");
        let cut = told(&"né".as_bytes()[..2], 3);
        assert_eq!(cut["text"], "n");
        assert_eq!(cut["_meta"]["pyro/hint"], "workspace_file_read with offset 1 for the rest");
        assert_eq!(told(&"né".as_bytes()[..2], 2)["blob"], "bsM=");
        assert_eq!(told(b"\xff\xc3", 9)["blob"], "/8M=");
        assert!(told(b"", 0)["_meta"].is_null());
    }

    #[test]
    fn an_output_has_an_address_for_each_page() {
        for (uri, offset) in [
            ("pyro://output/0123456789ab-stdout", Some(0)),
            ("pyro://output/0123456789ab-stderr?offset=70", Some(70)),
            ("pyro://output/0123456789ab-stderr?offset=-1", None),
            ("pyro://output/0123456789ab-stderr?length=1", None),
            ("pyro://output/../vms", None),
            ("pyro://output/", None),
        ] {
            assert_eq!(output_address(uri).map(|(_, offset)| offset), offset, "{uri}");
        }
    }

    #[test]
    fn an_address_names_a_workspace_and_a_path() {
        for (uri, path) in [
            ("pyro://workspace/0123456789ab/a.txt", Some("a.txt")),
            ("pyro://workspace/0123456789ab/src/a%20b.rs", Some("src/a b.rs")),
            ("pyro://workspace/0123456789ab/src%2Fa.rs", Some("src/a.rs")),
            ("pyro://workspace/0123456789ab/", None),
            ("pyro://workspace/0123456789ab", None),
            ("pyro://workspace/../0123456789ab/a", None),
            ("pyro://workspace/0123456789AB/a", None),
            ("pyro://workspace/0123456789ab/%ff", None),
            ("pyro://vm/0123456789ab/a", None),
            ("file:///etc/passwd", None),
        ] {
            assert_eq!(Address::parse(uri).map(|address| address.path).as_deref(), path, "{uri}");
        }
    }
}
