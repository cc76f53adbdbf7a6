//! What lies in a repository's own directory.

/// Whether a path lies in, or is, a `.git`: git leaves it out of every patch.
#[must_use]
pub(crate) fn is_within_git(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|name| name.eq_ignore_ascii_case(b".git"))
}

#[cfg(test)]
mod tests {
    use super::is_within_git;

    #[test]
    fn whatever_its_case_it_is_git_s_own() {
        assert!(is_within_git(b"x/.Git/hooks") && is_within_git(b".git"));
        assert!(!is_within_git(b".gitignore") && !is_within_git(b"git"));
    }
}
