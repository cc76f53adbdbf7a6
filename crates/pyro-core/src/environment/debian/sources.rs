//! Where packages come from: the host's own mirror and proxy settings, a mirror that the user
//! names, or Debian's.

use std::path::Path;
use std::time::Duration;

use super::super::error::EnvironmentError;
use super::super::progress::Progress;
use super::prerequisites::{KEYRING, Tools};
use crate::host::program::{Program, ProgramError};

const DEBIAN: &str = "http://deb.debian.org/debian";
/// How long apt waits for a mirror to say anything while it is only asked whether it is there.
const ANSWER_SECONDS: u32 = 5;
/// How long the whole question may take; a name with many addresses is tried at each.
const CHECK_LIMIT: Duration = Duration::from_secs(15);
const SETTINGS_LIMIT: Duration = Duration::from_secs(20);
const SETTINGS_BYTES: usize = 4 << 20;
/// What apt is told before the host's own settings, which win. No sandbox user: in a private
/// directory it could not read anything.
const APT_SETTINGS: &str = "APT::Sandbox::User \"root\";\nAcquire::http::Timeout \"20\";\n\
    Acquire::https::Timeout \"20\";\nAcquire::Retries \"3\";\nAcquire::Languages \"none\";\n";

/// One line of a sources list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    uri: String,
    suite: String,
    signed_by: Option<String>,
}

/// The packages' origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sources {
    list: Vec<Source>,
    /// How many of the list must answer; the others are left out when they do not.
    required: usize,
}

impl Sources {
    /// The sources for a release: `mirror` where it is given, else the host's own, else Debian's.
    pub(super) async fn choose(
        tools: &Tools,
        mirror: Option<&str>,
        suite: &str,
    ) -> Result<Self, EnvironmentError> {
        if let Some(mirror) = mirror {
            return Self::from_mirror(mirror, suite);
        }
        let format =
            "$(CREATED_BY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ARCHITECTURE)|$(SIGNED_BY)";
        let ask = Program::new(&tools.apt_get).args(["indextargets", "--format", format]);
        let targets = ask
            .env("LC_ALL", "C.UTF-8")
            .output(SETTINGS_LIMIT, SETTINGS_BYTES)
            .await
            .unwrap_or_default();
        match Self::from_host(&String::from_utf8_lossy(&targets), suite) {
            Some(sources) => Ok(sources),
            None => Self::from_mirror(DEBIAN, suite)
                .map(|sources| Self { required: sources.list.len(), ..sources }),
        }
    }

    /// What `apt-get indextargets` says of a release on this host; `None` where the host does not
    /// have it.
    fn from_host(targets: &str, suite: &str) -> Option<Self> {
        let mut list = Vec::new();
        for line in targets.lines() {
            let fields: Vec<&str> = line.split('|').collect();
            let ["Packages", uri, release, "main", "amd64", signed_by] = fields[..] else {
                continue;
            };
            let signed_by = Some(signed_by)
                .filter(|key| key.starts_with('/') && is_plain(key))
                .map(str::to_owned);
            let wanted = release
                .strip_prefix(suite)
                .is_some_and(|rest| matches!(rest, "" | "-updates" | "-security"));
            if wanted && is_address(uri) {
                let uri = uri.trim_end_matches('/').to_owned();
                list.push(Source { uri, suite: release.to_owned(), signed_by });
            }
        }
        list.dedup();
        let has_release = list.iter().any(|source| source.suite == suite);
        has_release.then_some(Self { required: list.len(), list })
    }

    /// A mirror's three parts. Not every mirror has updates and security; its security part, where
    /// it has one, is its neighbour.
    fn from_mirror(mirror: &str, suite: &str) -> Result<Self, EnvironmentError> {
        let uri = mirror.trim_end_matches('/');
        if !is_address(uri) {
            return Err(EnvironmentError::InvalidMirror { mirror: mirror.to_owned() });
        }
        let source = |uri: String, part: &str| Source {
            uri,
            suite: format!("{suite}{part}"),
            signed_by: None,
        };
        let list = vec![
            source(uri.to_owned(), ""),
            source(uri.to_owned(), "-updates"),
            source(format!("{uri}-security"), "-security"),
        ];
        Ok(Self { list, required: 1 })
    }

    /// Ask each source whether it answers, with apt's own means; those that need not and do not are
    /// left out.
    ///
    /// # Errors
    /// [`EnvironmentError::MirrorUnreachable`].
    pub(super) async fn check(
        &mut self,
        tools: &Tools,
        scratch: &Path,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), EnvironmentError> {
        let mut answering = Vec::new();
        for (index, source) in self.list.iter().enumerate() {
            match answers(tools, source, scratch).await {
                Ok(()) => answering.push(source.clone()),
                Err(reason) if index < self.required => {
                    return Err(EnvironmentError::MirrorUnreachable {
                        mirror: without_user(&source.uri),
                        reason,
                    });
                }
                Err(reason) => progress(Progress::Line(format!(
                    "{} {} is left out: {reason}",
                    without_user(&source.uri),
                    source.suite
                ))),
            }
        }
        self.list = answering;
        self.required = self.list.len();
        Ok(())
    }

    /// The list that packages are installed by; each source names the keys that it must be signed
    /// with.
    pub(super) fn apt_list(&self) -> String {
        let line = |source: &Source| {
            let key = source.signed_by.as_deref().unwrap_or(KEYRING);
            format!("deb [signed-by={key}] {} {} main\n", source.uri, source.suite)
        };
        self.list.iter().map(line).collect()
    }

    /// The list that the guest is left with: no user names and passwords, no keys of the host's.
    pub(super) fn guest_list(&self) -> String {
        self.list
            .iter()
            .map(|source| format!("deb {} {} main\n", without_user(&source.uri), source.suite))
            .collect()
    }

    /// The mirror, for people.
    pub(super) fn mirror(&self) -> String {
        self.list.first().map(|source| without_user(&source.uri)).unwrap_or_default()
    }

    /// Where an image came from, for its record.
    pub(super) fn label(&self, suite: &str) -> String {
        let mirror = self.mirror();
        format!(
            "debian://{}/{suite}",
            mirror.split_once("://").map_or(mirror.as_str(), |(_, rest)| rest)
        )
    }
}

/// Fetch a source's signed index; the reason where that fails.
async fn answers(tools: &Tools, source: &Source, scratch: &Path) -> Result<(), String> {
    let uri = format!("{}/dists/{}/InRelease", source.uri, source.suite);
    let target = scratch.join("InRelease");
    let mut reason = String::new();
    let program = Program::new(&tools.apt_helper)
        .args(["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=0"])
        .args(["http", "https"].iter().flat_map(|method| {
            ["-o".to_owned(), format!("Acquire::{method}::Timeout={ANSWER_SECONDS}")]
        }))
        .args(["download-file", &uri])
        .args([target.as_os_str()])
        .env("LC_ALL", "C.UTF-8");
    let mut on_line = |line: &str| {
        if let Some(said) = line.strip_prefix("E: Failed to fetch ") {
            said.split_once(' ').map_or(said, |(_, why)| why).trim().clone_into(&mut reason);
        }
    };
    let run = program.run(CHECK_LIMIT, &mut on_line);
    let ended = tokio::time::timeout(CHECK_LIMIT, run).await;
    let result = match ended {
        Err(_) => Err(format!("no answer within {} seconds", CHECK_LIMIT.as_secs())),
        Ok(Ok(())) => Ok(()),
        Ok(Err(ProgramError::Failed { .. })) if !reason.is_empty() => Err(reason),
        Ok(Err(error)) => Err(error.to_string()),
    };
    let _ = crate::host::fs::remove_file(&target);
    result
}

/// What apt is told inside: our limits, then what the host's own configuration says about fetching.
pub(super) async fn apt_settings(tools: &Tools) -> Result<String, ProgramError> {
    let dump = Program::new(&tools.apt_config).args(["dump"]).env("LC_ALL", "C.UTF-8");
    let dump = dump.output(SETTINGS_LIMIT, SETTINGS_BYTES).await?;
    let mut settings = APT_SETTINGS.to_owned();
    settings += &fetching(&String::from_utf8_lossy(&dump));
    // Passwords for mirrors and proxies; apt looks for them beneath the new system otherwise.
    for (key, path) in [("netrc", "/etc/apt/auth.conf"), ("netrcparts", "/etc/apt/auth.conf.d")] {
        if crate::host::fs::open(Path::new(path)).is_ok() {
            settings += &format!("Dir::Etc::{key} \"{path}\";\n");
        }
    }
    Ok(settings)
}

/// Of `apt-config dump`, how the host fetches: proxies, certificates, addresses, dates.
fn fetching(dump: &str) -> String {
    let kept = [
        "http",
        "https",
        "ftp",
        "socks",
        "Check-Date",
        "Check-Valid-Until",
        "ForceIPv",
        "Proxy-Auto-Detect",
    ];
    let is_kept = |line: &&str| {
        let rest = line.strip_prefix("Acquire::");
        rest.is_some_and(|rest| {
            kept.iter().any(|key| rest.starts_with(key)) && !line.ends_with("\"\";")
        })
    };
    dump.lines().filter(is_kept).map(|line| format!("{line}\n")).collect()
}

/// An address that can stand in a sources list without changing it.
fn is_address(uri: &str) -> bool {
    let host = uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://"));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with('/')) && is_plain(uri)
}

fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '[' | ']' | '"' | '\'' | '\\' | '#'))
}

/// An address without the name and password that may stand in it.
fn without_user(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    format!("{scheme}://{}{path}", host.rsplit('@').next().unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_sources_are_used_where_it_has_the_release() {
        let targets = "\
Packages|http://mirror.lan/debian/|bookworm|main|amd64|/etc/apt/keys/lan.gpg
DEP-11|http://mirror.lan/debian/|bookworm|main|amd64|
Packages|http://mirror.lan/debian/|bookworm|contrib|amd64|
Packages|http://mirror.lan/debian/|bookworm-backports|main|amd64|
Packages|http://u:p@mirror.lan/sec/|bookworm-security|main|amd64|$(SIGNED_BY)
Packages|https://deb.nodesource.com/node_20.x/|nodistro|main|amd64|
Packages|cdrom://disc/|bookworm|main|amd64|
";
        let sources = Sources::from_host(targets, "bookworm").unwrap();
        assert_eq!(
            sources.apt_list(),
            format!(
                "deb [signed-by=/etc/apt/keys/lan.gpg] http://mirror.lan/debian bookworm main\n\
                 deb [signed-by={KEYRING}] http://u:p@mirror.lan/sec bookworm-security main\n"
            )
        );
        let guest = "deb http://mirror.lan/debian bookworm main\ndeb http://mirror.lan/sec bookworm-security main\n";
        assert_eq!(sources.guest_list(), guest);
        assert_eq!(sources.label("bookworm"), "debian://mirror.lan/debian/bookworm");
        assert_eq!(Sources::from_host(targets, "trixie"), None);
        assert_eq!(Sources::from_host("Packages|http://a/|noble|main|amd64|\n", "bookworm"), None);
    }

    #[test]
    fn a_mirror_is_an_address_and_nothing_more() {
        let sources = Sources::from_mirror("http://m.example/debian/", "bookworm").unwrap();
        assert_eq!((sources.list.len(), sources.required), (3, 1));
        assert_eq!(sources.list[2].uri, "http://m.example/debian-security");
        for mirror in [
            "",
            "m.example",
            "http://",
            "http:///x",
            "ftp://m",
            "http://m d",
            "http://m\ndeb",
            "http://m][",
        ] {
            let refused = Sources::from_mirror(mirror, "bookworm");
            assert!(matches!(refused, Err(EnvironmentError::InvalidMirror { .. })), "{mirror}");
        }
    }

    #[test]
    fn the_hosts_way_of_fetching_is_kept_and_nothing_else() {
        let dump = "APT::Get::Assume-Yes \"true\";\nAcquire::http \"\";\nAcquire::http::Proxy \"http://p:3142\";\n\
            Acquire::https::CaInfo \"/etc/ca.pem\";\nAcquire::IndexTargets::deb \"x\";\n\
            Acquire::Check-Valid-Until \"false\";\nDPkg::Post-Invoke:: \"rm -rf /\";\n";
        assert_eq!(
            fetching(dump),
            "Acquire::http::Proxy \"http://p:3142\";\nAcquire::https::CaInfo \"/etc/ca.pem\";\n\
             Acquire::Check-Valid-Until \"false\";\n"
        );
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_user("https://u:p@w@host:8/a@b"), "https://host:8/a@b");
        assert_eq!(without_user("http://host"), "http://host");
    }
}
