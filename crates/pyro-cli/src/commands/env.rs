//! `pyro env`: environments.

use super::runtime::{block_on, fail, pyro};
use crate::cli::Env;
use crate::progress::ProgressLine;
use crate::{exit, printer};
use pyro_contract::results::Pruned;
use pyro_core::{CATALOG_VERSION, Caller, EnvironmentInfo, Pyro, PyroError};
use serde_json::json;

pub(super) fn run(command: Env) -> i32 {
    let (as_json, result) = match command {
        Env::List(args) => (args.json, pyro().and_then(|pyro| list(&pyro, args.json))),
        Env::Inspect(args) => {
            (args.json, pyro().and_then(|pyro| inspect(&pyro, &args.environment, args.json)))
        }
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
    let environments = block_on(pyro.list_environments())?;
    if as_json {
        printer::json(&json!({ "catalog_version": CATALOG_VERSION, "environments": environments }));
        return Ok(());
    }
    printer::data(&format!("Catalog version: {CATALOG_VERSION}"));
    for environment in &environments {
        let installed = if environment.installed { "installed" } else { "not installed" };
        printer::data(&format!("{} [{installed}] {}", environment.name, environment.description));
    }
    Ok(())
}

fn inspect(pyro: &Pyro, name: &str, as_json: bool) -> Result<(), PyroError> {
    let environment = block_on(pyro.inspect_environment(name))?;
    if as_json {
        printer::json(&environment);
    } else {
        printer::data(&format!(
            "Environment: {}\n{}",
            environment.name,
            lines(&environment).join("\n")
        ));
    }
    Ok(())
}

fn pull(pyro: &Pyro, name: &str, as_json: bool) -> Result<(), PyroError> {
    let phase = |phase: &str| {
        // A person is shown a bar.
        if !as_json && !printer::is_watched() {
            printer::talk(&format!("[pull] phase={phase} environment={name}"));
        }
    };
    phase("install");
    let mut line = ProgressLine::new();
    let environment = name.to_owned();
    let caller = Caller::default().told(move |progress| line.show(&environment, progress));
    let pulled = block_on(pyro.pull_environment(name, caller))?;
    phase("ready");
    if as_json {
        printer::json(&pulled);
        return Ok(());
    }
    let mut text = vec![format!("Pulled: {}", pulled.environment.name)];
    text.extend(lines(&pulled.environment));
    text.push(format!("Kernel image: {}", pulled.kernel_image.display()));
    text.push(format!("Rootfs image: {}", pulled.rootfs_image.display()));
    text.push(format!("Source: {}", pulled.source));
    printer::data(&text.join("\n"));
    Ok(())
}

fn prune(pyro: &Pyro, as_json: bool) -> Result<(), PyroError> {
    let removed = block_on(pyro.prune_environments())?;
    if as_json {
        printer::json(&Pruned::from(removed));
        return Ok(());
    }
    let entries = if removed.len() == 1 { "entry" } else { "entries" };
    printer::data(&format!("Deleted {} cached environment {entries}.", removed.len()));
    for name in removed {
        printer::data(&format!("- {name}"));
    }
    Ok(())
}

/// What JSON says, as the reference's lines; ours follow them.
fn lines(environment: &EnvironmentInfo) -> Vec<String> {
    let mut lines = vec![
        format!("Version: {}", environment.version),
        format!("Distribution: {} {}", environment.distribution, environment.distribution_version),
        format!("Installed: {}", if environment.installed { "yes" } else { "no" }),
        format!("Cache dir: {}", environment.cache_dir.display()),
        format!("Default packages: {}", environment.default_packages.join(", ")),
        format!("Description: {}", environment.description),
    ];
    if environment.installed {
        lines.push(format!("Install dir: {}", environment.install_dir.display()));
    }
    let manifest = environment.install_manifest.as_ref().map(|path| path.display().to_string());
    for (name, value) in [
        ("Install manifest", manifest.as_deref()),
        ("Source digest", environment.source_digest.as_deref()),
        ("Platform", Some(environment.platform)),
        ("Compatibility", Some(environment.compatibility)),
        ("Catalog version", Some(environment.catalog_version)),
    ] {
        lines.extend(value.map(|value| format!("{name}: {value}")));
    }
    lines
}
