//! A value that is looked for everywhere after it was used everywhere.

use super::services::{come_back, services};
use super::{create, with};
use crate::home::{Home, eventually, hand_over, stderr, stdout};
use crate::on_each_engine;
use crate::shell::{opened, says, shell};
use crate::snapshot::did;
use crate::workspace::{command, done, said};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

on_each_engine!(a_canary_is_found_in_one_private_file);

/// Long enough that nothing holds it by chance.
pub(super) const CANARY: &str = "pyro~canary/7Kq2+vXw9?Zt4&mB8=jL6é";

/// Its forms: as it is, URL-encoded, in base64 wherever it begins there.
fn forms() -> [String; 6] {
    let escaped = |is_upper: bool| -> String {
        let escape = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'~' => char::from(byte).to_string(),
            byte if is_upper => format!("%{byte:02X}"),
            byte => format!("%{byte:02x}"),
        };
        CANARY.bytes().map(escape).collect()
    };
    // What of base64 stays the same whatever stands before and after it.
    let encode = |before: usize, around: u8| {
        let (before, after) = (vec![around; before], [around; 3]);
        STANDARD.encode([&before, CANARY.as_bytes(), &after].concat())
    };
    let base64 = |before| {
        let (one, other) = (encode(before, 0), encode(before, 0xff));
        one.chars()
            .zip(other.chars())
            .filter(|(one, other)| one == other)
            .map(|(one, _)| one)
            .collect()
    };
    [CANARY.to_owned(), escaped(true), escaped(false), base64(0), base64(1), base64(2)]
}

pub(super) fn assert_none(what: &str, text: &[u8]) {
    for form in forms() {
        let held = text.windows(form.len()).any(|window| window == form.as_bytes());
        assert!(!held, "{what} holds {form}");
    }
}

fn a_canary_is_found_in_one_private_file(home: &Home) {
    let output = create(home, &["--secret-from-env", "TOKEN=CANARY"], &[("CANARY", CANARY)]);
    assert_none("create", &output.stdout);
    let workspace = said(&output);
    assert!(output.status.success(), "{workspace}");
    let id = workspace["workspace_id"].as_str().unwrap();
    let said_in_commands = commands(home, id);
    let said_in_shells = shells(home, id);
    background(home, id);
    let said_by_services = services(home, id);
    did(home, "create", &[id, "first"]);
    let forks = done(home, "fork", &[id]);
    let fork = forks["workspaces"][0]["workspace_id"].as_str().unwrap().to_owned();
    assert_eq!(with(home, &fork, &["TOKEN"], "echo \"$TOKEN\"")["stdout"], "[REDACTED]\n");
    let processes = processes(home);
    // While all of it runs: two guests, a service, shells.
    let running = searched(home);
    assert!(home.data_dir().join("run").is_dir(), "sockets and their directory are searched, too");
    done(home, "stop", &[id]);
    done(home, "start", &[id]);
    come_back(home, id);
    assert_eq!(with(home, id, &["TOKEN"], "printf %s \"$TOKEN\" | wc -c")["stdout"], "35\n");
    done(home, "reset", &[id, "--snapshot", "first"]);
    assert_eq!(with(home, id, &["TOKEN"], "echo $TOKEN")["stdout"], "[REDACTED]\n");
    for (verb, flags) in [("status", &[][..]), ("logs", &[]), ("logs", &["--background"])] {
        let told = command(home, verb, &[&[id], flags].concat()).output().unwrap();
        assert_none(verb, &told.stdout);
    }
    done(home, "stop", &[id]);
    done(home, "stop", &[&fork]);
    let searched = searched(home);
    println!(
        "canary: {processes} processes, {} files with {} bytes while it ran, {} with {} bytes \
         afterwards, {said_in_commands} bytes of commands, {said_in_shells} of shells, \
         {said_by_services} of services: 0 hits beside the secrets of 2 workspaces",
        running.0, running.1, searched.0, searched.1
    );
    done(home, "delete", &[id]);
    done(home, "delete", &[&fork]);
    home.assert_clean();
}

/// Print it in every way that a command has.
fn commands(home: &Home, id: &str) -> usize {
    let mut bytes = 0;
    for line in [
        "echo \"$TOKEN\"; echo \"$TOKEN\" >&2",
        "printf %s \"$TOKEN\" | base64 -w 0; printf x%s \"$TOKEN\" | base64; printf xx%s \"$TOKEN\" | base64",
        "printf %s \"$TOKEN\" | od -An -v -tx1 | tr -d '\\n' | tr ' ' %",
        "printf '%s' \"${TOKEN%?????}\"; printf '%s\\n' \"${TOKEN#${TOKEN%?????}}\"",
        // More than a result holds: the rest is in a file.
        "yes \"$TOKEN\" | head -c 700000",
        "echo no such thing >&2; \"$TOKEN\"",
        "env; cat /proc/self/environ",
    ] {
        for flags in [&["--json"][..], &[]] {
            let all = ["workspace", "exec", id, "--secret-env", "TOKEN"];
            let output = home.pyro(&[&all, flags, &["--", line]].concat()).output().unwrap();
            assert_none(line, &output.stdout);
            assert_none(line, &output.stderr);
            bytes += output.stdout.len() + output.stderr.len();
        }
    }
    // Whoever types it where it does not belong.
    let nowhere = format!("/nowhere/{CANARY}");
    let quoted = format!("'{nowhere}'");
    for words in [
        &["exec", id, "--json", "--cwd", &nowhere, "--", "true"][..],
        &["exec", id, "--json", "--", &quoted],
        &["file", "read", id, "--json", &format!("/workspace/{CANARY}")],
    ] {
        let output = home.pyro(&[&["workspace"], words].concat()).output().unwrap();
        assert!(!output.status.success(), "{words:?}");
        assert_none("an error", &output.stdout);
        assert_none("an error", &output.stderr);
    }
    bytes
}

/// Print it in a shell, and look at it in each way.
fn shells(home: &Home, id: &str) -> usize {
    let mut bytes = 0;
    let one = &opened(home, id, &["--secret-env", "TOKEN", "--cols", "24"]);
    says(home, id, one, "echo \"$TOKEN\"; echo $TOKEN | base64; echo en''d", "end\n");
    says(
        home,
        id,
        one,
        "printf '%s' \"${TOKEN%?????}\"; echo \"${TOKEN#${TOKEN%?????}}\" en''d",
        "end",
    );
    for flags in [&[][..], &["--plain"], &["--screen"]] {
        let read = shell(home, "read", &[&[id, one.as_str()], flags].concat());
        let text = read["output"].as_str().unwrap();
        assert_none("a shell", text.replace('\n', "").as_bytes());
        assert!(text.contains("[REDACTED]"), "{text:?}");
        bytes += text.len();
    }
    // A terminal that attaches is shown the same.
    let mut attach = home.pyro(&["workspace", "shell", "attach", id, one]);
    attach.stdin(Stdio::null());
    let mut outer = Command::new("python3");
    outer.args(["-c", ATTACH]);
    hand_over(&mut outer, &attach);
    let output = outer.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    assert!(stdout(&output).contains("[REDACTED]"), "{} {}", stdout(&output), stderr(&output));
    assert_none("an attached terminal", &output.stdout);
    bytes + output.stdout.len()
}

/// Runs its arguments on a terminal, types Ctrl-] once a mark is shown, and prints what was shown.
const ATTACH: &str = "\
import os, pty, sys
shown = b''
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
try:
    while b'REDACTED' not in shown:
        shown += os.read(terminal, 65536)
    os.write(terminal, b'\\x1d')
    while True:
        shown += os.read(terminal, 65536)
except OSError:
    pass
os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
";

/// Print it after its command has ended.
fn background(home: &Home, id: &str) {
    let line = "(until test -e /tmp/go; do sleep 0.1; done; echo \"late $TOKEN\") &";
    with(home, id, &["TOKEN"], line);
    with(home, id, &[], "touch /tmp/go");
    eventually("output of the background", || {
        let told = done(home, "logs", &[id, "--background"]).to_string();
        assert_none("the background", told.as_bytes());
        told.contains("late [REDACTED]").then_some(())
    });
}

/// Look at what everybody may know of the processes of this home; how many there are.
fn processes(home: &Home) -> usize {
    let processes = home.processes();
    for (pid, line) in &processes {
        for name in ["cmdline", "environ"] {
            let read = std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            assert_none(&format!("{name} of {line}"), &read);
        }
    }
    assert!(processes.len() >= 4, "two vms: {processes:?}");
    processes.len()
}

/// Look into every file of this home, layers included: how many files and bytes there are. The
/// secrets of each workspace are in one file, which is its user's alone.
fn searched(home: &Home) -> (usize, u64) {
    let (mut files, mut bytes) = (0, 0);
    walk(home.path(), &mut |path, len| {
        files += 1;
        bytes += len;
        if path.ends_with("secrets.json") {
            let mode = std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
    });
    let patterns = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(patterns.path(), forms().join("\n")).unwrap();
    let mut grep = Command::new("grep");
    grep.args(["-rlaF", "-f"]).arg(patterns.path()).arg(home.path()).env("LC_ALL", "C");
    let hits = stdout(&grep.output().unwrap());
    let hits: Vec<&str> = hits.lines().collect();
    assert!(hits.iter().all(|hit| hit.ends_with("/secrets.json")), "{hits:#?}");
    assert_eq!(hits.len(), 2, "the search finds what is there: {hits:#?}");
    (files, bytes)
}

fn walk(directory: &Path, each: &mut impl FnMut(&Path, u64)) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            walk(&entry.path(), each);
        } else if kind.is_file() {
            each(&entry.path(), entry.metadata().unwrap().len());
        }
    }
}
