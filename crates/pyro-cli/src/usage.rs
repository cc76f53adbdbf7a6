//! A command line that is wrong: told to a person as clap does, or as one object where JSON was
//! asked for.

use crate::cli::Cli;
use crate::printer;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Print what is wrong with the command line, or help if that was asked for, and exit.
pub(crate) fn tell(mut error: clap::Error) -> ! {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    keep_good_tips(&mut error, &words);
    let hint = hint(unknown(&error), &words);
    if error.use_stderr() && asks_for_json(&words) {
        let hint = hint.unwrap_or_else(|| format!("{} --help", command(&words).0));
        printer::refusal(
            pyro_core::ErrorKind::InvalidInput,
            &message(&error.render().to_string()),
            &[],
            Some(&hint),
        );
    } else {
        let _ = error.print();
        if let Some(hint) = hint {
            printer::talk(&format!("hint: {hint}"));
        }
    }
    std::process::exit(error.exit_code())
}

/// Drop clap's tips that lead astray: a flag that only begins alike, and, where a guest's command
/// is expected, the advice to pass an unknown flag as its first word.
fn keep_good_tips(error: &mut clap::Error, words: &[String]) {
    let Some(unknown) = unknown(error).map(str::to_owned) else { return };
    let (path, mut clap_command) = command(words);
    if example(&path).is_some() {
        error.remove(ContextKind::Suggested);
    }
    if let Some(ContextValue::String(tip)) = error.get(ContextKind::SuggestedArg)
        && !is_near(&unknown, tip)
    {
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Usage, ContextValue::StyledStr(clap_command.render_usage()));
    }
}

/// Whether `tip` is `word` with a typing error: one edit for every three letters of the flag.
fn is_near(word: &str, tip: &str) -> bool {
    let [word, tip] = [word, tip].map(|flag| flag.trim_start_matches('-'));
    strsim::damerau_levenshtein(word, tip) <= (tip.len() / 3).max(1)
}

/// Whether `--json` stands among pyro's own arguments.
fn asks_for_json(words: &[String]) -> bool {
    words.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

/// The word that pyro takes no notice of.
fn unknown(error: &clap::Error) -> Option<&str> {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::UnknownArgument => {
            Some(word)
        }
        _ => None,
    }
}

/// What to type if the flags of a guest's command were taken for pyro's.
fn hint(unknown: Option<&str>, words: &[String]) -> Option<String> {
    let (path, clap_command) = command(words);
    let example = example(&path)?;
    let depth = path.split(' ').count() - 1;
    let end =
        words.iter().position(|word| unknown.is_some_and(|unknown| is_flag(word, unknown)))?;
    // An environment or an id, then the first word of a command.
    let is_after_command = positionals(&clap_command, words.get(depth..end)?) > 1;
    (is_after_command && !words.iter().any(|word| word == "--"))
        .then(|| format!("put -- before the command: {path} {example}"))
}

/// How a command of a guest follows the command of pyro at `path`, if one does.
fn example(path: &str) -> Option<&'static str> {
    match path {
        "pyro run" => Some("debian:12 -- git --version"),
        "pyro workspace exec" => Some("WORKSPACE_ID -- git --version"),
        "pyro task exec" => Some("TASK_ID -- git --version"),
        _ => None,
    }
}

/// Whether clap calls `word` by the name `unknown`: it drops a value, and splits short flags.
fn is_flag(word: &str, unknown: &str) -> bool {
    word == unknown
        || word.split('=').next() == Some(unknown)
        || (word.starts_with(unknown) && !unknown.starts_with("--"))
}

/// How many of the words are neither flags nor their values.
fn positionals(command: &clap::Command, words: &[String]) -> usize {
    let takes_value = |word: &str| {
        let named = |arg: &&clap::Arg| {
            arg.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long))
        };
        command.get_opts().find(named).is_some()
    };
    let mut is_value = false;
    let mut count = 0;
    for word in words {
        count += usize::from(!is_value && !word.starts_with('-'));
        is_value = !is_value && takes_value(word);
    }
    count
}

/// The command that the words begin with, as far as there is one, and its path.
fn command(words: &[String]) -> (String, clap::Command) {
    let mut command = Cli::command();
    command.build();
    let mut path = String::from("pyro");
    for word in words {
        let Some(child) = command.find_subcommand(word) else { break };
        path = format!("{path} {word}");
        command = child.clone();
    }
    (path, command)
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
        for (line, asked) in [
            ("run x --json", true),
            ("run x -- cat --json", false),
            ("run --json x -- cat", true),
            ("run x", false),
        ] {
            assert_eq!(asks_for_json(&words(line)), asked, "{line}");
        }
    }

    fn error_of(line: &str) -> clap::Error {
        Cli::try_parse_from(["pyro"].into_iter().chain(line.split(' '))).unwrap_err()
    }

    #[test]
    fn flags_of_a_command_without_hyphens_are_told_where_they_go() {
        let says = |line: &str| {
            let hint = hint(unknown(&error_of(line)), &words(line));
            hint.is_some_and(|hint| hint.starts_with("put -- before the command: pyro "))
        };
        for line in [
            "run debian:12 git --version",
            "run --mem-mib 512 debian:12 ls -l",
            "workspace exec 01 ls --color=auto",
            "task exec 01 --timeout-seconds 3 ls -la",
        ] {
            assert!(says(line), "{line}");
        }
        for line in [
            "run debian:12 --nothing -- true",
            "run --json debian:12 --bogus",
            "run --mem-mib 512 debian:12 --bogus",
            "workspace create debian:12 x",
            "env list x",
            "nothing at all",
            "run debian:12 --mem-mib x",
        ] {
            assert!(!says(line), "{line}");
        }
    }

    #[test]
    fn a_command_may_stand_without_hyphens_and_flags_may_be_short() {
        let cli =
            Cli::try_parse_from(["pyro", "run", "--timeout", "7", "debian:12", "ls", "/"]).unwrap();
        let crate::cli::Command::Run(run) = cli.command else { panic!("not a run") };
        assert_eq!((run.line.timeout_seconds, run.line.command), (7, words("ls /")));
    }

    #[test]
    fn tips_are_near_or_there_are_none() {
        let told = |line: &str| {
            let mut error = error_of(line);
            keep_good_tips(&mut error, &words(line));
            error.render().to_string()
        };
        assert!(!told("run debian:12 --quiet -- ls").contains("tip:"));
        // Clap takes it for --secret.
        let server = told("workspace create debian:12 --server A=b");
        assert!(!server.contains("tip:") && !server.contains("--secret"), "{server}");
        assert!(told("workspace create debian:12 --sed-path A").contains("exists: '--seed-path'"));
        assert!(told("run debian:12 --memmib 512").contains("exists: '--mem-mib'"));
    }

    #[test]
    fn a_message_is_what_stands_before_the_usage() {
        let text = "error: the following were not provided:\n  <A>\n  <B>\n\nUsage: pyro run\n";
        assert_eq!(message(text), "the following were not provided: <A> <B>");
    }
}
