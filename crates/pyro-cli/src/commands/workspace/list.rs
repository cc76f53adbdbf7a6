//! `pyro workspace list`: all workspaces, a line for each.

use super::call::to_its_end;
use super::{Noun, summary};
use crate::cli::Json;
use crate::printer;
use pyro_core::{WorkspaceSummary, printable};

pub(super) fn run(args: &Json) -> i32 {
    to_its_end(Noun::Workspace, args.json, async |pyro| {
        let list = pyro.list_workspaces().await?;
        if args.json {
            printer::json(&list);
            return Ok(());
        }
        for id in &list.broken {
            printer::talk(&format!(
                "warning: the record of workspace {id} is broken; remove it: pyro workspace delete {id}"
            ));
        }
        if list.workspaces.is_empty() {
            printer::data("No workspaces.");
        } else {
            printer::data(&list.workspaces.iter().map(line).collect::<Vec<_>>().join("\n"));
        }
        Ok(())
    })
}

/// A name as the reference quotes it: in single quotes, or in double ones where only they need no
/// escape.
fn quoted(name: &str) -> String {
    let quote = if name.contains('\'') && !name.contains('"') { '"' } else { '\'' };
    let escaped: String = name
        .chars()
        .flat_map(|one| (one == '\\' || one == quote).then_some('\\').into_iter().chain(Some(one)))
        .collect();
    printable(format!("{quote}{escaped}{quote}").as_bytes())
}

fn line(workspace: &WorkspaceSummary) -> String {
    let name =
        workspace.name.as_ref().map(|name| format!(" name={}", quoted(name))).unwrap_or_default();
    let labels = summary::labels(&workspace.labels, ",")
        .map(|labels| format!(" labels={labels}"))
        .unwrap_or_default();
    format!(
        "[workspace] workspace_id={}{name} state={} environment={}{labels} last_activity_at={} expires_at={} commands={} services={}/{}",
        workspace.workspace_id,
        workspace.state.name(),
        workspace.environment,
        workspace.last_activity_at,
        summary::expiry(workspace.expires_at),
        workspace.command_count,
        workspace.running_service_count,
        workspace.service_count,
    )
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn names_are_quoted_as_the_reference_does() {
        for (name, told) in [
            ("web", "'web'"),
            ("a b", "'a b'"),
            ("it's", "\"it's\""),
            ("say \"x\"", "'say \"x\"'"),
            ("it's \"x\"", "'it\\'s \"x\"'"),
            ("a\\b", "'a\\\\b'"),
        ] {
            assert_eq!(quoted(name), told);
        }
    }
}
