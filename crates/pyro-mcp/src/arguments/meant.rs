//! `meant`: the parameter that an unknown argument was probably to be.

/// What models write for a parameter, where its name is not like it.
const SYNONYMS: [(&str, &str); 11] = [
    ("cmd", "command"),
    ("code", "command"),
    ("content", "text"),
    ("contents", "text"),
    ("cpus", "vcpu_count"),
    ("diff", "patch"),
    ("directory", "cwd"),
    ("image", "environment"),
    ("memory", "mem_mib"),
    ("vcpus", "vcpu_count"),
    ("workdir", "cwd"),
];

/// How like a parameter's name an unknown one must be to be taken for it.
const NEAR: f64 = 0.85;

/// The parameter that was probably meant.
pub(super) fn meant<'a>(
    name: &str,
    parameters: impl Iterator<Item = &'a String> + Clone,
) -> Option<&'a str> {
    let name = name.to_lowercase().replace('-', "_");
    let synonym =
        SYNONYMS.iter().find(|(known, _)| *known == name).map(|(_, parameter)| *parameter);
    let mut all = parameters.clone();
    if let Some(found) = all.find(|parameter| synonym == Some(parameter.as_str())) {
        return Some(found);
    }
    // `timeout` is `timeout_seconds`, and `id` is `workspace_id`.
    let part = |parameter: &&String| {
        name.len() > 2 && parameter.starts_with(&name) || parameter.ends_with(&format!("_{name}"))
    };
    if let Some(found) = parameters.clone().find(part) {
        return Some(found);
    }
    // What nobody could have mistyped is not compared.
    let parameters = parameters.filter(|_| name.len() < 64);
    let scored = parameters.map(|parameter| (strsim::jaro_winkler(&name, parameter), parameter));
    let near =
        scored.filter(|(score, _)| *score >= NEAR).max_by(|one, other| one.0.total_cmp(&other.0));
    near.map(|(_, parameter)| parameter.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_synonym_a_part_or_a_slip_leads_to_the_parameter() {
        let known = ["command", "timeout_seconds", "vcpu_count", "workspace_id"].map(str::to_owned);
        for (written, expected) in [
            ("cmd", Some("command")),
            ("comand", Some("command")),
            ("Timeout", Some("timeout_seconds")),
            ("timeoutSeconds", Some("timeout_seconds")),
            ("id", Some("workspace_id")),
            ("cpus", Some("vcpu_count")),
            // A synonym of what this tool does not have.
            ("diff", None),
            ("x", None),
        ] {
            assert_eq!(meant(written, known.iter()), expected, "{written}");
        }
        assert_eq!(meant(&"command".repeat(1000), known.iter()), None);
    }
}
