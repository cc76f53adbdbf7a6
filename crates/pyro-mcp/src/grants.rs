//! What the person who started the server granted to the model: paths, network, the host.

use crate::refusal::Refusal;
use pyro_core::{ErrorKind, HostPath, Id, Pyro, printable};
use rmcp::model::JsonObject;
use serde_json::Value;
use std::path::{Component, Path, PathBuf};

/// What calls may reach; everything else is denied.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// Host directories that a tool's arguments may name, with what lies below. A [`crate::Server`]
    /// takes them without links, as they are when it is made.
    pub paths: Vec<PathBuf>,
    /// Host directories that no export replaces, nor what holds one, granted or not.
    pub kept: Vec<PathBuf>,
    /// Whether the client's own roots are such directories too: it runs on this host, as the user
    /// who granted the others.
    pub client_roots: bool,
    /// Whether a guest may have a network.
    pub network: bool,
    /// Whether a command may run on the host where no guest can.
    pub host_compat: bool,
}

/// What a call starts, or runs a command in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Runs {
    Vm(Id),
    Workspace(Id),
}

impl Grants {
    /// Say in a tool's parameters what a call may ask for.
    pub(crate) fn describe(&self, parameters: &mut JsonObject) {
        let Some(properties) = parameters.get_mut("properties").and_then(Value::as_object_mut)
        else {
            return;
        };
        let on_host = if self.host_compat {
            "Run on the host, as the user, where no vm can start"
        } else {
            "Not granted"
        };
        for (name, told) in [("network", "Not built yet"), ("allow_host_compat", on_host)] {
            if let Some(property) = properties.get_mut(name).and_then(Value::as_object_mut) {
                property.insert("description".to_owned(), told.into());
            }
        }
    }

    /// The directories of the host that a call may name, in words; a model cannot find them out
    /// otherwise.
    pub(crate) fn told_paths(&self) -> String {
        /// More would take room that a model needs, and no user grants them.
        const MOST: usize = 8;
        let shown = |path: &PathBuf| printable(path.as_os_str().as_encoded_bytes());
        let mut paths: Vec<String> = self.paths.iter().take(MOST).map(shown).collect();
        if self.paths.len() > MOST {
            paths.push(format!("{} more", self.paths.len() - MOST));
        }
        if self.client_roots {
            paths.push("the client's roots".to_owned());
        }
        if paths.is_empty() { "none".to_owned() } else { paths.join(", ") }
    }

    /// Let a call have what it asks for.
    ///
    /// # Errors
    /// `denied`; whoever was not granted the host is never told of the flag that grants it.
    pub(crate) fn check(&self, network: bool, host_compat: bool) -> Result<(), Refusal> {
        // No flag helps before there is a network.
        if network && !self.network {
            let told = "guests have no network: it is not built yet";
            return Err(Refusal::new(ErrorKind::Denied, told).hint("leave network out"));
        }
        if host_compat && !self.host_compat {
            let told = "allow_host_compat is not granted to this server";
            return Err(Refusal::new(ErrorKind::Denied, told).hint("leave allow_host_compat out"));
        }
        Ok(())
    }

    /// Let a call start something that was made before, by whomever, or run a command in it.
    ///
    /// # Errors
    /// `denied`; whatever core tells when its records cannot be read.
    pub(crate) async fn running(&self, pyro: &Pyro, what: Runs) -> Result<(), Refusal> {
        if self.host_compat {
            return Ok(());
        }
        let (name, id, on_host) = match what {
            Runs::Vm(id) => ("vm", id, pyro.is_vm_on_host(id).await?),
            Runs::Workspace(id) => ("workspace", id, pyro.is_workspace_on_host(id).await?),
        };
        if !on_host {
            return Ok(());
        }
        let told = format!(
            "{name} {id} runs its commands on the host, which is not granted to this server"
        );
        Err(Refusal::new(ErrorKind::Denied, told).hint(format!("create another {name}")))
    }

    /// These grants with their directories as they are now: what takes the place of one later is
    /// not granted.
    pub(crate) fn settled(mut self) -> Self {
        self.paths = self.paths.iter().filter_map(|root| root.canonicalize().ok()).collect();
        self
    }

    /// The path without links and `..`, where it lies below a granted directory; what does not
    /// exist yet is judged by the nearest directory above it that does. What is there may be
    /// another when the path is used, so it is walked through no link then.
    ///
    /// # Errors
    /// `denied`, naming the flag; `not_found` for a link that leads nowhere.
    pub fn path(&self, asked: &Path) -> Result<HostPath, Refusal> {
        let real = real(asked).ok_or_else(|| {
            Refusal::new(
                ErrorKind::NotFound,
                format!("{} does not exist on the host", asked.display()),
            )
            .hint("check the path on the host")
        })?;
        if self.paths.iter().any(|root| real.starts_with(root)) {
            return Ok(HostPath::judged(real).granted(&self.paths));
        }
        let shown = real.display();
        Err(Refusal::new(
            ErrorKind::Denied,
            format!("host path {shown} is not granted to this server"),
        )
        .hint(format!(
            "granted are: {}; for others ask the user to start the server with --allow-path DIR",
            self.told_paths()
        )))
    }
}

/// The directory of a project that work is done in, where nobody names one: neither `/` nor the
/// home nor what holds it, in which hosts start servers that belong to no project.
#[must_use]
pub fn project(directory: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let (directory, home) = (directory.canonicalize().ok()?, home?.canonicalize().ok()?);
    (!home.starts_with(&directory)).then_some(directory)
}

/// The path without links and `..`; of what does not exist yet, as far as it does. None for a link
/// that leads nowhere.
pub(crate) fn real(asked: &Path) -> Option<PathBuf> {
    if let Ok(real) = asked.canonicalize() {
        return Some(real);
    }
    let name =
        asked.components().next_back().filter(|last| matches!(last, Component::Normal(_)))?;
    // A link that leads nowhere would lead out once its target exists.
    if asked.is_symlink() {
        return None;
    }
    // What is named alone lies where the server works.
    let above =
        asked.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(real(above)?.join(name))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test makes files")]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_granted_is_denied_and_left_out() {
        for (network, host_compat, hint) in
            [(true, false, "leave network out"), (false, true, "leave allow_host_compat out")]
        {
            let refusal = Grants::default().check(network, host_compat).unwrap_err();
            let told = serde_json::to_value(&refusal).unwrap();
            assert_eq!(
                (&told["kind"], &told["hint"]),
                (&Value::from("denied"), &Value::from(hint))
            );
        }
        let all = Grants { network: true, host_compat: true, ..Grants::default() };
        assert!(all.check(true, true).is_ok() && Grants::default().check(false, false).is_ok());
    }

    #[test]
    fn neither_the_home_nor_what_holds_it_is_a_project() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        std::fs::create_dir(home.join("work")).unwrap();
        std::os::unix::fs::symlink(&home, home.join("link")).unwrap();
        for directory in [
            Path::new("/"),
            home.parent().unwrap(),
            &home,
            &home.join("link"),
            &home.join("nothing"),
        ] {
            assert_eq!(project(directory, Some(&home)), None, "{}", directory.display());
        }
        for directory in [home.join("work"), "/usr".into()] {
            assert_eq!(project(&directory, Some(&home)), Some(directory));
        }
        assert_eq!(project(&home.join("work"), None), None, "nobody knows which the home is");
    }

    #[test]
    fn only_what_lies_below_a_granted_directory_is_allowed() {
        let home = tempfile::tempdir().unwrap();
        let (granted, other) = (home.path().join("granted"), home.path().join("other"));
        for directory in [&granted, &other] {
            std::fs::create_dir(directory).unwrap();
        }
        std::fs::write(other.join("secret"), "").unwrap();
        std::os::unix::fs::symlink(&other, granted.join("out")).unwrap();
        std::os::unix::fs::symlink(other.join("later"), granted.join("dangling")).unwrap();
        let grants = Grants { paths: vec![granted.clone()], ..Grants::default() }.settled();
        assert!(grants.path(&granted.join("new file")).is_ok());
        assert!(grants.path(&granted).is_ok());
        assert_eq!(
            grants.path(&granted.join("new/and/newer")).unwrap().as_path(),
            granted.canonicalize().unwrap().join("new/and/newer")
        );
        for outside in [
            "out/secret",
            "out/new",
            "../other/secret",
            "dangling",
            "dangling/new",
            "..",
            "new/../../other/x",
            "out/a/b",
        ] {
            assert!(grants.path(&granted.join(outside)).is_err(), "{outside}");
        }
        let told = serde_json::to_value(grants.path(&other.join("secret")).unwrap_err()).unwrap();
        let hint = told["hint"].as_str().unwrap();
        assert!(told["kind"] == "denied" && hint.contains("--allow-path"), "{told}");
        assert!(
            hint.contains(&format!("granted are: {};", granted.canonicalize().unwrap().display())),
            "{told}"
        );
        // A link that takes a granted directory's place grants nothing.
        std::fs::rename(&granted, home.path().join("moved")).unwrap();
        std::os::unix::fs::symlink(&other, &granted).unwrap();
        assert!(grants.path(&granted.join("secret")).is_err());
    }
}
