//! The host's disk is full in the middle: the error says so, nothing is left, and once there is
//! room all goes on.

use super::said;
use crate::home::{ENVIRONMENT, Home, eventually, stderr};
use crate::on_each_engine;
use crate::skip::skip;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

on_each_engine!(
    a_full_host_disk_is_told_and_leaves_nothing,
    a_host_disk_that_fills_while_a_guest_starts_is_told
);

/// The home's data on a small filesystem of its own, in a mount namespace that lasts as long as
/// this.
pub(crate) struct Small<'a> {
    home: &'a Home,
    holder: Child,
}

impl<'a> Small<'a> {
    pub(crate) fn new(home: &'a Home, mib: u32) -> Option<Self> {
        let data = home.data_dir();
        std::fs::create_dir_all(&data).unwrap();
        let script = format!(
            "mount -t tmpfs -o size={mib}m,mode=0700 none {} && echo held && exec cat",
            data.display()
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = command.stderr(Stdio::null()).spawn().ok()?;
        let mut line = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        if line != "held\n" {
            holder.wait().unwrap();
            skip("no mount namespace can be had");
            return None;
        }
        Some(Self { home, holder })
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id())).arg(program).args(args);
        for (name, value) in self.home.pyro(&[]).get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    pub(crate) fn workspace(&self, args: &[&str]) -> (bool, Value) {
        let (flags, line) =
            args.split_at(args.iter().position(|arg| *arg == "--").unwrap_or(args.len()));
        let args = [&["workspace"], flags, &["--json"], line].concat();
        let output = self.command(crate::home::PYRO, &args).output().unwrap();
        (output.status.success(), said(&output))
    }

    pub(crate) fn ok(&self, args: &[&str]) -> Value {
        let (is_done, told) = self.workspace(args);
        assert!(is_done, "{args:?}: {told}");
        told
    }

    /// It must fail for want of room, and say what to do.
    fn full(&self, args: &[&str]) {
        let (is_done, told) = self.workspace(args);
        println!("{}: {args:?}: {told}", self.home.mode());
        assert!(!is_done, "{args:?}: {told}");
        assert_full(&told);
    }

    pub(crate) fn exec(&self, id: &str, line: &str) -> String {
        let run = self.ok(&["exec", id, "--timeout-seconds", "120", "--", line]);
        run["stdout"].as_str().unwrap().to_owned()
    }

    pub(crate) fn sh(&self, line: &str) -> String {
        // Entering a namespace goes to its root.
        let line = format!("set -e; cd {}; {line}", self.home.path().display());
        let output = self.command("sh", &["-c", &line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", stderr(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Take all but this much of what is free.
    pub(crate) fn fill(&self, left_kib: u64) {
        self.sh(&format!(
            "fallocate -l $(( $(df -k --output=avail data | tail -1) - {left_kib} ))K data/fill"
        ));
    }

    /// Names below the data directory: vms, sockets, layers, what is kept of workspaces.
    pub(crate) fn held(&self) -> [usize; 4] {
        let count = |name| {
            self.sh(&format!("ls -A data/{name} 2>/dev/null | wc -l || true"))
                .trim()
                .parse()
                .unwrap()
        };
        ["vms", "run", "layers", "workspaces"].map(count)
    }

    /// As many as there are, once what ended is put away.
    pub(crate) fn holds(&self, expected: [usize; 4]) {
        eventually(&format!("end of what is over {expected:?}, not {:?}", self.held()), || {
            self.ok(&["list"]);
            (self.held() == expected).then_some(())
        });
    }
}

/// An error for want of room says so, and what to do.
pub(crate) fn assert_full(told: &Value) {
    let words = told.to_string().to_lowercase();
    assert!(
        told["hint"].is_string() && (words.contains("full") || words.contains("no space")),
        "{told}"
    );
    assert!(["io", "guest"].contains(&told["kind"].as_str().unwrap()), "{told}");
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

fn a_host_disk_that_fills_while_a_guest_starts_is_told(home: &Home) {
    let Some(small) = Small::new(home, 64) else { return };
    let id = &small.ok(&["create", ENVIRONMENT, "--mem-mib", "512"])["workspace_id"]
        .as_str()
        .unwrap()
        .to_owned();
    small.exec(id, "echo kept > file");
    let before = small.held();
    let mut ended = Vec::new();
    // From too little for the vm's files to enough for all that its guest writes while it starts.
    for left_kib in (640..4000).step_by(20) {
        small.fill(left_kib);
        let (is_done, told) = small.workspace(&["reset", id]);
        small.sh("rm data/fill");
        if is_done {
            break;
        }
        assert_full(&told);
        if told["error"].as_str().unwrap().starts_with("the vm ended: ") {
            ended.push(left_kib);
        }
        assert_eq!(small.ok(&["start", id])["state"], "started", "{left_kib} KiB left");
        assert_eq!(small.exec(id, "cat file"), "kept\n", "{left_kib} KiB left");
        small.holds(before);
    }
    println!("{}: the guest was held with these KiB left: {ended:?}", home.mode());
    assert!(!ended.is_empty(), "no guest met the full disk");
    small.ok(&["delete", id]);
    small.holds([0; 4]);
}

/// In the middle of a patch, of which nothing stays.
fn a_patch_meets_the_full_disk(home: &Home, small: &Small, id: &str) {
    small.sh("(printf -- '--- /dev/null\\n+++ b/large\\n@@ -0,0 +1,300000 @@\\n'; \
         base64 -w 70 /dev/urandom | head -n 300000 | sed 's/^/+/') > patch");
    small.fill(8000);
    small.full(&[
        "patch",
        "apply",
        id,
        "--patch-file",
        home.path().join("patch").to_str().unwrap(),
    ]);
    small.sh("rm data/fill");
    small.ok(&["start", id]);
    assert_eq!(
        small.exec(id, "ls -A; ls -A ../.pyro/stages 2>/dev/null; cat file"),
        "file\nkept\n"
    );
}

fn a_full_host_disk_is_told_and_leaves_nothing(home: &Home) {
    let Some(small) = Small::new(home, 64) else { return };
    let seed = home.path().join("seed");
    std::fs::create_dir(&seed).unwrap();
    let random = small.sh("head -c 100000000 /dev/urandom > seed/large; echo made");
    assert_eq!(random, "made\n");
    let seed = seed.to_str().unwrap();
    let id = &small.ok(&["create", ENVIRONMENT, "--mem-mib", "512"])["workspace_id"]
        .as_str()
        .unwrap()
        .to_owned();
    small.exec(id, "echo kept > file");
    let before = small.held();
    // In the middle of the files.
    small.full(&["create", ENVIRONMENT, "--mem-mib", "512", "--seed-path", seed]);
    small.ok(&["start", id]);
    small.holds(before);
    // Before there is a record of it; before there is a disk.
    for left_kib in [64, 300] {
        small.fill(left_kib);
        for args in [
            &["create", ENVIRONMENT, "--mem-mib", "512", "--seed-path", seed][..],
            &["reset", id],
            &["fork", id, "--count", "2"],
        ] {
            small.full(args);
        }
        small.sh("rm data/fill");
        // Nothing was given up for what could not be had; without any room it cannot be told.
        assert_eq!(small.ok(&["status", id])["state"], "started", "{left_kib} KiB left");
        small.ok(&["start", id]);
        small.holds(before);
    }
    assert_eq!(small.exec(id, "cat file"), "kept\n");
    // In the middle of a command, of a write, of a push.
    for args in [
        &[
            "exec",
            id,
            "--timeout-seconds",
            "300",
            "--",
            "head -c 100000000 /dev/urandom > large; sync",
        ][..],
        &["sync", "push", id, seed],
    ] {
        small.sh("fallocate -l 8M data/spare");
        small.full(args);
        small.sh("rm data/spare");
        // What it holds goes with the reset.
        small.ok(&["reset", id]);
        assert_eq!(small.exec(id, "ls; echo kept > file"), "");
        small.holds(before);
    }
    a_patch_meets_the_full_disk(home, &small, id);
    small.fill(2000);
    small.full(&[
        "exec",
        id,
        "--timeout-seconds",
        "300",
        "--",
        "head -c 20000000 /dev/urandom > large; sync",
    ]);
    small.sh("rm data/fill");
    small.ok(&["start", id]);
    assert_eq!(small.exec(id, "cat file; rm -f large"), "kept\n");
    small.ok(&["fork", id]);
    for workspace in small.ok(&["list"])["workspaces"].as_array().unwrap() {
        small.ok(&["delete", workspace["workspace_id"].as_str().unwrap()]);
    }
    assert_eq!(small.held(), [0; 4]);
}
