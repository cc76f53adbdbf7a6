//! `cargo xtask test --qemu VERSION|all`: the guest tests on other QEMUs than the one that is
//! installed.
//!
//! Each is unpacked from Debian's packages into `target/tmp/qemu/SUITE` with the libraries that it
//! was built for, and started by its own dynamic loader (`PYRO_QEMU`), so the host's release does
//! not matter.

use crate::test::{self, Tally};
use crate::{Result, cargo, system};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Debian releases that hold the versions, and how those are called on the command line.
const SUITES: &[(&str, &str)] = &[("7.2", "bookworm"), ("10.0", "trixie"), ("newest", "sid")];

/// What every run holds on each version: a boot, a start from a template, data both ways, layers of
/// a disk.
const SHORT: &[&str] = &[
    "run::tcg::a_guest_answers",
    "run::tcg::stdin_is_forwarded",
    "template::faults::tcg::the_second_vm_starts_from_what_the_first_left",
    "workspace::tcg::a_reset_goes_back_to_the_baseline",
    "workspace::forks::tcg::forks_diverge",
    "workspace_files::tcg::the_loop_of_an_agent",
];

/// A file beside what was unpacked, as old as that.
const STAMP: &str = ".unpacked";

/// How long the newest version stays the newest.
const NEWEST_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// A QEMU to test with.
struct Qemu {
    /// As it says itself.
    version: String,
    /// The value of `PYRO_QEMU`.
    setting: OsString,
}

/// The guest tests on the versions that `asked` names, all of them: `all`, or one.
pub(crate) fn test(asked: &str) -> Result {
    let wanted: Vec<&str> = SUITES
        .iter()
        .filter(|(version, suite)| asked == "all" || asked == *version || asked == *suite)
        .map(|(_, suite)| *suite)
        .collect();
    if wanted.is_empty() {
        let known: Vec<&str> = SUITES.iter().map(|(version, _)| *version).collect();
        return Err(format!(
            "there is no QEMU {asked:?} to test with; give one of {}, or all",
            known.join(", ")
        ));
    }
    system::prepare()?;
    // Tests start these too, and cargo does not build them for one test binary.
    let mut examples = cargo::cargo(["build", "--locked", "--workspace", "--examples"]);
    cargo::finish("building the examples", &mut examples)?;
    let mut closing = Vec::new();
    let mut is_good = true;
    for suite in wanted {
        let qemu = unpacked(suite)?;
        println!("QEMU {} of {suite}", qemu.version);
        let tally = run(&qemu, &[])?;
        is_good &= tally.is_good();
        closing.extend(
            tally.skipped().map(|skip| format!("skipped on QEMU {}: {skip}", qemu.version)),
        );
        closing.push(format!("QEMU {}: {}", qemu.version, tally.closing_line(0, 0)));
    }
    println!("{}", closing.join("\n"));
    if is_good { Ok(()) } else { Err("not everything passed".to_owned()) }
}

/// A version of QEMU that the short list is to run on, or why it cannot.
pub(crate) struct Offered {
    name: &'static str,
    suite: &'static str,
    qemu: Result<Qemu>,
}

/// Each version but the one that all other tests run on.
pub(crate) fn offered() -> Vec<Offered> {
    let installed = system::find("qemu-system-x86_64").and_then(|file| version(Command::new(file)));
    let mut offered = Vec::new();
    for &(name, suite) in SUITES {
        // The newest of a week ago is not downloaded again to be left out.
        if installed.as_deref().is_some_and(|version| version.starts_with(&format!("{name}."))) {
            continue;
        }
        let qemu = unpacked(suite);
        if qemu.as_ref().ok().is_none_or(|qemu| installed.as_ref() != Some(&qemu.version)) {
            offered.push(Offered { name, suite, qemu });
        }
    }
    offered
}

/// The short list on each of these; what cannot be had is named.
pub(crate) fn short(offered: &[Offered], tally: &mut Tally, skipped: &mut Vec<String>) -> Result {
    for Offered { name, suite, qemu } in offered {
        match qemu {
            Ok(qemu) => {
                println!("QEMU {} of {suite}: {} tests on each engine", qemu.version, SHORT.len());
                let short = run(qemu, SHORT)?;
                // A name that matches no test passes in silence.
                if short.ran() != 2 * SHORT.len() {
                    return Err(format!(
                        "{} tests ran of the {} on the short list",
                        short.ran(),
                        2 * SHORT.len()
                    ));
                }
                tally.add(short, &format!("QEMU {}", qemu.version));
            }
            Err(error) => skipped.push(format!("QEMU {name}: {error}")),
        }
    }
    Ok(())
}

fn run(qemu: &Qemu, names: &[&str]) -> Result<Tally> {
    let on_kvm: Vec<String> = names.iter().map(|name| name.replace("::tcg::", "::kvm::")).collect();
    let names: Vec<&str> = names.iter().copied().chain(on_kvm.iter().map(String::as_str)).collect();
    // Of the workspace: with the features of pyro-cli alone cargo would build most of it anew.
    test::run_settled(&["--workspace", "--test", "guest"], &names, &[("PYRO_QEMU", &qemu.setting)])
}

/// The QEMU of a Debian release, unpacked where it is not there yet.
fn unpacked(suite: &str) -> Result<Qemu> {
    let root = cargo::products("tmp")?.join("qemu").join(suite);
    if (suite != "sid" || is_young(&root))
        && let Some(qemu) = look(&root)
    {
        return Ok(qemu);
    }
    match unpack(suite, &root) {
        Ok(()) => look(&root)
            .ok_or_else(|| format!("{suite}'s QEMU does not start from {}", root.display())),
        // Last week's newest tells more than none.
        Err(error) => look(&root).ok_or(error),
    }
}

fn is_young(root: &Path) -> bool {
    let modified = fs::metadata(root.join(STAMP)).and_then(|meta| meta.modified()).ok();
    modified.and_then(|at| at.elapsed().ok()).is_some_and(|age| age < NEWEST_FOR)
}

fn look(root: &Path) -> Option<Qemu> {
    let executable = root.join("usr/bin/qemu-system-x86_64");
    let libraries =
        ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"].map(|name| root.join(name));
    let libraries: Vec<PathBuf> =
        libraries.into_iter().filter(|directory| directory.is_dir()).collect();
    let loader = libraries
        .iter()
        .map(|directory| directory.join("ld-linux-x86-64.so.2"))
        .find(|file| file.is_file())?;
    let paths = std::env::join_paths(&libraries).ok()?;
    let mut command = Command::new(loader);
    command.args(["--inhibit-cache", "--library-path"]).arg(&paths).arg(&executable);
    let mut setting = executable.into_os_string();
    setting.push(":");
    setting.push(&paths);
    Some(Qemu { version: version(command)?, setting })
}

/// `10.0.13`, as `--version` says it.
fn version(mut command: Command) -> Option<String> {
    let out = command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    Some(text.strip_prefix("QEMU emulator version ")?.split_whitespace().next()?.to_owned())
}

/// Unpack the packages of a release's QEMU and all that they need, without installing any.
fn unpack(suite: &str, root: &Path) -> Result {
    eprintln!("xtask: unpacking {suite}'s QEMU into {}", root.display());
    let above = root.parent().ok_or("no folder for QEMU")?;
    let failed = |error: std::io::Error| format!("cannot fill {}: {error}", root.display());
    fs::create_dir_all(above).map_err(failed)?;
    let (archive, fresh) = (above.join(format!("{suite}.tar")), above.join(format!("{suite}.new")));
    // An archive, for only as one can mmdebstrap make it for a user who is not root.
    let mut make = Command::new("mmdebstrap");
    make.args([
        "--variant=extract",
        "--include=qemu-system-x86",
        "--skip=check/empty",
        "--format=tar",
    ]);
    // The archive's signature holds; its date may be behind, or this machine's clock ahead.
    make.arg("--aptopt=Acquire::Check-Valid-Until \"false\"")
        .arg(suite)
        .arg(&archive)
        .args(mirror());
    let made = crate::quietly(&mut make);
    let _ = fs::remove_dir_all(&fresh);
    let unpacked = made.and_then(|()| fs::create_dir_all(&fresh).map_err(failed)).and_then(|()| {
        let mut tar = Command::new("tar");
        tar.arg("-xf")
            .arg(&archive)
            .arg("-C")
            .arg(&fresh)
            .args(["--exclude=./dev", "--no-same-owner"]);
        crate::quietly(&mut tar)
    });
    let _ = fs::remove_file(&archive);
    unpacked?;
    fs::write(fresh.join(STAMP), "").map_err(failed)?;
    let _ = fs::remove_dir_all(root);
    fs::rename(&fresh, root).map_err(failed)
}

/// Where Debian's packages come from, for mmdebstrap: what pyro is told too, else the default.
pub(crate) fn mirror() -> Option<OsString> {
    std::env::var_os("PYRO_MIRROR").filter(|mirror| !mirror.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{SHORT, look};
    use std::path::Path;

    #[test]
    fn the_short_list_names_tests_of_each_engine() {
        assert!(SHORT.iter().all(|name| name.matches("::tcg::").count() == 1));
        assert!(look(Path::new("/no/such/folder")).is_none());
    }
}
