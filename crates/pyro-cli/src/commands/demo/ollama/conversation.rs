//! A conversation with a model that has one tool: what it calls for is run, and what came of that
//! is told to it.

use super::super::command::{COMMAND, ENVIRONMENT};
use super::chat::{self, Call, Message};
use super::endpoint::Endpoint;
use super::failure::Failure;
use super::lines::{cut, say};
use super::machines::Machines;
use crate::cli::Ollama;
use pyro_core::{RunRequest, VmExec, limits};
use pyro_mcp::Refusal;
use pyro_mcp::function::{self, Function};
use serde::Serialize;

/// Answers in which a model may fail to have anything run.
const USELESS_ANSWERS: u32 = 3;

/// Answers in all.
const ANSWERS: u32 = 6;

/// Characters of a call that are shown where not all of it was asked for.
const SHOWN_BRIEFLY: usize = 200;

/// A conversation under way.
pub(super) struct Conversation<'a> {
    args: &'a Ollama,
    endpoint: &'a Endpoint,
    machines: &'a Machines<'a>,
    function: Function,
    messages: Vec<Message>,
}

impl<'a> Conversation<'a> {
    /// It begins with what the model is to do.
    pub(super) fn new(
        args: &'a Ollama,
        endpoint: &'a Endpoint,
        machines: &'a Machines<'a>,
    ) -> Self {
        let task = format!(
            "Call the tool {} with environment \"{ENVIRONMENT}\" and command \"{COMMAND}\". Then tell me in one sentence \
             what the command printed.",
            function::NAME
        );
        let messages = vec![Message::User { content: task }];
        Self { args, endpoint, machines, function: Function::default(), messages }
    }

    /// Have the model call its tool and answer; the last of its commands that was run, if one was.
    ///
    /// # Errors
    /// When the endpoint fails, and when the user ends it. A command that cannot be run is the
    /// model's to read.
    pub(super) async fn hold(mut self) -> Result<Option<VmExec>, Failure> {
        let mut last = None;
        for asked in 1..=ANSWERS {
            let call = self.next_call().await?;
            match call {
                Some(call) => last = self.answer_call(&call).await?.or(last),
                None if last.is_some() => {
                    say("[done] ", "the model answered");
                    return Ok(last);
                }
                None => self.remind(),
            }
            if last.is_none() && asked == USELESS_ANSWERS {
                return Ok(None);
            }
        }
        say("[done] ", &format!("the model still called for its tool in its answer {ANSWERS}"));
        Ok(last)
    }

    /// Ask the model, and show what it says; its call, if it makes one.
    async fn next_call(&mut self) -> Result<Option<Call>, Failure> {
        let mut answer = self.ask().await?;
        if !answer.text.trim().is_empty() {
            say("[model] ", &answer.text);
        }
        if answer.calls.len() > 1 {
            // A model that still wants the others calls for them again.
            say(
                "[model] ",
                &format!("makes {} calls at once, of which the first counts", answer.calls.len()),
            );
        }
        answer.calls.truncate(1);
        let call = answer.calls.first().cloned();
        self.messages.push(Message::Assistant { content: answer.text, tool_calls: answer.calls });
        Ok(call)
    }

    async fn ask(&self) -> Result<chat::Answer, Failure> {
        let request = chat::Request {
            model: &self.args.model,
            messages: &self.messages,
            tools: [self.function.definition()],
            stream: false,
            temperature: 0,
        };
        let token = &self.machines.interrupted.token;
        match token.run_until_cancelled(self.endpoint.ask(&request)).await {
            Some(answered) => Ok(answered?),
            None => Err(Failure::Interrupted),
        }
    }

    fn remind(&mut self) {
        let content = format!("Nothing has been run yet. Call the tool {}.", function::NAME);
        self.messages.push(Message::User { content });
    }

    /// Do what the model calls for, and tell it what came of it.
    async fn answer_call(&mut self, call: &Call) -> Result<Option<VmExec>, Failure> {
        let asked = format!("calls {} {}", call.name(), call.arguments());
        say("[model] ", &if self.args.verbose { asked.into() } else { cut(&asked, SHOWN_BRIEFLY) });
        let ran = self.execute(call).await?;
        let content = match &ran {
            Ok(run) => told(run),
            Err(refusal) => told(refusal),
        };
        self.messages.push(Message::Tool { tool_call_id: call.id().to_owned(), content });
        match &ran {
            Ok(run) => say("[tool] ", &summary(run)),
            Err(refusal) => say("[tool] ", &format!("refused: {refusal}")),
        }
        Ok(ran.ok())
    }

    async fn execute(&self, call: &Call) -> Result<Result<VmExec, Refusal>, Failure> {
        let (request, stdin) = match self.function.request(call.name(), call.arguments()) {
            Ok((request, stdin)) => (bounded(request), stdin),
            Err(refusal) => return Ok(Err(refusal)),
        };
        match self.machines.run(request, stdin).await {
            Err(error) if self.machines.interrupted.token.is_cancelled() => Err(error.into()),
            run => Ok(run.map_err(|error| self.function.refusal(error))),
        }
    }
}

/// The request with a lifetime that somebody can wait for, whatever the model asks for.
fn bounded(mut request: RunRequest) -> RunRequest {
    request.shape.ttl_seconds = request.shape.ttl_seconds.min(limits::DEFAULT_TTL_SECONDS);
    request
}

fn summary(run: &VmExec) -> String {
    format!(
        "{} environment={} exit_code={} execution_mode={} duration_ms={}",
        function::NAME,
        run.environment,
        run.result.status(),
        run.result.execution_mode,
        run.result.duration_ms
    )
}

/// A result as the model reads it.
fn told(result: &impl Serialize) -> String {
    serde_json::to_string(result)
        .unwrap_or_else(|error| format!("the result cannot be written as JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_keeps_nobody_waiting() {
        for (asked, given) in [(60, 60), (600, 600), (4_000_000_000u32, 600)] {
            let arguments = format!(
                "{{\"environment\":\"debian:12\",\"command\":\"true\",\"ttl_seconds\":{asked}}}"
            );
            let (request, _) = Function::default().request(function::NAME, &arguments).unwrap();
            assert_eq!(bounded(request).shape.ttl_seconds, given);
        }
    }
}
