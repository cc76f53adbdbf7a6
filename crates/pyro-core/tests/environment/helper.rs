//! `Helper`: a pull by another process, which a test can kill.

use crate::{BASE, names, store};
use pyro_core::{InstallStage, Progress};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// The name under which this binary runs itself as another process.
const HELPER: &str = "helper::pulls_when_another_test_asks";

/// This binary as another process that pulls; it prints `stage …` lines and at last `ok …` or
/// `error …`.
pub struct Helper {
    pub child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Helper {
    pub fn start(wrapper: &[&str], cache: &Path, ballast: bool) -> Self {
        let mut command = Command::new(wrapper[0]);
        command
            .args(&wrapper[1..])
            .args(["--exact", HELPER, "--nocapture"])
            .env("PYRO_TEST_CACHE", cache);
        if ballast {
            command.env("PYRO_TEST_BALLAST", "1");
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Read on until a line begins with `start`.
    pub fn until(&mut self, start: &str) -> String {
        let mut seen = Vec::new();
        for line in &mut self.lines {
            let line = line.unwrap();
            if line.starts_with(start) {
                return line;
            }
            seen.push(line);
        }
        panic!("no {start:?} in {seen:#?}");
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

pub fn this_binary() -> String {
    std::env::current_exe().unwrap().into_os_string().into_string().unwrap()
}

/// Not a test of its own: what [`Helper`] runs. Without its variable it does nothing.
#[test]
fn pulls_when_another_test_asks() {
    let Some(cache) = std::env::var_os("PYRO_TEST_CACHE").map(PathBuf::from) else { return };
    let ballast = std::env::var_os("PYRO_TEST_BALLAST").is_some();
    let mut fetched = 0;
    println!();
    let mut progress = |progress: Progress| match progress {
        Progress::Stage(stage) => {
            println!("stage {stage:?}");
            if ballast && stage == InstallStage::Packages && !cache.join("ballast").exists() {
                fill(&cache, 100 << 20);
            }
        }
        Progress::Line(line) if line.starts_with("Get:") && !line.contains("Packages") => {
            fetched += 1
        }
        _ => {}
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(store(&cache).pull(BASE, &mut progress)) {
        Ok(_) => println!("ok {fetched}"),
        Err(error) => println!("error {error:?} left={:?}", names(&cache)),
    }
}

/// Fill a small file system until only `keep` bytes are free.
fn fill(cache: &Path, keep: u64) {
    let mut file = std::fs::File::create(cache.join("ballast")).unwrap();
    while nix::sys::statvfs::statvfs(cache)
        .map(|stat| stat.blocks_available() * stat.fragment_size())
        .unwrap()
        > keep
    {
        file.write_all(&vec![1; 1 << 20]).unwrap();
    }
}
