//! `output_read`: the rest of an output that was too long for its result.

use super::{Describe, answers};
use crate::answer;
use crate::bounds;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::server::State;
use crate::turn;
use pyro_core::ErrorKind;
use pyro_core::vm::output::OutputName;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputRead {
    /// stdout_file or stderr_file of a result
    name: String,
    /// First byte
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_099_511_627_776_u64))]
    offset: u64,
    /// Most bytes; default: what fits a result
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
        super::looks()
    }

    async fn call(self, state: Arc<State>, _: RequestContext<RoleServer>) -> Result<CallToolResult, Refusal> {
        let name = OutputName::parse(&self.name).map_err(|error| {
            Refusal::new(ErrorKind::InvalidInput, error.to_string())
                .hint("take stdout_file or stderr_file of a result, where it is not null")
        })?;
        let (offset, asked) = (self.offset, self.length.and_then(|length| usize::try_from(length).ok()));
        let length = asked.unwrap_or(bounds::DEFAULT);
        let read = turn::aside(&state, move |pyro| async move { pyro.read_output(&name, offset, length) });
        let mut page = read.await?;
        if asked.is_none() {
            page.shorten(bounds::prefix(&page.bytes, bounds::DEFAULT - bounds::FIELDS));
        }
        answer::object(&page)
    }
}
