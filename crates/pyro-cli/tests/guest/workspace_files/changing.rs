//! Files of the host that somebody writes to while they are carried: none arrives torn.

use super::{ok, refused, workspace};
use crate::home::Home;
use crate::on_each_engine;
use crate::workspace::{created, done, exec, said};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

on_each_engine!(a_file_that_changes_is_refused_by_name);

const LEN: usize = 24 << 20;

/// Cuts the end of a file off and puts it back, until it is dropped.
struct Writer {
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    fn of(path: &Path) -> Self {
        let file = fs::File::options().write(true).open(path).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let write = move || {
            let end = LEN - (1 << 20);
            while !seen.load(Ordering::Relaxed) {
                file.set_len(end as u64).unwrap();
                file.write_all_at(&[7; 1 << 20], end as u64).unwrap();
            }
        };
        Self { over, thread: Some(std::thread::spawn(write)) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn a_file_that_changes_is_refused_by_name(home: &Home) {
    let id = &created(home);
    let source = home.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("a"), "a").unwrap();
    fs::write(source.join("large"), vec![7; LEN]).unwrap();
    let at = source.to_str().unwrap();
    let writer = Writer::of(&source.join("large"));
    let (kind, words) = refused(home, &["sync", "push", id, at]);
    assert_eq!((kind.as_str(), words.as_str()), ("conflict", "large changed while it was read"));
    let seeded = workspace(
        home,
        &["create", crate::home::ENVIRONMENT, "--mem-mib", "512", "--seed-path", at, "--json"],
    );
    assert_eq!(said(&seeded)["kind"], "conflict");
    assert_eq!(done(home, "list", &[])["count"], 1, "and there is no workspace");
    drop(writer);
    assert_eq!(exec(home, id, "ls -A . /.pyro/stages"), ".:\n\n/.pyro/stages:\n");
    ok(home, &["sync", "push", id, at]);
    assert_eq!(
        exec(home, id, "cat a; tr -d '\\7' < large | wc -c; stat -c %s large"),
        format!("a0\n{LEN}\n")
    );
    done(home, "delete", &[id]);
}
