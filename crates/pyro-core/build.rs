//! Builds the guest's agent and tells core where it lies, packed (`PYRO_AGENT_PATH`), so that `pyro`
//! is one file to install.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a build script reads what cargo says in the environment and answers on stdout"
)]

use flate2::Compression;
use flate2::write::ZlibEncoder;
use sha2::{Digest, Sha256};
use std::env::{self, VarError};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Static by nature, and half the size of the other.
const MUSL: &str = "x86_64-unknown-linux-musl";
/// Where musl's target is not installed: static too, when asked.
const GNU: &str = "x86_64-unknown-linux-gnu";

/// What the agent is made of, from the root of the work tree.
const SOURCES: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "crates/pyro-agent/Cargo.toml",
    "crates/pyro-agent/src",
    "crates/pyro-protocol/Cargo.toml",
    "crates/pyro-protocol/src",
    "crates/pyro-tree/Cargo.toml",
    "crates/pyro-tree/src",
];

/// What cargo, clippy and coverage tools tell the compiler about core; said of the agent it would
/// be wrong, or would build it anew each time. `CARGO_MAKEFLAGS` stays: both cargos share one set
/// of jobs.
const NOT_FOR_THE_AGENT: &[&str] = &[
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "LLVM_PROFILE_FILE",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
];

fn main() {
    match build() {
        Ok((agent, digest)) => {
            println!("cargo::rustc-env=PYRO_AGENT_PATH={}", agent.display());
            println!("cargo::rustc-env=PYRO_AGENT_DIGEST={digest}");
        }
        Err(message) => println!("cargo::error={message}"),
    }
}

fn build() -> Result<(PathBuf, String), String> {
    let root = variable("CARGO_MANIFEST_DIR")?.join("../..");
    let root = root
        .canonicalize()
        .map_err(|error| format!("no work tree at {}: {error}", root.display()))?;
    println!("cargo::rerun-if-changed=build.rs");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }

    let out = variable("OUT_DIR")?;
    let target_dir = agent_target_dir(&out)?;
    let rustc = variable("RUSTC")?;
    let target = [MUSL, GNU].into_iter().find(|target| is_installed(&rustc, target)).ok_or_else(|| {
        format!("the guest's agent needs the Rust target {MUSL} (or {GNU}): rustup target add {MUSL}")
    })?;

    let mut cargo = Command::new(variable("CARGO")?);
    cargo.args([
        "build",
        "--locked",
        "--package",
        "pyro-agent",
        "--profile",
        "agent",
        "--target",
        target,
    ]);
    cargo.arg("--target-dir").arg(&target_dir).current_dir(&root).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        // All that cargo says of core's own package; `RUSTC` stays, so that both have one compiler.
        let says_core = |name: &str| {
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CFG_", "CARGO_FEATURE_"]
                .iter()
                .any(|start| name.starts_with(start))
        };
        if name.to_str().is_some_and(|name| says_core(name) || NOT_FOR_THE_AGENT.contains(&name)) {
            cargo.env_remove(name);
        }
    }
    if target == GNU {
        cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static");
    }
    // Stdout is where cargo listens to this script.
    let status = cargo
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if !status.success() {
        return Err(format!(
            "the guest's agent does not build for {target} ({status}); cargo's words are above"
        ));
    }

    // A copy of one's own: another profile's build may replace the shared file while core reads it.
    let built = target_dir.join(target).join("agent/pyro-agent");
    let agent = out.join("pyro-agent");
    let bytes =
        fs::read(&built).map_err(|error| format!("cannot read {}: {error}", built.display()))?;
    fs::write(&agent, pack(&bytes).map_err(|error| format!("cannot pack the agent: {error}"))?)
        .map_err(|error| format!("cannot write {}: {error}", agent.display()))?;
    Ok((agent, hex::encode(Sha256::digest(&bytes))))
}

/// Half as long in `pyro`; a guest from a template, and so nearly every start, does not need it.
fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes)?;
    packed.finish()
}

/// One folder for all profiles of core, and not core's own: cargo holds a lock on that one while
/// this script runs.
fn agent_target_dir(out: &Path) -> Result<PathBuf, String> {
    // <target>[/<triple>]/<profile>/build/pyro-core-<hash>/out
    let above = out.ancestors().nth(4).ok_or_else(|| format!("{} is no OUT_DIR", out.display()))?;
    let triple = variable("TARGET")?;
    let target = if above.ends_with(&triple) { above.parent().unwrap_or(above) } else { above };
    Ok(target.join("agent"))
}

fn is_installed(rustc: &Path, target: &str) -> bool {
    let printed =
        Command::new(rustc).args(["--print", "target-libdir", "--target", target]).output();
    printed.is_ok_and(|out| {
        out.status.success() && Path::new(String::from_utf8_lossy(&out.stdout).trim()).is_dir()
    })
}

fn variable(name: &str) -> Result<PathBuf, String> {
    match env::var(name) {
        Ok(value) => Ok(value.into()),
        Err(VarError::NotPresent) => {
            Err(format!("{name} is not set: this is cargo's build script"))
        }
        Err(VarError::NotUnicode(value)) => Ok(value.into()),
    }
}
