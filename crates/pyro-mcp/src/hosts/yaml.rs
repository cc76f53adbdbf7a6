//! YAML files, as far as a block of servers goes: only that block is read, line by line, and all others stay as they are.

use super::{MergeError, SERVER};
use serde_json::Value;

/// Blanks before a server's name where the file has none to go by.
const INDENT: usize = 2;

/// `old` with the server as `entry` in the block `servers`.
pub(super) fn merged(old: &str, servers: &'static str, entry: &Value) -> Result<String, MergeError> {
    let mut lines: Vec<&str> = old.lines().collect();
    let heading = format!("{servers}:");
    let Some(at) = lines.iter().position(|line| starts(line, &heading)) else {
        let quoted = |line: &&str| line.trim_start_matches(['"', '\'']).starts_with(servers) && indent(line) == 0;
        if lines.iter().any(|line| quoted(line) || line.starts_with(['{', '['])) {
            return Err(MergeError::Occupied(servers));
        }
        return Ok(joined(&lines, &format!("{heading}\n{}", block(entry, INDENT))));
    };
    if !is_blank(&lines[at][heading.len()..]) {
        return Err(MergeError::Occupied(servers));
    }
    let end = (at + 1..lines.len()).find(|line| !is_blank(lines[*line]) && indent(lines[*line]) == 0);
    let end = end.unwrap_or(lines.len());
    let first = lines[at + 1..end].iter().find(|line| !is_blank(line));
    let depth = first.map_or(INDENT, |line| indent(line));
    // A list may begin at its key's own column.
    let is_list = first.is_none() && lines.get(end).is_some_and(|line| line.starts_with('-'));
    if first.is_some_and(|line| line.trim_start().starts_with(['-', '{', '?'])) || is_list {
        return Err(MergeError::Occupied(servers));
    }
    let name = format!("{}{SERVER}:", " ".repeat(depth));
    let place = match (at + 1..end).find(|line| starts(lines[*line], &name)) {
        Some(there) => {
            let next = (there + 1..end).find(|line| !is_blank(lines[*line]) && indent(lines[*line]) <= depth);
            lines.drain(there..next.unwrap_or(end));
            there
        }
        None => at + 1,
    };
    let rest = lines.split_off(place);
    let new = joined(&lines, &block(entry, depth));
    Ok(if rest.is_empty() { new } else { joined(&[new.trim_end_matches('\n')], &rest.join("\n")) })
}

/// Lines, then text, then one line's end.
fn joined(lines: &[&str], text: &str) -> String {
    let mut all = lines.join("\n");
    if !all.is_empty() {
        all.push('\n');
    }
    all + text.trim_end_matches('\n') + "\n"
}

/// Whether the line is this key's, alone or with something behind it.
fn starts(line: &str, key: &str) -> bool {
    line.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Nothing, or a comment.
fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The server's lines; values are written as JSON, which YAML holds.
fn block(entry: &Value, depth: usize) -> String {
    let blanks = " ".repeat(depth);
    let mut text = format!("{blanks}{SERVER}:\n");
    for (name, value) in entry.as_object().into_iter().flatten() {
        text += &format!("{blanks}  {name}: {value}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_servers_own_lines_change() {
        let entry = json!({ "cmd": "/new" });
        let new = "    pyro:\n      cmd: \"/new\"\n";
        for (old, expected) in [
            ("", "extensions:\n  pyro:\n    cmd: \"/new\"\n".to_owned()),
            ("A: 1 # one\n", "A: 1 # one\nextensions:\n  pyro:\n    cmd: \"/new\"\n".to_owned()),
            ("extensions:\n    b:\n      c: 1\nZ: 2\n", format!("extensions:\n{new}    b:\n      c: 1\nZ: 2\n")),
            (
                "extensions: # all\n    pyro:\n      cmd: old\n      # note\n      args:\n      - x\n    b:\n      c: 1\n",
                format!("extensions: # all\n{new}    b:\n      c: 1\n"),
            ),
            ("extensions:\n    pyro:\n      cmd: old\n", format!("extensions:\n{new}")),
            ("extensions:\n    pyro2:\n      c: 1\n", format!("extensions:\n{new}    pyro2:\n      c: 1\n")),
        ] {
            let once = merged(old, "extensions", &entry).unwrap();
            assert_eq!(once, expected);
            assert_eq!(merged(&once, "extensions", &entry).unwrap(), expected);
        }
    }

    #[test]
    fn another_way_of_writing_is_left_to_the_user() {
        for old in ["extensions: {}\n", "extensions:\n- a\n", "\"extensions\":\n  a: 1\n", "{extensions: {}}\n"] {
            assert!(merged(old, "extensions", &json!({})).is_err(), "{old}");
        }
    }
}
