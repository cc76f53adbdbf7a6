//! TOML files.

use super::merge::{Changes, MergeError, SERVER};
use rmcp::model::JsonObject;
use serde_json::Value;
use toml_edit::{Array, DocumentMut, Item, Table};

/// `old` with the server in the table `servers`; `changes` says what to set in its entry.
pub(super) fn merged(
    old: &str,
    servers: &'static str,
    changes: &Changes<'_>,
) -> Result<String, MergeError> {
    let mut file: DocumentMut = old.parse().map_err(|error: toml_edit::TomlError| {
        MergeError::Invalid("TOML", error.message().to_owned())
    })?;
    let place = file.entry(servers).or_insert_with(|| {
        let mut table = Table::new();
        // Only its servers have headings.
        table.set_implicit(true);
        Item::Table(table)
    });
    let place = place.as_table_like_mut().ok_or(MergeError::Occupied(servers))?;
    if place.get(SERVER).is_none_or(|there| there.as_table_like().is_none()) {
        place.insert(SERVER, Item::Table(Table::new()));
    }
    let table = place
        .get_mut(SERVER)
        .and_then(Item::as_table_like_mut)
        .ok_or(MergeError::Occupied(servers))?;
    let known: JsonObject =
        table.iter().map(|(name, item)| (name.to_owned(), known(item))).collect();
    for (name, field) in changes(&known) {
        let mut new = match field {
            Value::Array(items) => {
                toml_edit::Value::from(items.iter().filter_map(Value::as_str).collect::<Array>())
            }
            field => field.as_str().unwrap_or_default().into(),
        };
        // A comment behind the old value stays.
        if let Some(old) = table.get(&name).and_then(Item::as_value) {
            *new.decor_mut() = old.decor().clone();
        }
        table.insert(&name, Item::Value(new));
    }
    Ok(file.to_string())
}

/// A value as far as this program sets such; null stands for any other.
fn known(item: &Item) -> Value {
    match item.as_value() {
        Some(toml_edit::Value::String(text)) => text.value().as_str().into(),
        Some(toml_edit::Value::Array(items)) => {
            items.iter().map(|item| Value::from(item.as_str())).collect()
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn comments_and_other_tables_stay() {
        let old = "# mine\nmodel = \"x\" # best\n\n[mcp_servers.other]\ncommand = \"o\"\n\n[mcp_servers.pyro]\n\
                   command = \"old\"\nstartup_timeout_sec = 60 # slow\n\n[tui]\ntheme = \"dark\"\n";
        let changes = |_: &JsonObject| {
            vec![
                ("command".to_owned(), json!("/new")),
                ("args".to_owned(), json!(["mcp", "serve"])),
            ]
        };
        let new = merged(old, "mcp_servers", &changes).unwrap();
        for kept in [
            "# mine\nmodel = \"x\" # best\n",
            "[mcp_servers.other]\ncommand = \"o\"\n",
            "= 60 # slow\n",
            "[tui]",
        ] {
            assert!(new.contains(kept), "{new}");
        }
        assert!(
            new.contains("command = \"/new\"\n") && new.contains("args = [\"mcp\", \"serve\"]\n"),
            "{new}"
        );
        assert!(merged("mcp_servers = 1", "mcp_servers", &|_| Vec::new()).is_err());
        assert!(merged("[", "mcp_servers", &|_| Vec::new()).is_err());
    }
}
