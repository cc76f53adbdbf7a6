//! A command line that is wrong: told to a person as clap does, or as one object where JSON was asked for.

use crate::cli::Cli;
use crate::printer;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Tell what is wrong with the command line, or help where that was asked for.
pub(crate) fn tell(error: &clap::Error) -> ! {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let hint = hint(unknown(error), &words);
    if error.use_stderr() && asks_for_json(&words) {
        let hint = hint.unwrap_or_else(|| format!("{} --help", command(&words)));
        printer::refusal(pyro_core::ErrorKind::InvalidInput, &message(&error.render().to_string()), &[], Some(&hint));
    } else {
        let _ = error.print();
        if let Some(hint) = hint {
            printer::talk(&format!("hint: {hint}"));
        }
    }
    std::process::exit(error.exit_code())
}

/// Whether `--json` stands among pyro's own arguments.
fn asks_for_json(words: &[String]) -> bool {
    words.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

/// The word that pyro takes no notice of.
fn unknown(error: &clap::Error) -> Option<&str> {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::UnknownArgument => Some(word),
        _ => None,
    }
}

/// What to type where the command of a guest stands without its `--`.
fn hint(unknown: Option<&str>, words: &[String]) -> Option<String> {
    let command = command(words);
    let example = match command.as_str() {
        "pyro run" => "debian:12 -- git --version",
        "pyro workspace exec" => "WORKSPACE_ID -- git --version",
        "pyro task exec" => "TASK_ID -- git --version",
        _ => return None,
    };
    // A flag that there is not was meant for pyro.
    let is_meant = unknown.is_some_and(|word| !word.starts_with('-')) && !words.iter().any(|word| word == "--");
    is_meant.then(|| format!("put -- before the command: {command} {example}"))
}

/// The command that the words begin with, as far as there is one.
fn command(words: &[String]) -> String {
    let root = Cli::command();
    let mut command = &root;
    let mut path = String::from("pyro");
    for word in words {
        let Some(child) = command.find_subcommand(word) else { break };
        path = format!("{path} {word}");
        command = child;
    }
    path
}

/// The first paragraph of what clap says, on one line: the rest is usage.
fn message(text: &str) -> String {
    let lines = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim);
    let paragraph = lines.collect::<Vec<_>>().join(" ");
    paragraph.strip_prefix("error: ").unwrap_or(&paragraph).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn json_is_asked_for_before_the_command_of_the_guest() {
        for (line, asked) in
            [("run x --json", true), ("run x -- cat --json", false), ("run --json x -- cat", true), ("run x", false)]
        {
            assert_eq!(asks_for_json(&words(line)), asked, "{line}");
        }
    }

    #[test]
    fn a_command_without_its_hyphens_is_told_where_they_go() {
        let told = |line: &str| {
            let error = Cli::try_parse_from(["pyro"].into_iter().chain(line.split(' '))).unwrap_err();
            hint(unknown(&error), &words(line))
        };
        let says = |line: &str| told(line).is_some_and(|hint| hint.starts_with("put -- before the command: pyro "));
        for line in ["run debian:12 true", "workspace exec 01 true", "task exec 01 --timeout-seconds 3 ls -l"] {
            assert!(says(line), "{line}");
        }
        for line in [
            "run debian:12 --nothing -- true",
            "run --json debian:12 --bogus",
            "workspace create debian:12 x",
            "env list x",
            "nothing at all",
        ] {
            assert!(!says(line), "{line}");
        }
        assert_eq!(told("run debian:12 --mem-mib x"), None);
    }

    #[test]
    fn a_message_is_what_stands_before_the_usage() {
        let text = "error: the following were not provided:\n  <A>\n  <B>\n\nUsage: pyro run\n";
        assert_eq!(message(text), "the following were not provided: <A> <B>");
    }
}
