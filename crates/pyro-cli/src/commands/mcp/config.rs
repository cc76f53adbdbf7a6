//! `pyro mcp config`: what makes a host start this server.

use super::failure::fail;
use super::project::here;
use crate::cli::McpConfig;
use crate::{exit, printer};
use pyro_core::host_files::{self, FsError, Readers, rewrite};
use pyro_mcp::hosts::{Folders, Host, Launch, MergeError};
use std::io;
use std::path::{Path, PathBuf};

/// Longest settings file that is changed, in bytes.
const LONGEST: u64 = 8 * 1024 * 1024;

/// Why the file was not written.
#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error("cannot change {}", .0.display())]
    Merge(PathBuf, #[source] MergeError),
    #[error("{} is no text", .0.display())]
    NoText(PathBuf),
    #[error(transparent)]
    Files(#[from] FsError),
    #[error("cannot tell where this program lies, or where it runs")]
    Own(#[from] io::Error),
}

pub(super) fn run(args: &McpConfig) -> i32 {
    match configure(args) {
        Ok(()) => exit::OK,
        Err(error) => {
            fail(&error, &format!("add by hand what is printed by: pyro mcp config {}", args.host))
        }
    }
}

fn configure(args: &McpConfig) -> Result<(), ConfigError> {
    let Some(host) = Host::parse(&args.host) else { unreachable!("clap knows the hosts") };
    let file = host.file(&folders()?);
    let mut words = ["mcp", "serve", "--profile", &args.profile].map(str::to_owned).to_vec();
    if !host.starts_in_project() {
        match here() {
            Some(project) => {
                words.extend(["--allow-path".to_owned(), project.display().to_string()])
            }
            None => printer::talk(
                "[mcp] no host path is granted: run this in the directory that the model may use",
            ),
        }
    }
    let launch = Launch { program: program(host)?, args: words };
    let merge = |old: &str| {
        host.merged(old, &launch).map_err(|error| ConfigError::Merge(file.clone(), error))
    };
    if !args.write {
        printer::talk(&format!(
            "[mcp] add this to {}, or run again with --write, which keeps the rest of the file",
            file.display()
        ));
        printer::data(merge("")?.trim_end());
        return Ok(());
    }
    let old = text(&file)?;
    let new = merge(&old)?;
    if new == old {
        printer::talk(&format!("[mcp] {} starts this server already", file.display()));
        return Ok(());
    }
    let readers = if host.is_shared() { Readers::All } else { Readers::User };
    rewrite(&file, new.as_bytes(), readers)?;
    printer::talk(&format!("[mcp] written: {}", file.display()));
    Ok(())
}

/// What the host starts: a file that others have too names no path of this machine.
fn program(host: Host) -> Result<String, ConfigError> {
    const NAME: &str = "pyro";
    let own = std::env::current_exe()?;
    if !host.is_shared() {
        return Ok(own.display().to_string());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|directory| directory.join(NAME).is_file()) {
        let here = own.parent().unwrap_or(Path::new("/")).display();
        printer::talk(&format!(
            "warning: no pyro is on your PATH, from which the host starts it; add {here} to it"
        ));
    }
    Ok(NAME.to_owned())
}

/// What the file holds; nothing where there is none.
fn text(file: &Path) -> Result<String, ConfigError> {
    match host_files::read_bounded(file, LONGEST) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| ConfigError::NoText(file.to_owned())),
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error.into()),
    }
}

fn folders() -> Result<Folders, ConfigError> {
    let variable =
        |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("HOME")
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "HOME is not set"))?;
    let config = variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
    Ok(Folders { config, project: std::env::current_dir()?, home })
}
