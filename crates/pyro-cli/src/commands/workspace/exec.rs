//! `pyro workspace exec`: a command in a workspace.

use super::super::interrupted::Interrupted;
use super::super::line::{self, hands_stdin_on};
use super::super::output;
use super::super::run::tell_of_memory;
use super::super::runtime::{block_on, fail_in, pyro};
use super::call::id;
use super::secrets::with_secrets;
use super::{Noun, summary};
use crate::cli::workspace::Exec;
use crate::{exit, printer, streams};
use pyro_core::{Id, LineRequest, OutputTo, PyroError, WorkspaceExec, workspace_options};

/// What to run and where.
struct Call {
    id: Id,
    line: LineRequest,
    hands_stdin_on: bool,
}

pub(in crate::commands) fn run(args: Exec, noun: Noun) -> i32 {
    printer::fail_with(exit::RUN_FAILED);
    let as_json = args.json;
    let call = match call(args) {
        Ok(call) => call,
        Err(error) => return fail_in(noun.wording(), &error, as_json, exit::RUN_FAILED),
    };
    let interrupted = Interrupted::default();
    let seconds = call.line.timeout.as_secs();
    let result = block_on(async {
        interrupted.watch();
        if as_json {
            execute(call, OutputTo::Result, &interrupted).await
        } else {
            execute(call, streams::output(), &interrupted).await
        }
    });
    match result {
        Ok(executed) => {
            if as_json {
                noun.json(&executed);
                output::hint(executed.result.output.kept());
                tell_of_memory(
                    &topic(noun),
                    executed.result.out_of_memory.as_deref(),
                    &more_memory(noun),
                );
            } else {
                tell(&executed, seconds, noun);
            }
            executed.result.status()
        }
        // Nobody reads on: the command was ended, as in any pipeline.
        Err(error) if error.is_closed_output() => exit::CLOSED_OUTPUT,
        Err(error) => interrupted
            .status()
            .unwrap_or_else(|| fail_in(noun.wording(), &error, as_json, exit::RUN_FAILED)),
    }
}

fn call(args: Exec) -> Result<Call, PyroError> {
    let hands_stdin_on = hands_stdin_on(&args.line);
    let mut line = line::request(args.line, workspace_options)?;
    line.options = with_secrets(line.options, &args.secrets)?;
    Ok(Call { line, id: id(&args.workspace_id)?, hands_stdin_on })
}

async fn execute(
    call: Call,
    output: OutputTo,
    interrupted: &Interrupted,
) -> Result<WorkspaceExec, PyroError> {
    let stdin = call.hands_stdin_on.then(streams::stdin);
    pyro()?.exec_workspace(call.id, call.line, stdin, output, &interrupted.token).await
}

fn topic(noun: Noun) -> String {
    format!("{}-exec", noun.word())
}

/// What gives commands more memory: a workspace keeps the shape it was created with.
fn more_memory(noun: Noun) -> String {
    format!("create a {} with more --mem-mib", noun.word())
}

fn tell(executed: &WorkspaceExec, seconds: u64, noun: Noun) {
    let word = noun.word();
    printer::talk(&format!(
        "[{word}-exec] {word}_id={} sequence={} cwd={} execution_mode={} exit_code={} duration_ms={}",
        executed.workspace_id,
        executed.sequence,
        summary::one_line(&executed.cwd),
        executed.result.execution_mode,
        executed.result.status(),
        executed.result.duration_ms
    ));
    if let Some(why) = &executed.not_recorded {
        printer::talk(&format!("[{word}-exec] the history does not have the command's end: {why}"));
    }
    tell_of_memory(&topic(noun), executed.result.out_of_memory.as_deref(), &more_memory(noun));
    if executed.result.timed_out {
        printer::talk(&format!(
            "[{word}-exec] the command was killed after {seconds} s; allow more with --timeout-seconds"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_to_a_new_one() {
        for (noun, advice) in [
            (Noun::Workspace, "create a workspace with more --mem-mib"),
            (Noun::Task, "create a task with more --mem-mib"),
        ] {
            assert_eq!(more_memory(noun), advice);
        }
    }
}
