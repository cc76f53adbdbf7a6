//! TOML files.

use super::{MergeError, SERVER};
use serde_json::Value;
use toml_edit::{Array, DocumentMut, Item, Table, value};

/// `old` with the server as `entry` in the table `servers`.
pub(super) fn merged(old: &str, servers: &'static str, entry: &Value) -> Result<String, MergeError> {
    let mut file: DocumentMut =
        old.parse().map_err(|error: toml_edit::TomlError| MergeError::Invalid("TOML", error.message().to_owned()))?;
    let place = file.entry(servers).or_insert_with(|| {
        let mut table = Table::new();
        // Only its servers have headings.
        table.set_implicit(true);
        Item::Table(table)
    });
    let place = place.as_table_like_mut().ok_or(MergeError::Occupied(servers))?;
    // What the user added to the server's own table, such as its environment, stays.
    if place.get(SERVER).is_none_or(|there| there.as_table_like().is_none()) {
        place.insert(SERVER, Item::Table(Table::new()));
    }
    let table = place.get_mut(SERVER).and_then(Item::as_table_like_mut).ok_or(MergeError::Occupied(servers))?;
    for (name, field) in entry.as_object().into_iter().flatten() {
        let field = match field {
            Value::Array(items) => value(items.iter().filter_map(Value::as_str).collect::<Array>()),
            field => value(field.as_str().unwrap_or_default()),
        };
        table.insert(name, field);
    }
    Ok(file.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn comments_and_other_tables_stay() {
        let old = "# mine\nmodel = \"x\" # best\n\n[mcp_servers.other]\ncommand = \"o\"\n\n[mcp_servers.pyro]\n\
                   command = \"old\"\nstartup_timeout_sec = 60 # slow\n\n[tui]\ntheme = \"dark\"\n";
        let new = merged(old, "mcp_servers", &json!({ "command": "/new", "args": ["mcp", "serve"] })).unwrap();
        for kept in
            ["# mine\nmodel = \"x\" # best\n", "[mcp_servers.other]\ncommand = \"o\"\n", "= 60 # slow\n", "[tui]"]
        {
            assert!(new.contains(kept), "{new}");
        }
        assert!(new.contains("command = \"/new\"\n") && new.contains("args = [\"mcp\", \"serve\"]\n"), "{new}");
        assert!(merged("mcp_servers = 1", "mcp_servers", &json!({})).is_err());
        assert!(merged("[", "mcp_servers", &json!({})).is_err());
    }
}
