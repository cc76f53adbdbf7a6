//! What processes in the background of a workspace have printed, as long as a result may be.

use crate::bounds::{FIELDS, text_length};
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::{Id, WorkspaceLogs};
use serde::Serialize;
use std::sync::Arc;

/// Fewest bytes of a command's output that are asked for.
const LEAST: usize = 2048;

/// Commands that share a result where each printed much.
const SHARE: usize = 5;

/// Bytes of a command's other fields.
const BESIDE: usize = 144;

/// The newest commands that fit a result.
#[derive(Debug, Serialize)]
pub(super) struct Background {
    #[serde(flatten)]
    logs: WorkspaceLogs,
    /// Older commands that do not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

impl Background {
    /// Keep the newest commands, as many as fit in `limit` bytes; one always does.
    fn newest(mut logs: WorkspaceLogs, limit: usize) -> Self {
        let mut surplus = 0;
        if let Some(background) = &mut logs.background {
            let mut room = limit.saturating_sub(FIELDS);
            let fits = background.iter().rev().take_while(|one| {
                let cost = BESIDE + text_length(&one.output) + text_length(&one.command);
                let fits = cost <= room;
                room = room.saturating_sub(cost);
                fits
            });
            surplus = background.len().saturating_sub(fits.count().max(1));
            background.drain(..surplus);
            logs.count = background.len();
        }
        let omitted = (surplus > 0).then_some(surplus);
        Self {
            logs,
            omitted,
            hint: omitted.map(|_| "give a larger max_output_bytes for older commands"),
        }
    }
}

/// Bytes of each command's output, its last ones.
fn tail(limit: usize) -> usize {
    LEAST.max(limit / SHARE)
}

/// What background processes have printed, in at most `limit` bytes.
pub(super) async fn background(
    state: &Arc<State>,
    id: Id,
    limit: u32,
) -> Result<Background, Refusal> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let logs =
        turn::aside(
            state,
            move |pyro| async move { pyro.background_workspace(id, tail(limit)).await },
        );
    Ok(Background::newest(logs.await?, limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::{DEFAULT, MOST, length};
    use crate::brief::brief;
    use pyro_core::BackgroundOutput;
    use rmcp::model::JsonObject;

    fn logs(count: u64, printed: usize) -> WorkspaceLogs {
        let one = |sequence| BackgroundOutput {
            sequence,
            command: "make serve &".to_owned(),
            pid: 4_000_000,
            running: true,
            bytes: 1 << 30,
            truncated: true,
            output: "x".repeat(printed),
            encoding: "utf-8",
        };
        let background: Vec<BackgroundOutput> = (1..=count).map(one).collect();
        WorkspaceLogs {
            workspace_id: Id::parse("0123456789ab").unwrap(),
            count: background.len(),
            entries: Vec::new(),
            next_after: None,
            background: Some(background),
        }
    }

    #[test]
    fn what_does_not_fit_is_counted_and_had_by_asking_for_more() {
        for (count, printed, limit, whole) in [
            (3, 20, DEFAULT, true),
            (20, 20, DEFAULT, true),
            (20, 2048, DEFAULT, false),
            (20, 2048, 4 * DEFAULT, true),
            (1000, 5, DEFAULT, false),
            (1, 2 * DEFAULT, DEFAULT, true),
        ] {
            let told =
                serde_json::to_value(Background::newest(logs(count, printed), limit)).unwrap();
            let kept = told["background"].as_array().unwrap();
            assert_eq!(told["count"], kept.len());
            assert_eq!(kept.last().unwrap()["sequence"], count, "the newest is kept");
            assert_eq!(
                kept.len() as u64 == count,
                whole,
                "{count} of {printed} bytes in {limit}: {}",
                kept.len()
            );
            assert_eq!(told["hint"].is_string(), !whole);
            let omitted = (!whole).then(|| count - kept.len() as u64);
            assert_eq!(told["omitted"].as_u64(), omitted);
            let text = length(&brief(&told, &JsonObject::new()));
            assert!(
                count == 1 || text <= limit && (whole || text > limit / 2),
                "{text} of {limit}"
            );
        }
    }

    #[test]
    fn each_command_gets_a_share_of_what_is_asked_for() {
        for (limit, bytes) in [(1024, 2048), (DEFAULT, 3276), (MOST, MOST / 5)] {
            assert_eq!(tail(limit), bytes);
        }
    }
}
