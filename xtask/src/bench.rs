//! `cargo xtask bench ARGS…`: measure with a release build, and make the documentation's table of
//! the newest results.

use crate::{Result, cargo, system};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The table in the documentation stands between these two lines.
const BEGIN: &str = "<!-- results: made by `cargo xtask bench --table`, not by hand -->";
const END: &str = "<!-- end of results -->";

pub(crate) fn bench(args: &[OsString]) -> Result {
    let is_table = args.iter().any(|arg| arg == "--table");
    if !is_table {
        system::prepare()?;
    }
    let mut build = cargo::cargo(["build", "--release", "--locked", "-p", "pyro-cli"]);
    cargo::finish("building pyro", build.arg("--quiet"))?;
    let pyro = cargo::products("release")?.join("pyro");
    let results = cargo::root().join("bench/results");
    if is_table {
        return table(&pyro, &results);
    }
    fs::create_dir_all(&results)
        .map_err(|error| format!("cannot create {}: {error}", results.display()))?;
    cargo::finish(
        "pyro bench",
        Command::new(&pyro).arg("bench").arg("--output").arg(&results).args(args),
    )
}

fn table(pyro: &Path, results: &Path) -> Result {
    let newest = newest(names(results)?);
    if newest.is_empty() {
        return Err(format!("{} holds no results; cargo xtask bench", results.display()));
    }
    let files = newest.iter().map(|name| results.join(name));
    let printed = Command::new(pyro).arg("bench-page").args(files).output();
    let printed = printed.map_err(|error| format!("cannot start {}: {error}", pyro.display()))?;
    if !printed.status.success() {
        return Err(format!(
            "pyro bench-page failed: {}",
            String::from_utf8_lossy(&printed.stderr).trim()
        ));
    }
    let path = cargo::root().join("docs/benchmarks.md");
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let old = fs::read_to_string(&path).map_err(failed)?;
    let new = spliced(&old, &String::from_utf8_lossy(&printed.stdout))
        .ok_or_else(|| format!("{} has no place for the table: {BEGIN} … {END}", path.display()))?;
    fs::write(&path, new).map_err(failed)?;
    println!("{}: {}", path.display(), newest.join(", "));
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| format!("{}: {error}", folder.display()))?,
    };
    let paths = entries.filter_map(|entry| Some(PathBuf::from(entry.ok()?.file_name())));
    Ok(paths.filter_map(|path| path.into_os_string().into_string().ok()).collect())
}

/// The newest of `DATE-ACCELERATOR.json` of each accelerator, in the order of the accelerators.
fn newest(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    let mut newest = BTreeMap::new();
    for name in names {
        if let Some((_, accelerator)) =
            name.strip_suffix(".json").and_then(|stem| stem.split_once('-'))
        {
            newest.insert(accelerator.to_owned(), name);
        }
    }
    newest.into_values().collect()
}

/// The page with another table between the two lines; none when it does not have them.
fn spliced(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", table.trim()))
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, newest, spliced};

    #[test]
    fn the_newest_of_each_accelerator_counts() {
        let names = [
            "20251120T114737Z-tcg.json",
            "20251121T000000Z-tcg.json",
            "20251101T000000Z-kvm.json",
            "notes.md",
        ];
        let names = names.map(str::to_owned).into();
        assert_eq!(newest(names), ["20251101T000000Z-kvm.json", "20251121T000000Z-tcg.json"]);
    }

    #[test]
    fn only_what_stands_between_the_lines_is_replaced() {
        let page = format!("# Title\n\n{BEGIN}\nold\n{END}\nafter\n");
        let new = spliced(&page, "| new |\n").unwrap();
        assert_eq!(new, format!("# Title\n\n{BEGIN}\n\n| new |\n\n{END}\nafter\n"));
        assert_eq!(spliced(&new, "| new |\n"), Some(new.clone()), "a second time changes nothing");
        assert_eq!(spliced("no place", "x"), None);
    }
}
