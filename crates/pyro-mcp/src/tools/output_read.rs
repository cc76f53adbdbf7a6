//! `output_read`: the rest of an output that was too long for its result.

use super::describe::Describe;
use super::{annotations, answers};
use crate::answer;
use crate::bounds;
use crate::grants::Grants;
use crate::output::lacking;
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::{ErrorKind, OutputName, OutputPage};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct OutputRead {
    /// stdout_file or stderr_file of a result
    name: String,
    /// First byte
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_099_511_627_776_u64))]
    offset: u64,
    /// Most bytes; default: what fits
    #[serde(default)]
    #[schemars(range(min = 1, max = 65_536))]
    length: Option<u32>,
}

impl Describe for OutputRead {
    const NAME: &'static str = "output_read";
    const TITLE: &'static str = "Read more of a long output";
    const DESCRIPTION: &'static str = "Read a page of a command's output that was truncated in its result. Continue at \
         next_offset until it is null. Old outputs are removed for newer ones.";
    type Answer = answers::Page;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::looks()
    }

    async fn call(
        self,
        state: Arc<State>,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let name = OutputName::parse(&self.name).map_err(|error| {
            Refusal::new(ErrorKind::InvalidInput, error.to_string())
                .hint("take stdout_file or stderr_file of a result, where it is not null")
        })?;
        let (offset, asked) =
            (self.offset, self.length.and_then(|length| usize::try_from(length).ok()));
        let length = asked.unwrap_or(bounds::DEFAULT);
        let read = turn::aside(&state, move |pyro| pyro.read_output(name, offset, length));
        let mut page = read.await?;
        if asked.is_none() {
            page.shorten(bounds::prefix(&page.bytes, bounds::DEFAULT - bounds::FIELDS));
        }
        answer::object(&Told::from(page))
    }
}

/// A page, and what the output lacks where it ends.
#[derive(Debug, Serialize)]
struct Told {
    #[serde(flatten)]
    page: OutputPage,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl From<OutputPage> for Told {
    fn from(page: OutputPage) -> Self {
        let hint = lacking(&page);
        Self { page, hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_of_an_incomplete_output_says_so() {
        for (next_offset, output_bytes, hint) in [
            (None, 30, Some("the output is incomplete: its last 20 of 30 bytes were not kept")),
            (Some(5), 30, None),
            (None, 10, None),
        ] {
            let page = OutputPage {
                name: OutputName::parse("0123456789ab-stdout").unwrap(),
                offset: 0,
                next_offset,
                total_bytes: 10,
                output_bytes,
                text: "0123456789".to_owned(),
                encoding: "utf-8",
                bytes: Vec::new(),
            };
            let told = serde_json::to_value(Told::from(page)).unwrap();
            assert_eq!((told["hint"].as_str(), &told["total_bytes"]), (hint, &10.into()));
        }
    }
}
