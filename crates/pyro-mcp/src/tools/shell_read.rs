//! `shell_read`: what a shell has printed, or its screen.

use super::describe::Describe;
use super::shell::Named;
use super::{annotations, answers, parameters};
use crate::answer;
use crate::bounds;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::{
    CancellationToken, Id, Pyro, PyroError, ReadShellRequest, ShellRead as Reading, ShellView,
    limits,
};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// Bytes that the text of a result has for the output, beside its other fields.
const ROOM: usize = bounds::DEFAULT - bounds::FIELDS;

#[derive(Deserialize, JsonSchema)]
pub(super) struct ShellRead {
    #[serde(flatten)]
    shell: Named,
    /// 0, or next_cursor of the last read
    #[serde(default)]
    cursor: u64,
    /// Fewer where they would not fit the result
    #[serde(default = "parameters::max_chars")]
    #[schemars(range(min = 1))]
    max_chars: u32,
    /// Text as a person reads it, without control sequences
    #[serde(default)]
    plain: bool,
    /// The screen as it stands, in place of output
    #[serde(default)]
    screen: bool,
    /// Wait until nothing was printed for so long, at most 30 s
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    wait_for_idle_ms: Option<u32>,
}

impl Describe for ShellRead {
    const NAME: &'static str = "shell_read";
    const TITLE: &'static str = "Read a shell";
    const DESCRIPTION: &'static str = "Read what a shell printed since cursor. Usual: plain=true with wait_for_idle_ms=300 after shell_write; screen=true for full-screen programs. Go on at next_cursor; the last MiB is kept, missed_bytes tells what was lost.";
    type Answer = answers::ShellRead;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::looks()
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let (id, shell) = self.shell.ids()?;
        let view = match (self.screen, self.plain) {
            (true, _) => ShellView::Screen,
            (_, true) => ShellView::Plain,
            _ => ShellView::Raw,
        };
        let idle = self.wait_for_idle_ms.map(limits::idle_ms).transpose();
        let request = ReadShellRequest {
            cursor: self.cursor,
            max_chars: self.max_chars,
            view,
            wait_for_idle_ms: idle.map_err(PyroError::from)?,
        };
        let shared = Arc::clone(&state);
        let read = turn::take(&state, &context, move |turn| async move {
            fitting(&shared.pyro, id, shell, request, &turn.cancel).await.map_err(Refusal::from)
        });
        answer::object(&read.await?)
    }
}

/// Read as much as fits a result: what was left out of it would lie before the next cursor.
async fn fitting(
    pyro: &Pyro,
    id: Id,
    shell: Id,
    request: ReadShellRequest,
    cancel: &CancellationToken,
) -> Result<Reading, PyroError> {
    let mut read = pyro.read_shell(id, shell, request, cancel).await?;
    let wait_for_idle_ms = read.wait_for_idle_ms;
    let mut max_chars = request.max_chars;
    while bounds::text_length(&read.output) > ROOM
        && max_chars > 1
        && request.view != ShellView::Screen
    {
        max_chars = fewer(max_chars, &read.output);
        let cursor = read.cursor;
        let again = ReadShellRequest { cursor, max_chars, wait_for_idle_ms: None, ..request };
        let missed = read.missed_bytes;
        read = pyro.read_shell(id, shell, again, cancel).await?;
        read.missed_bytes = read.missed_bytes.saturating_add(missed);
    }
    Ok(Reading { wait_for_idle_ms, ..read })
}

/// A number of characters that should fit, when so many gave this text.
fn fewer(max_chars: u32, text: &str) -> u32 {
    let chars = u32::try_from(text.chars().count()).unwrap_or(u32::MAX).min(max_chars);
    let fit = u64::from(chars) * ROOM as u64 / (bounds::text_length(text).max(1) as u64);
    u32::try_from(fit * 9 / 10).unwrap_or(1).clamp(1, max_chars - 1)
}

#[cfg(test)]
mod tests {
    use super::{ROOM, fewer};

    #[test]
    fn fewer_characters_are_asked_for_until_they_fit() {
        for text in ["x".repeat(60_000), "\u{1b}[0m".repeat(20_000), "\u{e4}".repeat(40_000)] {
            let fewer = fewer(65_536, &text);
            let taken: String = text.chars().take(fewer as usize).collect();
            let length = crate::bounds::text_length(&taken);
            assert!((ROOM / 2..=ROOM).contains(&length), "{length}");
        }
        assert_eq!(fewer(2, "xx"), 1);
    }
}
