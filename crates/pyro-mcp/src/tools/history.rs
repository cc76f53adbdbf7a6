//! A page of a workspace's history, as long as a result may be.

use crate::bounds::{FIELDS, shortened, text_length};
use crate::refusal::Refusal;
use crate::state::State;
use crate::turn;
use pyro_core::{Id, LogEntry, WorkspaceLogs};
use std::sync::Arc;

/// Fewest bytes of a command and its output that are worth telling.
const LEAST: usize = 600;

/// Bytes of the other fields of a command: in the text, and in the structured content.
const BESIDE: (usize, usize) = (144, 480);

/// The page in at most `limit` bytes: long output keeps head and tail, and what does not fit even
/// so is on the next page.
pub(super) fn fitted(mut logs: WorkspaceLogs, limit: usize) -> WorkspaceLogs {
    let room = limit.saturating_sub(FIELDS);
    let fits = fitting(&logs.entries, room);
    if fits < logs.entries.len() {
        logs.entries.truncate(fits);
        logs.next_after = logs.entries.last().map(|entry| entry.sequence);
        logs.count = fits;
    }
    let share = share(&logs.entries.iter().map(cost).collect::<Vec<_>>(), room);
    for entry in &mut logs.entries {
        if cost(entry) > share {
            cut(entry, share.saturating_sub(BESIDE.0));
        }
    }
    logs
}

/// How many of the commands are on the page; one always is.
fn fitting(entries: &[LogEntry], room: usize) -> usize {
    let text = crate::bounds::count(entries, room, |entry| cost(entry).min(LEAST));
    let structured = room / (BESIDE.1 - BESIDE.0);
    text.min(structured.max(1)).min(entries.len())
}

/// Bytes of a command in the text.
fn cost(entry: &LogEntry) -> usize {
    let said = &entry.result.output;
    BESIDE.0
        + text_length(&entry.result.command)
        + text_length(&said.stdout)
        + text_length(&said.stderr)
}

/// Most bytes of one, where short ones leave to long ones what they do not need.
fn share(costs: &[usize], room: usize) -> usize {
    let mut costs = costs.to_vec();
    costs.sort_unstable();
    let (mut left, mut rest) = (room, costs.len());
    for cost in costs {
        if cost > left / rest {
            return left / rest;
        }
        left -= cost;
        rest -= 1;
    }
    room
}

/// Cut a command and its output to so many bytes.
fn cut(entry: &mut LogEntry, share: usize) {
    let alone = format!(
        "; all of it: after {}, limit 1, max_output_bytes 1048576",
        entry.sequence.saturating_sub(1)
    );
    entry.result.command = shortened(&entry.result.command, share / 4, &alone);
    let room = share.saturating_sub(text_length(&entry.result.command));
    let said = &mut entry.result.output;
    let (stdout, stderr) = (text_length(&said.stdout), text_length(&said.stderr));
    let (for_stdout, for_stderr) = match (stdout <= room / 2, stderr <= room / 2) {
        (true, _) => (stdout, room.saturating_sub(stdout)),
        (false, true) => (room.saturating_sub(stderr), stderr),
        (false, false) => (room / 2, room / 2),
    };
    for (text, limit, truncated, file) in [
        (&mut said.stdout, for_stdout, &mut said.stdout_truncated, &said.stdout_file),
        (&mut said.stderr, for_stderr, &mut said.stderr_truncated, &said.stderr_file),
    ] {
        if text_length(text) > limit {
            let rest = file
                .as_ref()
                .map_or_else(|| alone.clone(), |name| format!("; all of it: output {name}"));
            *text = shortened(text, limit, &rest);
            *truncated = true;
        }
    }
}

/// A page of a workspace's history.
pub(super) async fn logs(
    state: &Arc<State>,
    id: Id,
    after: u64,
    limit: u32,
    max_output_bytes: u32,
) -> Result<WorkspaceLogs, Refusal> {
    let logs = turn::aside(state, move |pyro| async move {
        pyro.logs_workspace(id, after, limit.into()).await
    });
    Ok(fitted(logs.await?, usize::try_from(max_output_bytes).unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::{DEFAULT, length};
    use crate::brief::brief;
    use pyro_core::{CommandOutput, CommandResult, CommandState};
    use rmcp::model::JsonObject;

    fn entry(sequence: u64, command: usize, stdout: &str, stderr: usize) -> LogEntry {
        LogEntry {
            sequence,
            cwd: "/workspace/a".to_owned(),
            user: Some("www-data".to_owned()),
            state: CommandState::Ended,
            recorded_at: pyro_core::Timestamp::from_seconds(1_795_000_000.123),
            result: CommandResult {
                command: "c".repeat(command),
                exit_code: Some(0),
                duration_ms: 1000,
                execution_mode: pyro_core::ExecutionMode::GuestKvm,
                output: CommandOutput {
                    stdout: stdout.to_owned(),
                    stdout_bytes: stdout.len() as u64,
                    stdout_encoding: "utf-8".to_owned(),
                    stderr: "e".repeat(stderr),
                    ..CommandOutput::default()
                },
                ..CommandResult::default()
            },
        }
    }

    fn page(entries: Vec<LogEntry>) -> WorkspaceLogs {
        let workspace_id = Id::parse("0123456789ab").unwrap();
        fitted(
            WorkspaceLogs {
                workspace_id,
                count: entries.len(),
                entries,
                next_after: None,
                background: None,
            },
            DEFAULT,
        )
    }

    #[test]
    fn a_page_fits_whatever_the_commands_said() {
        for (count, command, stdout, stderr) in [
            (20, 10, "x".repeat(15_000), 0),
            (20, 10, "\n".repeat(15_000), 15_000),
            (20, 100_000, "\u{1}".repeat(60_000), 60_000),
            (1000, 3, "a".to_owned(), 0),
            (1000, 300, "é".repeat(300), 0),
            (1, 100_000, "x".repeat(100_000), 100_000),
        ] {
            let entries: Vec<LogEntry> =
                (1..=count).map(|at| entry(at, command, &stdout, stderr)).collect();
            let page = page(entries);
            let whole = serde_json::to_value(&page).unwrap();
            let text = length(&brief(&whole, &JsonObject::new()));
            assert!(text <= DEFAULT, "{count} {command} {}: {text} bytes", stdout.len());
            assert!(text > DEFAULT / 4, "{count} {command} {}: {text} bytes", stdout.len());
            assert!(length(&whole) <= 2 * DEFAULT, "{}", length(&whole));
            assert_eq!(page.count, page.entries.len());
            let next = (page.count < usize::try_from(count).unwrap()).then_some(page.count as u64);
            assert_eq!(page.next_after, next);
        }
    }

    #[test]
    fn short_output_is_whole_beside_a_long_one() {
        let page = page(vec![
            entry(1, 4, "short\n", 0),
            entry(2, 4, &"long\n".repeat(9000), 0),
            entry(3, 4, "", 5),
        ]);
        assert_eq!((page.count, page.next_after), (3, None));
        assert_eq!(
            (
                page.entries[0].result.output.stdout.as_str(),
                page.entries[2].result.output.stderr.as_str()
            ),
            ("short\n", "eeeee")
        );
        let long = &page.entries[1].result.output;
        assert!(
            long.stdout_truncated
                && long.stdout.starts_with("long\n")
                && long.stdout.ends_with("long\n")
        );
        assert!(
            long.stdout.contains("; all of it: after 1, limit 1, max_output_bytes 1048576 ...]"),
            "{}",
            long.stdout
        );
        assert!(page.entries[1].result.output.stdout.len() > 10_000);
    }
}
