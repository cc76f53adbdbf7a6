//! Very many snapshots of one workspace: each is there, starts stay quick, and layers that nobody
//! needs apart are merged.

use super::{did, differs, names, reset, snapshot};
use crate::home::{Home, is_strict};
use crate::on_each_engine;
use crate::workspace::{created, done, exec, said};
use std::time::{Duration, Instant};

on_each_engine!(deleted_snapshots_give_their_layers_back);

/// Snapshots that one workspace has.
const MANY: usize = 200;

fn timed(what: &str, home: &Home, act: impl FnOnce()) -> Duration {
    let began = Instant::now();
    act();
    let took = began.elapsed();
    println!("{}: {what} took {took:?}", home.mode());
    took
}

/// On one engine: the chain of layers is the host's, whichever reads it.
#[test]
fn two_hundred_snapshots_of_one_workspace() {
    let home = &Home::tcg();
    let id = created(home);
    timed("a reset with two layers", home, || drop(reset(home, &id, "baseline")));
    let mut held = Vec::new();
    let began = Instant::now();
    for number in 0..MANY {
        // Some of them hold something.
        if number % 20 == 0 {
            exec(home, &id, &format!("echo {number} > file; echo {number} > f{number}"));
        }
        let created = did(home, "create", &[&id, &format!("n{number}")]);
        held.push(created["held_ms"].as_u64().unwrap());
    }
    held.sort_unstable();
    println!(
        "{}: {MANY} snapshots in {:?}; held for {} ms, at most {}",
        home.mode(),
        began.elapsed(),
        held[MANY / 2],
        held[MANY - 1]
    );
    assert_eq!(names(home, &id).len(), MANY + 1);
    let deep = timed("a reset to the last", home, || drop(reset(home, &id, "n199")));
    assert!(deep < Duration::from_secs(if is_strict() { 2 } else { 60 }), "{deep:?}");
    assert_eq!(exec(home, &id, "cat file; ls | wc -l"), "180\n11\n");
    timed("a stop", home, || drop(done(home, "stop", &[&id])));
    timed("a start", home, || drop(done(home, "start", &[&id])));
    for number in [0, 57, 121] {
        reset(home, &id, &format!("n{number}"));
        assert_eq!(exec(home, &id, "cat file"), format!("{}\n", number / 20 * 20));
    }
    timed("a diff of the first and the last", home, || {
        assert_eq!(differs(home, &id, "n0", "n199").len(), 10);
    });
    timed("a diff of the last and now", home, || {
        assert_eq!(differs(home, &id, "n199", "now").len(), 4);
    });
    // The limit is told before it is met, and nothing is lost by it.
    reset(home, &id, "n199");
    let mut error = None;
    for number in MANY.. {
        let output = snapshot(home, "create", &[&id, &format!("n{number}")]).output().unwrap();
        if !output.status.success() {
            error = Some((number, said(&output)));
            break;
        }
    }
    let (number, error) = error.unwrap();
    println!("{}: {number} snapshots at most: {error}", home.mode());
    assert!((250..256).contains(&number), "{number}");
    assert_eq!(error["kind"], "unsupported");
    assert!(error["hint"].as_str().unwrap().contains("snapshot delete"), "{error}");
    assert_eq!(exec(home, &id, "cat file"), "180\n");
    // With one less there is room for one more.
    did(home, "delete", &[&id, "n100"]);
    did(home, "create", &[&id, "again"]);
    reset(home, &id, "n101");
    assert_eq!(exec(home, &id, "cat file"), "100\n");
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn deleted_snapshots_give_their_layers_back(home: &Home) {
    let id = created(home);
    let layers = || home.names("layers").len();
    // What one holds that the next has replaced comes back with it.
    let size = || -> u64 {
        let files = home.names("layers").into_iter();
        files
            .map(|file| std::fs::metadata(file).unwrap())
            .map(|file| {
                use std::os::unix::fs::MetadataExt;
                file.blocks() * 512
            })
            .sum()
    };
    for number in 0..4 {
        exec(home, &id, &format!("head -c 20000000 /dev/urandom > large; echo {number} > file"));
        did(home, "create", &[&id, &format!("n{number}")]);
    }
    assert_eq!(layers(), 6);
    let sum = exec(home, &id, "sha256sum large");
    let before = size();
    // In the middle, while it runs on them.
    did(home, "delete", &[&id, "n1"]);
    assert_eq!(layers(), 5);
    did(home, "delete", &[&id, "n0"]);
    assert_eq!(layers(), 4);
    println!("{}: {} MB before, {} MB after", home.mode(), before >> 20, size() >> 20);
    assert!(size() + 30_000_000 < before, "{} before, {} after", before, size());
    assert_eq!(exec(home, &id, "sha256sum large; cat file"), format!("{sum}3\n"));
    reset(home, &id, "n2");
    assert_eq!(exec(home, &id, "cat file; ls"), "2\nfile\nlarge\n");
    reset(home, &id, "n3");
    assert_eq!(exec(home, &id, "sha256sum large; cat file"), format!("{sum}3\n"));
    assert_eq!(exec(home, &id, "rm large; sync; dmesg | grep -ci 'ext4.*error' || true"), "0\n");
    // The last one: what it holds is below the present disk.
    did(home, "delete", &[&id, "n3"]);
    did(home, "delete", &[&id, "n2"]);
    did(home, "create", &[&id, "end"]);
    did(home, "delete", &[&id, "end"]);
    assert!(layers() <= 4, "{:?}", home.names("layers"));
    assert_eq!(exec(home, &id, "cat file"), "3\n");
    // Of a stopped one all are merged into the disk that it goes on with.
    done(home, "stop", &[&id]);
    did(home, "create", &[&id, "stopped"]);
    done(home, "start", &[&id]);
    exec(home, &id, "echo 4 > file");
    done(home, "stop", &[&id]);
    did(home, "delete", &[&id, "stopped"]);
    assert_eq!(layers(), 2, "{:?}", home.names("layers"));
    done(home, "start", &[&id]);
    assert_eq!(exec(home, &id, "cat file; echo 3 > file"), "4\n");
    done(home, "stop", &[&id]);
    done(home, "start", &[&id]);
    assert_eq!(exec(home, &id, "cat file"), "3\n");
    reset(home, &id, "baseline");
    assert_eq!(layers(), 2);
    done(home, "delete", &[&id]);
    home.assert_clean();
}
