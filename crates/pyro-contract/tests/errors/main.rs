//! Every kind of error with its hint, as each surface tells it, under one snapshot.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod samples;

use pyro_contract::{CommandLine, Methods, Row, Tools, rows};
use pyro_core::hints::{Hint, Wording, worded};
use pyro_core::{ErrorKind, PyroError};
use std::fmt::Write;

/// The tools of a profile.
fn tools(profile: &str) -> Vec<&'static str> {
    let holds_it =
        |row: &&Row| row.is_built("mcp") && row.profiles.iter().any(|name| name == profile);
    rows().iter().filter(holds_it).filter_map(|row| row.mcp.as_deref()).collect()
}

/// What a surface says, one line below the other.
fn told(error: &PyroError, called: [&str; 2], parameters: &[String]) -> String {
    let (full, task) = (tools("workspace-full"), tools("task"));
    let tools = |offered, called, grants_host| Tools {
        offered,
        called: Some(called),
        parameters,
        grants_host,
    };
    let [in_full, in_task] = called;
    let mut text = format!("[{}] {error}\n", error.kind().name());
    for cause in error.causes() {
        writeln!(text, "  caused by: {cause}").unwrap();
    }
    for (surface, words) in [
        ("cli", in_words(error, &CommandLine::default())),
        ("cli, tasks", in_words(error, &CommandLine { tasks: true })),
        ("mcp", in_words(error, &tools(&full, in_full, true))),
        ("mcp, tasks", in_words(error, &tools(&task, in_task, false))),
        ("python", in_words(error, &Methods)),
    ] {
        writeln!(text, "  {surface}: {words}").unwrap();
    }
    text
}

fn in_words(error: &PyroError, wording: &impl Wording) -> String {
    worded(error.hints(), wording).unwrap_or_else(|| "-".to_owned())
}

#[test]
fn every_kind_of_error_is_told_on_every_surface() {
    let samples = samples::all();
    for kind in ErrorKind::ALL {
        assert!(samples.iter().any(|error| error.kind() == *kind), "no sample of {}", kind.name());
    }
    let parameters = samples::parameters();
    let called = ["workspace_export", "task_exec"];
    let text: Vec<String> = samples.iter().map(|error| told(error, called, &parameters)).collect();
    insta::assert_snapshot!(text.join("\n"));
}

/// What an error says before any surface has named something in it.
fn words(error: &PyroError) -> String {
    let mut words = vec![error.to_string()];
    words.extend(error.causes());
    let fallbacks = |hint| std::iter::successors(Some(hint), |hint: &&Hint| hint.fallback());
    for hint in error.hints().iter().flat_map(fallbacks) {
        words.extend([&hint.advice().before, &hint.advice().after].map(ToString::to_string));
    }
    words.join("\n")
}

#[test]
fn no_error_names_a_command_a_tool_a_method_or_a_flag() {
    for error in samples::all() {
        let words = words(&error);
        for row in rows() {
            let command = row.cli.as_ref().map(|cli| format!("pyro {cli}"));
            let names =
                [command.as_ref(), row.mcp.as_ref(), row.python.as_ref()].into_iter().flatten();
            // `bench` and the like are words of their own.
            let names = names.filter(|name| name.contains(['_', ' ']));
            for name in names.chain(row.flags.iter().map(|flag| &flag.name)) {
                assert!(!words.contains(name.as_str()), "{name}: {words}");
            }
        }
    }
}
