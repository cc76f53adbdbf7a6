//! `pyro env`: environments.

use super::{block_on, fail, pyro};
use crate::cli::Env;
use crate::progress::ProgressLine;
use crate::{exit, printer};
use pyro_core::{Pyro, PyroError};
use serde::Serialize;
use serde_json::json;

pub(super) fn run(command: Env) -> i32 {
    let (as_json, result) = match command {
        Env::List(args) => (args.json, pyro().and_then(|pyro| list(&pyro, args.json))),
        Env::Inspect(args) => (args.json, pyro().and_then(|pyro| inspect(&pyro, &args.environment, args.json))),
        Env::Prune(args) => (args.json, pyro().and_then(|pyro| prune(&pyro, args.json))),
        Env::Pull(args) => {
            let pulled = pyro().and_then(|pyro| {
                let mut config = pyro.config().clone();
                config.mirror = args.mirror.or(config.mirror);
                pull(&Pyro::new(config), &args.environment, args.json)
            });
            (args.json, pulled)
        }
    };
    match result {
        Ok(()) => exit::OK,
        Err(error) => fail(&error, as_json, exit::FAILED),
    }
}

fn list(pyro: &Pyro, as_json: bool) -> Result<(), PyroError> {
    let environments = pyro.list_environments()?;
    if as_json {
        printer::json(&json!({ "environments": environments }));
        return Ok(());
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(["NAME", "VERSION", "INSTALLED", "DESCRIPTION"]);
    for environment in &environments {
        let installed = if environment.installed { "yes" } else { "no" };
        table.add_row([environment.name, environment.version, installed, environment.description]);
    }
    printer::data(&table.trim_fmt());
    Ok(())
}

fn inspect(pyro: &Pyro, name: &str, as_json: bool) -> Result<(), PyroError> {
    show(&pyro.inspect_environment(name)?, as_json);
    Ok(())
}

fn pull(pyro: &Pyro, name: &str, as_json: bool) -> Result<(), PyroError> {
    let mut line = ProgressLine::new();
    let pulled = block_on(pyro.pull_environment(name, &mut |progress| line.show(name, progress)))?;
    line.finish();
    show(&pulled, as_json);
    Ok(())
}

fn prune(pyro: &Pyro, as_json: bool) -> Result<(), PyroError> {
    let removed = pyro.prune_environments()?;
    if as_json {
        printer::json(&json!({ "count": removed.len(), "deleted_environment_dirs": removed }));
    } else if removed.is_empty() {
        printer::talk("nothing to remove");
    } else {
        printer::data(&removed.join("\n"));
    }
    Ok(())
}

fn show(environment: &impl Serialize, as_json: bool) {
    if as_json {
        printer::json(environment);
        return;
    }
    // What JSON says, as lines: nothing is shown in one form only.
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(environment) else { return };
    for (name, value) in fields {
        let text = match value {
            serde_json::Value::Null => "-".to_owned(),
            serde_json::Value::String(text) => text,
            serde_json::Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                .collect::<Vec<_>>()
                .join(" "),
            other => other.to_string(),
        };
        printer::data(&format!("{name}: {text}"));
    }
}
