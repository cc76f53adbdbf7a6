//! What stands after `--`, as a line for the guest's shell.

/// One argument is a line for the shell as it is; several are quoted and joined.
pub(super) fn command_line(words: &[String]) -> String {
    match words {
        [line] => line.clone(),
        words => shell_words::join(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_argument_is_a_line_and_several_are_quoted() {
        let words = |words: &[&str]| command_line(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(words(&["a && b"]), "a && b");
        assert_eq!(words(&["sh", "-c", "exit 7"]), "sh -c 'exit 7'");
        assert_eq!(words(&["git", "--version"]), "git --version");
        assert_eq!(words(&[]), "");
    }
}
