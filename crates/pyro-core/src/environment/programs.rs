//! Programs that an environment lacks and another has.

use super::catalog::catalog;
use super::reference::Environment;

/// The programs of packages that users name.
const PROGRAMS: [(&str, &[&str]); 12] = [
    ("cmake", &["cmake", "ctest", "cpack"]),
    ("curl", &["curl"]),
    ("file", &["file"]),
    ("g++", &["g++", "c++"]),
    // With the assembler and the linker that it needs.
    ("gcc", &["gcc", "cc", "cpp", "gcov", "ar", "as", "ld", "nm", "objdump", "readelf", "strip"]),
    ("git", &["git"]),
    ("less", &["less"]),
    ("make", &["make"]),
    ("openssh-client", &["ssh", "scp", "sftp", "ssh-keygen"]),
    ("patch", &["patch"]),
    ("procps", &["free", "pgrep", "pkill", "ps", "top", "uptime", "watch"]),
    ("xz-utils", &["xz", "unxz", "xzcat"]),
];

/// The package of Python, which has its program under one name only.
const PYTHON: &str = "python3";

/// The program that a shell did not find in the environment of this name, and an environment that
/// has it. `stderr` is what a command printed that ended with status 127.
#[must_use]
pub fn find_missing_program(
    environment: &str,
    stderr: &str,
) -> Option<(&'static str, Environment)> {
    let here = Environment::find(environment).ok()?;
    let (package, program) = stderr.lines().rev().filter_map(missing).find_map(known)?;
    let has = |environment: &Environment| environment.packages().iter().any(|held| held == package);
    if has(&here) {
        return None;
    }
    catalog().into_iter().find(has).map(|other| (program, other))
}

/// The program that a line says is missing: `sh: 1: gcc: not found`, `bash: line 1: gcc: command
/// not found` or `env: 'gcc': No such file or directory`.
fn missing(line: &str) -> Option<&str> {
    let line = line.trim_end();
    let of_shell =
        line.strip_suffix(": not found").or_else(|| line.strip_suffix(": command not found"));
    let of_env =
        || line.strip_suffix(": No such file or directory").filter(|line| line.contains("env: "));
    let name = of_shell.or_else(of_env)?.rsplit(": ").next()?;
    let name = name.trim_matches(['\'', '"', '\u{2018}', '\u{2019}']);
    name.rsplit('/').next()
}

/// The package and the program of this name.
fn known(program: &str) -> Option<(&'static str, &'static str)> {
    if matches!(program, "python" | PYTHON) {
        return Some((PYTHON, PYTHON));
    }
    let find = |(package, programs): &(&'static str, &'static [&'static str])| {
        programs.iter().find(|known| **known == program).map(|known| (*package, *known))
    };
    PROGRAMS.iter().find_map(find)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_another_environment_is_found() {
        for (environment, stderr, found) in [
            ("debian:12", "sh: 1: python3: not found\n", Some(("python3", "debian:12-build"))),
            (
                "debian:12",
                "bash: line 1: python: command not found\n",
                Some(("python3", "debian:12-build")),
            ),
            (
                "debian:12",
                "noise\nenv: \u{2018}gcc\u{2019}: No such file or directory",
                Some(("gcc", "debian:12-build")),
            ),
            (
                "debian:12",
                "/usr/bin/env: 'make': No such file or directory",
                Some(("make", "debian:12-build")),
            ),
            ("debian:12-base", "-sh: 1: git: not found", Some(("git", "debian:12"))),
            (
                "debian:12-base",
                "./run.sh: 3: /usr/bin/cc: not found\nand more\n",
                Some(("cc", "debian:12-build")),
            ),
            ("debian:12-build", "sh: 1: python: not found", None),
            ("debian:12-build", "sh: 1: python3: not found", None),
            ("debian:12", "sh: 1: cargo: not found", None),
            ("debian:12", "cat: gcc: No such file or directory", None),
            ("debian:12", "", None),
            ("unknown", "sh: 1: python3: not found", None),
        ] {
            let named = find_missing_program(environment, stderr);
            let named = named.as_ref().map(|(program, other)| (*program, other.name.as_str()));
            assert_eq!(named, found, "{environment}: {stderr}");
        }
    }

    #[test]
    fn what_an_environment_is_chosen_for_is_known() {
        for package in catalog().into_iter().flat_map(|environment| environment.default_packages) {
            let always = ["bash", "coreutils", PYTHON].contains(&package.as_str());
            let is_known = always || PROGRAMS.iter().any(|(known, _)| *known == package);
            assert!(is_known, "{package}");
        }
    }
}
