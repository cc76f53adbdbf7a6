//! Files of workspaces as resources: a host shows them to its user, or reads one that a result
//! names.

use crate::bounds;
use crate::output::{ADDRESS as OUTPUT, lacking};
use crate::state::State;
use crate::tools::workspace;
use base64::prelude::{BASE64_STANDARD, Engine};
use percent_encoding::percent_decode_str;
use pyro_contract::Tools;
use pyro_core::{Id, OutputName, Pyro};
use rmcp::model::{ResourceContents, ResourceTemplate};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use std::sync::Arc;

/// Bytes of a page as JSON; its address and that of the next one stand beside it.
const PAGE: usize = bounds::DEFAULT - 2 * bounds::FIELDS;

/// The address of a file, as RFC 6570 writes it.
const TEMPLATE: &str = "pyro://workspace/{id}/{path}{?offset}";

/// What every address begins with.
const BEGIN: &str = "pyro://workspace/";

/// What there is to read.
pub(crate) fn template() -> ResourceTemplate {
    ResourceTemplate::new(TEMPLATE, "workspace_file").with_title("File of a workspace").with_description(
        "A file below /workspace of a workspace, as text where it is UTF-8, in pages of at most 16 KiB; each names the next. \
         path is relative",
    )
}

/// The rest of outputs that were longer than their results.
pub(crate) fn output_template() -> ResourceTemplate {
    ResourceTemplate::new("pyro://output/{name}{?offset}", "output").with_title("Output of a command").with_description(
        "An output that a result does not hold whole, in pages of at most 16 KiB; each names the next",
    )
}

/// A page of an output, and the address of the next one.
pub(crate) async fn read_output(
    state: &Arc<State>,
    uri: &str,
) -> Result<Vec<ResourceContents>, ErrorData> {
    let about = || Some(serde_json::json!({ "uri": uri }));
    let missing = |why: String| ErrorData::resource_not_found(why, about());
    let (name, offset) = output_address(uri).ok_or_else(|| {
        missing("not the address of an output: pyro://output/NAME, or with ?offset=N".to_owned())
    })?;
    let own = name.clone();
    let page =
        crate::turn::aside(state, move |pyro| pyro.read_output(own, offset, bounds::DEFAULT));
    let mut page = page.await.map_err(|refusal| match refusal.is_missing() {
        true => missing(refusal.to_string()),
        false => ErrorData::internal_error(refusal.to_string(), about()),
    })?;
    page.shorten(bounds::prefix(&page.bytes, PAGE));
    let lacking = lacking(&page);
    let mut contents = vec![ResourceContents::text(page.text, uri)];
    contents.extend(lacking.map(|words| ResourceContents::text(format!("[... {words} ...]"), uri)));
    if let Some(next) = page.next_offset {
        contents.push(link(format!("{OUTPUT}{name}?offset={next}"), page.total_bytes));
    }
    Ok(contents)
}

/// What stands behind a page: the address of the next one.
fn link(next: String, total_bytes: u64) -> ResourceContents {
    ResourceContents::text(format!("[... of {total_bytes} bytes; the next page: {next} ...]"), next)
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
    /// Where the page begins.
    pub(crate) offset: u64,
}

/// A page of the file, and the address of the next one; a refusal names the `tools` that the client
/// has.
pub(crate) async fn read(
    state: &Arc<State>,
    context: &RequestContext<RoleServer>,
    uri: &str,
    tools: &[&str],
) -> Result<Vec<ResourceContents>, ErrorData> {
    let about = || Some(serde_json::json!({ "uri": uri }));
    let missing = |why: String| ErrorData::resource_not_found(why, about());
    let address = Address::parse(uri)
        .ok_or_else(|| missing(format!("not the address of a workspace's file: {TEMPLATE}")))?;
    let id = address.workspace;
    let path = Pyro::workspace_path(address.path.as_bytes())
        .map_err(|error| missing(error.to_string()))?;
    let file = workspace::work(state, context, id, "reading", move |pyro, cancel| async move {
        workspace::until(
            &cancel,
            pyro.read_workspace_file(id, path, address.offset, bounds::DEFAULT as u64, false),
        )
        .await
    });
    let file = file.await.map_err(|refusal| {
        let grants_host = state.grants.host_compat;
        let refusal = refusal.in_words_of(&Tools {
            offered: tools,
            called: None,
            parameters: &[],
            grants_host,
        });
        let data = serde_json::json!({ "uri": uri, "error": refusal });
        match refusal.is_missing() {
            true => ErrorData::resource_not_found(refusal.to_string(), Some(data)),
            false => ErrorData::internal_error(refusal.to_string(), Some(data)),
        }
    })?;
    let (page, held) = contents(uri, file.bytes, address.offset, file.size_bytes);
    let next = address.offset + held;
    let has_more = held > 0 && next < file.size_bytes;
    let next =
        has_more.then(|| link(format!("{}?offset={next}", without_offset(uri)), file.size_bytes));
    Ok([page].into_iter().chain(next).collect())
}

/// As much as a page holds, and how many bytes that is: text where it is UTF-8, but for a character
/// that the end cuts.
fn contents(
    uri: &str,
    mut bytes: Vec<u8>,
    offset: u64,
    size_bytes: u64,
) -> (ResourceContents, u64) {
    let goes_on = offset + (bytes.len() as u64) < size_bytes;
    let cut =
        std::str::from_utf8(&bytes).err().filter(|error| goes_on && error.error_len().is_none());
    if let Some(error) = cut {
        bytes.truncate(error.valid_up_to());
    }
    let is_text = std::str::from_utf8(&bytes).is_ok();
    bytes.truncate(if is_text { bounds::prefix(&bytes, PAGE) } else { PAGE / 4 * 3 });
    let held = bytes.len() as u64;
    let contents = match String::from_utf8(bytes) {
        Ok(text) => ResourceContents::text(text, uri),
        Err(error) => ResourceContents::blob(BASE64_STANDARD.encode(error.as_bytes()), uri)
            .with_mime_type("application/octet-stream"),
    };
    (contents, held)
}

/// The address without the page; a file's own name may hold such a suffix, percent-encoded.
fn without_offset(uri: &str) -> &str {
    uri.rsplit_once("?offset=")
        .filter(|(_, offset)| offset.parse::<u64>().is_ok())
        .map_or(uri, |(rest, _)| rest)
}

impl Address {
    /// None where it is no address of a file.
    pub(crate) fn parse(uri: &str) -> Option<Self> {
        let file = without_offset(uri);
        let offset = uri[file.len()..]
            .strip_prefix("?offset=")
            .and_then(|offset| offset.parse().ok())
            .unwrap_or(0);
        let (id, path) = file.strip_prefix(BEGIN)?.split_once('/')?;
        let path = percent_decode_str(path).decode_utf8().ok()?.into_owned();
        Some(Self { workspace: Id::parse(id).ok()?, path, offset })
            .filter(|address| !address.path.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_as_text_even_where_a_page_ends_in_a_character() {
        let told = |bytes: &[u8], size| {
            let (page, held) = contents("pyro://x", bytes.to_vec(), 0, size);
            (serde_json::to_value(page).unwrap(), held)
        };
        assert_eq!(told("né".as_bytes(), 3).0["text"], "né");
        let (cut, held) = told(&"né".as_bytes()[..2], 3);
        assert_eq!((&cut["text"], held), (&"n".into(), 1));
        assert_eq!(told(&"né".as_bytes()[..2], 2).0["blob"], "bsM=");
        assert_eq!(told(b"\xff\xc3", 9).0["blob"], "/8M=");
        assert_eq!(
            told(b"", 0),
            (serde_json::json!({ "uri": "pyro://x", "text": "", "mimeType": "text/plain" }), 0)
        );
    }

    #[test]
    fn the_pages_of_a_file_are_short_and_make_it_whole() {
        for file in [
            "é\n".repeat(20_000).into_bytes(),
            vec![0; 30_000],
            vec![0xff; 30_000],
            b"short".to_vec(),
        ] {
            let (mut offset, mut pages) = (0, 0);
            while offset < file.len() {
                let read = &file[offset..file.len().min(offset + bounds::DEFAULT)];
                let (page, held) =
                    contents("pyro://x", read.to_vec(), offset as u64, file.len() as u64);
                let page = serde_json::to_value(page).unwrap();
                assert!(
                    bounds::length(&page) <= bounds::DEFAULT - bounds::FIELDS,
                    "{}",
                    bounds::length(&page)
                );
                let held = usize::try_from(held).unwrap();
                match page["text"].as_str() {
                    Some(text) => assert_eq!(text.as_bytes(), &read[..held]),
                    None => assert_eq!(page["blob"], BASE64_STANDARD.encode(&read[..held])),
                }
                assert!(held > 0);
                (offset, pages) = (offset + held, pages + 1);
            }
            assert!(pages > 1 || file.len() < bounds::DEFAULT, "{pages}");
        }
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
        for (uri, path, offset) in [
            ("pyro://workspace/0123456789ab/a?offset=70", "a", 70),
            ("pyro://workspace/0123456789ab/a?offset=x", "a?offset=x", 0),
            ("pyro://workspace/0123456789ab/a%3Foffset=7?offset=70", "a?offset=7", 70),
        ] {
            let address = Address::parse(uri).unwrap();
            assert_eq!((address.path.as_str(), address.offset), (path, offset), "{uri}");
        }
    }
}
