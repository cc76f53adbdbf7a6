//! Hosts that start MCP servers: where each keeps its settings, and what makes it start this one.

mod entry;
mod jsonc;
mod merge;
mod toml_file;
mod yaml;

pub use merge::MergeError;

use merge::SERVER;
use rmcp::model::JsonObject;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What a user types for each host.
pub const NAMES: [&str; 9] = [
    "claude-code",
    "claude-desktop",
    "codex",
    "cursor",
    "opencode",
    "gemini",
    "vscode",
    "zed",
    "goose",
];

/// A host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Claude Code, in a project.
    ClaudeCode,
    /// Claude Desktop.
    ClaudeDesktop,
    /// Codex CLI.
    Codex,
    /// Cursor.
    Cursor,
    /// OpenCode.
    OpenCode,
    /// Gemini CLI.
    Gemini,
    /// VS Code, in a project.
    VsCode,
    /// Zed.
    Zed,
    /// Goose.
    Goose,
}

/// How the server is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The executable. A user's own file has its absolute path: hosts do not always have the user's
    /// PATH.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
}

/// The user's folders.
#[derive(Clone, Debug)]
pub struct Folders {
    /// `$HOME`.
    pub home: PathBuf,
    /// `$XDG_CONFIG_HOME`, else `.config` in it.
    pub config: PathBuf,
    /// The project: the working directory.
    pub project: PathBuf,
}

impl Host {
    const ALL: [Self; 9] = [
        Self::ClaudeCode,
        Self::ClaudeDesktop,
        Self::Codex,
        Self::Cursor,
        Self::OpenCode,
        Self::Gemini,
        Self::VsCode,
        Self::Zed,
        Self::Goose,
    ];

    /// The host of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        NAMES.into_iter().zip(Self::ALL).find(|(known, _)| *known == name).map(|(_, host)| host)
    }

    /// Its file on this machine.
    #[must_use]
    pub fn file(self, folders: &Folders) -> PathBuf {
        let Folders { home, config, project } = folders;
        let (folder, name): (&Path, _) = match self {
            Self::ClaudeCode => (project, ".mcp.json"),
            Self::ClaudeDesktop => (config, "Claude/claude_desktop_config.json"),
            Self::Codex => (home, ".codex/config.toml"),
            Self::Cursor => (home, ".cursor/mcp.json"),
            Self::OpenCode => (config, "opencode/opencode.json"),
            Self::Gemini => (home, ".gemini/settings.json"),
            Self::VsCode => (project, ".vscode/mcp.json"),
            Self::Zed => (config, "zed/settings.json"),
            Self::Goose => (config, "goose/config.yaml"),
        };
        folder.join(name)
    }

    /// Whether it starts a server in the project that its user works on; elsewhere the server is
    /// told which that is.
    #[must_use]
    pub fn starts_in_project(self) -> bool {
        !matches!(self, Self::ClaudeDesktop | Self::Cursor)
    }

    /// Whether its file belongs to the project, and so to others on other machines too.
    #[must_use]
    pub fn is_shared(self) -> bool {
        matches!(self, Self::ClaudeCode | Self::VsCode)
    }

    /// The file's text `old` with this server in it. Of an entry that is there only what starts the
    /// server is set; its environment, its limits, flags that the user added to its arguments and
    /// all else stay.
    ///
    /// # Errors
    /// [`MergeError`] when that cannot be promised.
    pub fn merged(self, old: &str, launch: &Launch) -> Result<String, MergeError> {
        let changes = |old: &JsonObject| self.changes(launch, old);
        match self {
            Self::Codex => toml_file::merged(old, "mcp_servers", &changes),
            Self::Goose => yaml::merged(old, "extensions", &changes),
            Self::OpenCode => jsonc::merged(old, "mcp", &changes),
            Self::VsCode => jsonc::merged(old, "servers", &changes),
            Self::Zed => jsonc::merged(old, "context_servers", &changes),
            Self::ClaudeCode | Self::ClaudeDesktop | Self::Cursor | Self::Gemini => {
                jsonc::merged(old, "mcpServers", &changes)
            }
        }
    }

    /// What the host wants to know of the server.
    fn entry(self, launch: &Launch) -> Value {
        let Launch { program, args } = launch;
        match self {
            Self::ClaudeCode | Self::VsCode => {
                json!({ "type": "stdio", "command": program, "args": args })
            }
            Self::ClaudeDesktop | Self::Cursor | Self::Gemini | Self::Codex => {
                json!({ "command": program, "args": args })
            }
            Self::OpenCode => {
                let command: Vec<&String> = std::iter::once(program).chain(args).collect();
                json!({ "type": "local", "command": command, "enabled": true })
            }
            Self::Zed => json!({ "source": "custom", "command": program, "args": args, "env": {} }),
            // Installing an environment takes longer than Goose waits by itself, in seconds.
            Self::Goose => json!({
                "name": SERVER, "type": "stdio", "enabled": true, "cmd": program, "args": args, "envs": {}, "timeout": 600,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch() -> Launch {
        let args = ["mcp", "serve", "--profile", "vm-run"].map(str::to_owned).into();
        Launch { program: "/opt/pyro \"2\"/pyro".to_owned(), args }
    }

    #[test]
    fn each_host_has_its_file() {
        let mut printed = String::new();
        let folders = Folders {
            home: "/home/me".into(),
            config: "/home/me/.config".into(),
            project: "/src/project".into(),
        };
        for name in NAMES {
            let host = Host::parse(name).unwrap();
            let file = host.file(&folders);
            printed +=
                &format!("# {name}: {}\n{}\n", file.display(), host.merged("", &launch()).unwrap());
        }
        insta::assert_snapshot!(printed);
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test reads the documentation")]
    fn each_host_has_its_page() {
        for name in NAMES {
            let page = format!("{}/../../docs/mcp/{name}.md", env!("CARGO_MANIFEST_DIR"));
            let page = std::fs::read_to_string(page).unwrap();
            assert!(page.contains(&format!("pyro mcp config {name} --write")), "{name}");
            let file = Host::parse(name).unwrap().file(&Folders {
                home: "~".into(),
                config: "~/.config".into(),
                project: "".into(),
            });
            assert!(page.contains(&format!("`{}`", file.display())), "{name}: {}", file.display());
            let host = Host::parse(name).unwrap();
            assert_eq!(
                page.contains("\"--allow-path\", \"/path/to/project\"]"),
                !host.starts_in_project(),
                "{name}"
            );
        }
    }

    #[test]
    fn what_the_user_set_in_an_entry_stays() {
        for (name, old, kept) in [
            (
                "gemini",
                r#"{"mcpServers":{"pyro":{"command":"old","args":["mcp","serve","--allow-path","/srv","--warm","1"],"env":{"PYRO_DATA_DIR":"/srv/p"},"timeout":900000,"trust":true}}}"#,
                &[
                    r#""--allow-path", "/srv", "--warm", "1""#,
                    r#""env":{"PYRO_DATA_DIR":"/srv/p"}"#,
                    "900000",
                    r#""trust":true"#,
                ][..],
            ),
            (
                "opencode",
                r#"{"mcp":{"pyro":{"type":"local","command":["old","mcp","serve","--warm","2"],"enabled":false,"environment":{"A":"b"}}}}"#,
                &[r#""--warm", "2""#, r#""enabled":false"#, r#""environment":{"A":"b"}"#],
            ),
            (
                "zed",
                r#"{"context_servers":{"pyro":{"command":"old","env":{"A":"b"}}}}"#,
                &[r#""env":{"A":"b"}"#],
            ),
            (
                "codex",
                "[mcp_servers.pyro]\ncommand = \"old\" # why\nargs = [\"mcp\", \"serve\", \"--allow-path\", \"/srv\"]\n[mcp_servers.pyro.env]\nA = \"b\"\n",
                &["# why\n", "\"--allow-path\", \"/srv\"", "[mcp_servers.pyro.env]\nA = \"b\"\n"],
            ),
            (
                "goose",
                "extensions:\n  pyro:\n    cmd: old\n    args: [mcp, serve, --warm, '1']\n    envs: {A: b}\n    timeout: 1200\n    enabled: false\n",
                &[
                    "    envs: {A: b}\n",
                    "    timeout: 1200\n",
                    "    enabled: false\n",
                    "\"--warm\",\"1\"",
                ],
            ),
        ] {
            let host = Host::parse(name).unwrap();
            let once = host.merged(old, &launch()).unwrap();
            for kept in kept {
                assert!(once.contains(kept), "{name} lost {kept}: {once}");
            }
            assert!(
                !once.contains("old") && once.contains("/opt/pyro") && once.contains("vm-run"),
                "{name}: {once}"
            );
            assert_eq!(host.merged(&once, &launch()).unwrap(), once, "{name}");
        }
    }

    #[test]
    fn a_second_time_changes_nothing() {
        for name in NAMES {
            let host = Host::parse(name).unwrap();
            let once = host.merged("", &launch()).unwrap();
            assert_eq!(host.merged(&once, &launch()).unwrap(), once, "{name}");
        }
        assert!(Host::parse("emacs").is_none());
    }
}
