//! YAML files: only lines of the server's own block change, and what comes of it is read back
//! before it is taken.

use super::merge::{Changes, MergeError, SERVER};
use rmcp::model::JsonObject;
use serde_json::Value;

/// Blanks before a server's name where the file has none to go by.
const INDENT: usize = 2;

/// `old` with the server in the block `servers`; `changes` says what to set in its entry.
pub(super) fn merged(
    old: &str,
    servers: &'static str,
    changes: &Changes<'_>,
) -> Result<String, MergeError> {
    let before = parsed(old)?;
    let place = match place(old, servers)? {
        Some(place) => place,
        None => {
            let entry = Value::Object(changes(&JsonObject::new()).into_iter().collect());
            let lines: Vec<&str> = old.lines().collect();
            return Ok(joined(&lines, &format!("{servers}:\n{}", block(&entry, INDENT))));
        }
    };
    let there = before[servers][SERVER].as_object();
    let mut expected = there.cloned().unwrap_or_default();
    let changes = changes(&expected);
    expected.extend(changes.iter().cloned());
    let mut lines: Vec<String> = old.lines().map(str::to_owned).collect();
    match (place.server, there) {
        (None, _) => insert(&mut lines, place.at, &block(&expected.clone().into(), place.depth)),
        (Some((from, to)), Some(_)) if is_blank(&lines[from][place.depth + SERVER.len() + 1..]) => {
            set_fields(&mut lines, from + 1..to, place.depth, &changes);
        }
        // Written in braces, or nothing that has fields.
        (Some((from, to)), _) => {
            lines.drain(from..to);
            insert(&mut lines, from, &block(&expected.clone().into(), place.depth));
        }
    }
    let new = lines.join("\n") + "\n";
    // What the lines do not show, such as a quoted key, is not guessed at.
    let mut wanted = before;
    wanted[servers][SERVER] = expected.into();
    if parsed(&new).ok() == Some(wanted) { Ok(new) } else { Err(MergeError::Occupied(servers)) }
}

fn parsed(text: &str) -> Result<Value, MergeError> {
    let invalid = |error: String| MergeError::Invalid("YAML", error);
    // Not into JSON's values at once: those take a key that comes twice.
    let value: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(text).map_err(|error| invalid(error.to_string()))?;
    let value = serde_json::to_value(value).map_err(|error| invalid(error.to_string()))?;
    Ok(if value.is_null() { Value::Object(JsonObject::new()) } else { value })
}

/// Where the server is, or would be.
struct Place {
    /// The line of the first server.
    at: usize,
    /// Blanks before a server's name.
    depth: usize,
    /// Its lines, from its name on; blank ones behind them are not among them.
    server: Option<(usize, usize)>,
}

/// The place in the block `servers`; none where there is no such block.
fn place(old: &str, servers: &'static str) -> Result<Option<Place>, MergeError> {
    let lines: Vec<&str> = old.lines().collect();
    let heading = format!("{servers}:");
    let Some(at) = lines.iter().position(|line| starts(line, &heading)) else {
        let quoted = |line: &&str| {
            line.trim_start_matches(['"', '\'']).starts_with(servers) && indent(line) == 0
        };
        if lines.iter().any(|line| quoted(line) || line.starts_with(['{', '['])) {
            return Err(MergeError::Occupied(servers));
        }
        return Ok(None);
    };
    if !is_blank(&lines[at][heading.len()..]) {
        return Err(MergeError::Occupied(servers));
    }
    let end =
        (at + 1..lines.len()).find(|line| !is_blank(lines[*line]) && indent(lines[*line]) == 0);
    let end = end.unwrap_or(lines.len());
    let first = lines[at + 1..end].iter().find(|line| !is_blank(line));
    let depth = first.map_or(INDENT, |line| indent(line));
    // A list may begin at its key's own column.
    let is_list = first.is_none() && lines.get(end).is_some_and(|line| line.starts_with('-'));
    if first.is_some_and(|line| line.trim_start().starts_with(['-', '{', '?'])) || is_list {
        return Err(MergeError::Occupied(servers));
    }
    let name = format!("{}{SERVER}:", " ".repeat(depth));
    let server = (at + 1..end).find(|line| starts(lines[*line], &name));
    let server = server.map(|from| {
        let next =
            (from + 1..end).find(|line| !is_blank(lines[*line]) && indent(lines[*line]) <= depth);
        (from, without_blank_end(&lines, from, next.unwrap_or(end)))
    });
    Ok(Some(Place { at: at + 1, depth, server }))
}

/// The end of these lines without the blank ones before it; the first line is never one.
fn without_blank_end(lines: &[impl AsRef<str>], from: usize, to: usize) -> usize {
    (from + 1..=to).rev().find(|end| !is_blank(lines[end - 1].as_ref())).unwrap_or(from + 1)
}

fn insert(lines: &mut Vec<String>, at: usize, block: &str) {
    lines.splice(at..at, block.lines().map(str::to_owned));
}

/// Set fields of a server whose own lines these are; each of its other lines stays.
fn set_fields(
    lines: &mut Vec<String>,
    own: std::ops::Range<usize>,
    depth: usize,
    changes: &[(String, Value)],
) {
    let first = lines[own.clone()].iter().find(|line| !is_blank(line));
    let blanks = " ".repeat(first.map_or(depth + INDENT, |line| indent(line)));
    let mut end = own.end;
    for (name, value) in changes {
        let line = format!("{blanks}{name}: {value}");
        let key = format!("{blanks}{name}:");
        let Some(at) = (own.start..end).find(|at| starts(&lines[*at], &key)) else {
            lines.insert(end, line);
            end += 1;
            continue;
        };
        // The items of a list may stand in its key's own column.
        let is_next = |line: &String| {
            !is_blank(line)
                && indent(line) <= blanks.len()
                && !line[blanks.len().min(line.len())..].starts_with('-')
        };
        let next = (at + 1..end).find(|next| is_next(&lines[*next])).unwrap_or(end);
        let next = without_blank_end(lines, at, next);
        lines.splice(at..next, [line]);
        end = end + 1 - (next - at);
    }
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

    fn changes(_: &JsonObject) -> Vec<(String, Value)> {
        vec![("cmd".to_owned(), json!("/new"))]
    }

    #[test]
    fn only_the_servers_own_lines_change() {
        let new = "    pyro:\n      cmd: \"/new\"\n";
        for (old, expected) in [
            ("", "extensions:\n  pyro:\n    cmd: \"/new\"\n".to_owned()),
            ("A: 1 # one\n", "A: 1 # one\nextensions:\n  pyro:\n    cmd: \"/new\"\n".to_owned()),
            (
                "extensions:\n    b:\n      c: 1\nZ: 2\n",
                format!("extensions:\n{new}    b:\n      c: 1\nZ: 2\n"),
            ),
            (
                "extensions: # all\n    pyro:\n      cmd: old\n      # note\n      args:\n      - x\n\n    b:\n      c: 1\n",
                format!(
                    "extensions: # all\n{new}      # note\n      args:\n      - x\n\n    b:\n      c: 1\n"
                ),
            ),
            (
                "extensions:\n    pyro:\n      cmd:\n        - long\n        - list\n      enabled: false\n",
                format!("extensions:\n{new}      enabled: false\n"),
            ),
            ("extensions:\n    pyro:\n      cmd:\n      - list\n", format!("extensions:\n{new}")),
            (
                "extensions:\n    pyro: {cmd: old, enabled: false}\nZ: 2\n",
                format!("extensions:\n{new}      enabled: false\nZ: 2\n"),
            ),
            ("extensions:\n    pyro:\n\nZ: 2\n", format!("extensions:\n{new}\nZ: 2\n")),
            (
                "extensions:\n    pyro2:\n      c: 1\n",
                format!("extensions:\n{new}    pyro2:\n      c: 1\n"),
            ),
        ] {
            let once = merged(old, "extensions", &changes).unwrap();
            assert_eq!(once, expected);
            assert_eq!(merged(&once, "extensions", &changes).unwrap(), expected);
        }
    }

    #[test]
    fn another_way_of_writing_is_left_to_the_user() {
        for old in [
            "extensions: {}\n",
            "extensions:\n- a\n",
            "\"extensions\":\n  a: 1\n",
            "{extensions: {}}\n",
            "extensions:\n  \"pyro\":\n    cmd: x\n",
            "extensions:\n  pyro:\n    \"cmd\": x\n",
            "a: [\n",
        ] {
            assert!(merged(old, "extensions", &changes).is_err(), "{old}");
        }
    }
}
