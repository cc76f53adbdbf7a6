//! `pyro surface`: the command line as data, which the contract's test compares with
//! `contract.toml`.

use crate::cli::Cli;
use crate::{exit, printer};
use clap::{ArgAction, CommandFactory};
use serde_json::{Value, json};

pub(super) fn run() -> i32 {
    let mut commands = Vec::new();
    let mut root = Cli::command();
    root.build();
    walk(&root, &mut Vec::new(), &mut commands);
    printer::json(&json!({ "commands": commands }));
    exit::OK
}

fn walk(command: &clap::Command, path: &mut Vec<String>, commands: &mut Vec<Value>) {
    // The names of once are hidden from help, and kept all the same.
    let is_shown = |child: &&clap::Command| match child.get_name() {
        "task" => true,
        "help" | "completions" | "man" => false,
        _ => !child.is_hide_set(),
    };
    let mut children = command.get_subcommands().filter(is_shown).peekable();
    if children.peek().is_none() || !command.is_subcommand_required_set() {
        commands.push(describe(command, path));
    }
    for child in children {
        path.push(child.get_name().to_owned());
        walk(child, path, commands);
        path.pop();
    }
}

fn describe(command: &clap::Command, path: &[String]) -> Value {
    let shown = |arg: &&clap::Arg| !matches!(arg.get_id().as_str(), "help" | "version");
    let flags: Vec<Value> = command
        .get_opts()
        .chain(command.get_arguments().filter(|arg| is_switch(arg)))
        .filter(shown)
        .map(flag)
        .collect();
    let positionals: Vec<String> = command.get_positionals().map(value_name).collect();
    json!({ "path": path, "flags": flags, "positionals": positionals })
}

fn is_switch(arg: &clap::Arg) -> bool {
    !arg.is_positional() && !arg.get_action().takes_values()
}

fn flag(arg: &clap::Arg) -> Value {
    let default =
        arg.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
    let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let default = if takes_value { default } else { None };
    json!({ "name": format!("--{}", arg.get_long().unwrap_or_default()), "value": takes_value, "default": default })
}

fn value_name(arg: &clap::Arg) -> String {
    arg.get_value_names()
        .and_then(<[_]>::first)
        .map_or_else(|| arg.get_id().to_string().to_uppercase(), ToString::to_string)
}
