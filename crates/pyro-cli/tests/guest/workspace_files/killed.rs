//! The client, the supervisor or the engine is killed in the middle: files are as before or as
//! after, and nothing is left.

use super::{changes, nothing_is_staged, ok, seeded};
use crate::home::{ENVIRONMENT, Home, ended, eventually, is_signalled, stderr};
use crate::workspace::{command, done, exec, said, sql_row};
use crate::{on_each_engine, on_the_host};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Output};
use std::time::{Duration, Instant};

on_the_host!(
    a_patch_that_is_cut_off_is_done_or_not,
    a_push_or_an_export_that_is_cut_off_is_done_or_not,
    a_write_that_is_cut_off_is_done_or_not,
    a_diff_that_is_cut_off_changes_nothing,
    a_create_with_a_seed_that_is_cut_off_leaves_nothing,
);
on_each_engine!(
    a_patch_that_is_cut_off_is_done_or_not,
    a_push_or_an_export_that_is_cut_off_is_done_or_not,
    a_write_that_is_cut_off_is_done_or_not,
    a_diff_that_is_cut_off_changes_nothing,
    a_create_with_a_seed_that_is_cut_off_leaves_nothing,
);

/// Who is killed: the client itself, or a process of this home.
fn victims(home: &Home) -> [&'static str; 3] {
    ["client", "supervise", home.engine()]
}

/// At how many moments of an operation's usual time.
const MOMENTS: u32 = 4;

/// Cut an operation off at its beginning and after these parts of its usual time; one at least must
/// fall inside it, and an earlier one is taken until it does.
pub fn at_moments(count: u32, mut cut_off: impl FnMut(f64) -> bool) {
    let mut is_inside = (0..count).fold(false, |is_inside, moment| {
        let was_cut_off = cut_off(f64::from(moment) / f64::from(count));
        is_inside || was_cut_off
    });
    let mut part = 1.0 / f64::from(count);
    while !is_inside {
        part /= 2.0;
        // What was measured may have waited for the disk of a busy host, for far longer than it
        // takes.
        assert!(part > 0.0001, "no kill fell inside the operation");
        is_inside = cut_off(part);
    }
}

const FILES: usize = 200;

/// Bytes of a large file.
const LARGE: usize = 6_000_000;

/// A directory of files that all hold the same line many times.
fn tree(home: &Home, name: &str) -> PathBuf {
    let dir = home.path().join(name);
    fs::create_dir(&dir).unwrap();
    for number in 0..FILES {
        fs::write(dir.join(format!("f{number}")), format!("{name}\n").repeat(40)).unwrap();
    }
    dir
}

/// A patch that makes of a [`tree`] the other one.
fn patch(home: &Home, from: &str, to: &str) -> PathBuf {
    let lines = |sign: &str, name: &str| format!("{sign}{name}\n").repeat(40);
    let one = |number: usize| {
        format!(
            "--- a/f{number}\n+++ b/f{number}\n@@ -1,40 +1,40 @@\n{}{}",
            lines("-", from),
            lines("+", to)
        )
    };
    let path = home.path().join(format!("{from}-{to}.diff"));
    fs::write(&path, (0..FILES).map(one).collect::<String>()).unwrap();
    path
}

/// Start it, and kill the victim at a moment; what the client said, and whether it was killed
/// before its end.
fn cut_off(home: &Home, victim: &str, words: &[&str], at: Duration) -> (Output, bool) {
    let client = home.pyro(&[&["workspace"], words, &["--json"]].concat()).spawn().unwrap();
    std::thread::sleep(at);
    let output = end(home, client, victim);
    let is_done = output.status.success();
    if victim != "client" && !is_done {
        let told = said(&output);
        assert!(told["hint"].is_string(), "{victim} {words:?}: {told}");
        let kind = told["kind"].as_str().unwrap();
        assert!(["guest", "wrong_state"].contains(&kind), "{victim} {words:?}: {told}");
        assert!(
            told["hint"].as_str().unwrap().contains("pyro workspace start "),
            "{victim} {words:?}: {told}"
        );
        assert!(told["error"].as_str().unwrap().contains("killed"), "{victim} {words:?}: {told}");
    }
    (output, !is_done)
}

/// Kill the victim; the client ends then, soon.
fn end(home: &Home, mut client: Child, victim: &str) -> Output {
    match victim {
        "client" => client.kill().unwrap(),
        victim => {
            if let Some((pid, _)) =
                home.processes().into_iter().find(|(_, line)| line.contains(victim))
            {
                // It may end of itself, with its operation.
                is_signalled(pid, "-KILL");
            }
        }
    }
    ended(client)
}

/// Have it run, whatever was killed.
fn runs_again(home: &Home, id: &str, victim: &str) {
    if victim != "client" {
        let workspace = eventually("end of its vm", || {
            let workspace = done(home, "status", &[id]);
            (workspace["state"] == "stopped").then_some(workspace)
        });
        assert!(workspace["last_error"].as_str().unwrap().contains("killed"), "{workspace}");
        done(home, "start", &[id]);
    }
    assert_eq!(done(home, "status", &[id])["state"], "started");
    let counts = ["vms", "run", "workspaces", "layers"].map(|name| home.names(name).len());
    assert_eq!(counts, [1, 1, 1, 2], "{:?}", home.leftovers());
}

/// How long it usually takes.
pub fn time_of(home: &Home, words: &[&str]) -> Duration {
    let began = Instant::now();
    ok(home, words);
    began.elapsed()
}

fn a_patch_that_is_cut_off_is_done_or_not(home: &Home) {
    let id = &seeded(home, &tree(home, "old"), &[]);
    let patches = [patch(home, "old", "new"), patch(home, "new", "old")];
    let words =
        |which: usize| ["patch", "apply", id, "--patch-file", patches[which].to_str().unwrap()];
    let usual = time_of(home, &words(0));
    let mut is_new = true;
    for victim in victims(home) {
        at_moments(MOMENTS, |part| {
            let (output, was_cut_off) =
                cut_off(home, victim, &words(usize::from(is_new)), usual.mul_f64(part));
            runs_again(home, id, victim);
            nothing_is_staged(home, id);
            let seen = exec(home, id, "sort -u f*; ls -A | wc -l");
            let now = match seen.split_once('\n').unwrap() {
                ("new", count) if count.trim() == FILES.to_string() => true,
                ("old", count) if count.trim() == FILES.to_string() => false,
                _ => panic!("{victim} {part}: half a patch: {seen}"),
            };
            println!(
                "{}: {victim} {part}: cut off {was_cut_off}, done {}",
                home.mode(),
                now != is_new
            );
            assert!(was_cut_off || now != is_new, "said to be done: {}", said(&output));
            is_new = now;
            was_cut_off
        });
    }
    done(home, "delete", &[id]);
}

fn a_push_or_an_export_that_is_cut_off_is_done_or_not(home: &Home) {
    let trees = ["old", "new"].map(|name| {
        let dir = tree(home, name);
        fs::write(dir.join("large"), name.repeat(LARGE / name.len())).unwrap();
        dir
    });
    let id = &seeded(home, &trees[0], &[]);
    let outputs = home.path().join("outputs");
    let out = outputs.join("out");
    let push = |is_new: bool| ["sync", "push", id, trees[usize::from(is_new)].to_str().unwrap()];
    let export = ["export", id, ".", "--force", "--output", out.to_str().unwrap()];
    exec(home, id, "echo 0 > round");
    let usual = [time_of(home, &push(true)), time_of(home, &export)];
    let (mut is_new, mut round) = (true, 0);
    // What becomes of them when the client is killed is a matter of its own.
    for victim in [victims(home)[1], victims(home)[2]] {
        at_moments(3, |part| {
            let (output, was_cut_off) =
                cut_off(home, victim, &push(!is_new), usual[0].mul_f64(part));
            runs_again(home, id, victim);
            nothing_is_staged(home, id);
            let seen = exec(home, id, "sort -u f*; head -c 3 large; ls -A | wc -l");
            let is = |name: &str| seen == format!("{name}\n{name}{}\n", FILES + 2);
            let now = is("new");
            assert!(now || is("old"), "{victim} {part}: half a push: {seen}");
            println!(
                "{}: push, {victim} {part}: cut off {was_cut_off}, done {}",
                home.mode(),
                now != is_new
            );
            assert!(was_cut_off || now != is_new, "said to be done: {}", said(&output));
            is_new = now;
            was_cut_off
        });
        ok(home, &export);
        let mut exported = round;
        at_moments(3, |part| {
            round += 1;
            exec(home, id, &format!("echo {round} > round"));
            let (output, was_cut_off) = cut_off(home, victim, &export, usual[1].mul_f64(part));
            assert_eq!(names(&outputs), ["out"], "nothing temporary stays");
            let now = whole_export(&out, if is_new { "new" } else { "old" });
            println!(
                "{}: export, {victim} {part}: cut off {was_cut_off}, done {}",
                home.mode(),
                now == round
            );
            assert!(now == exported || now == round, "neither as before nor as now: {now}");
            assert!(was_cut_off || now == round, "said to be done: {}", said(&output));
            exported = now;
            runs_again(home, id, victim);
            assert_eq!(exec(home, id, "cat round"), format!("{round}\n"));
            was_cut_off
        });
    }
    done(home, "delete", &[id]);
}

/// Names in a directory.
fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// The round of an export of a whole tree.
fn whole_export(out: &Path, name: &str) -> u32 {
    assert_eq!(names(out).len(), FILES + 2);
    for number in 0..FILES {
        assert_eq!(
            fs::read_to_string(out.join(format!("f{number}"))).unwrap(),
            format!("{name}\n").repeat(40)
        );
    }
    assert!(fs::read_to_string(out.join("large")).unwrap() == name.repeat(LARGE / name.len()));
    fs::read_to_string(out.join("round")).unwrap().trim().parse().unwrap()
}

fn a_write_that_is_cut_off_is_done_or_not(home: &Home) {
    let id = &seeded(home, &tree(home, "old"), &[]);
    let texts = ["a", "b"].map(|name| {
        let path = home.path().join(name);
        fs::write(&path, name.repeat(LARGE)).unwrap();
        path
    });
    let words = |which: usize| {
        ["file", "write", id, "deep/er/big", "--text-file", texts[which].to_str().unwrap()]
    };
    let usual = time_of(home, &words(0));
    let mut is_new = false;
    for victim in victims(home) {
        at_moments(MOMENTS, |part| {
            let (output, was_cut_off) =
                cut_off(home, victim, &words(usize::from(!is_new)), usual.mul_f64(part));
            runs_again(home, id, victim);
            nothing_is_staged(home, id);
            // Beside it, too.
            eventually("end of what was written to", || {
                (exec(home, id, "ls -A deep/er") == "big\n").then_some(())
            });
            let seen =
                exec(home, id, "tr -d a < deep/er/big | wc -c; tr -d b < deep/er/big | wc -c");
            let now = match seen.as_str() {
                "0\n6000000\n" => false,
                "6000000\n0\n" => true,
                _ => panic!("{victim} {part}: half a file: {seen}"),
            };
            println!(
                "{}: {victim} {part}: cut off {was_cut_off}, done {}",
                home.mode(),
                now != is_new
            );
            assert!(was_cut_off || now != is_new, "said to be done: {}", said(&output));
            is_new = now;
            was_cut_off
        });
    }
    done(home, "delete", &[id]);
}

fn a_diff_that_is_cut_off_changes_nothing(home: &Home) {
    let id = &seeded(home, &tree(home, "old"), &[]);
    exec(
        home,
        id,
        "for f in f?; do echo more >> $f; done; head -c 100000 /dev/urandom > large; rm f11; mv f12 g",
    );
    let expected = changes(home, id);
    assert_eq!(expected.len(), 14);
    let usual = time_of(home, &["diff", id]);
    for victim in victims(home) {
        at_moments(MOMENTS, |part| {
            let (_, was_cut_off) = cut_off(home, victim, &["diff", id], usual.mul_f64(part));
            runs_again(home, id, victim);
            println!("{}: {victim} {part}: cut off {was_cut_off}", home.mode());
            assert_eq!(changes(home, id), expected, "{victim} {part}");
            was_cut_off
        });
    }
    done(home, "delete", &[id]);
}

/// A step of a create with a seed.
type Step = (&'static str, fn(&Home) -> bool);

fn a_create_with_a_seed_that_is_cut_off_leaves_nothing(home: &Home) {
    let manifest = |home: &Home| {
        home.names("workspaces").iter().any(|dir| Path::new(dir).join("baseline").exists())
    };
    let steps: [Step; 5] = [
        ("started", |home| sql_row(home, "SELECT state FROM vm") == "started"),
        ("sending", |home| sql_row(home, "SELECT state FROM vm") == "started"),
        ("manifest", |home| !home.names("workspaces").is_empty()),
        ("closing", |home| home.names("layers").len() > 1),
        ("recorded", |home| !sql_row(home, "SELECT baseline_layer FROM workspace").is_empty()),
    ];
    let seed = tree(home, "old");
    for number in 0..1500 {
        fs::write(seed.join(format!("g{number}")), vec![7; 4000]).unwrap();
    }
    let flags =
        [&[ENVIRONMENT, "--mem-mib", "512", "--seed-path", seed.to_str().unwrap()], home.allowed()]
            .concat();
    let whole = |created: &Value| {
        let id = created["workspace_id"].as_str().unwrap();
        assert_eq!(exec(home, id, "ls -A | wc -l; sort -u f*"), format!("{}\nold\n", FILES + 1500));
        exec(home, id, "rm f1");
        assert_eq!(changes(home, id), ["deleted f1"]);
        done(home, "reset", &[id]);
        assert_eq!(changes(home, id), [""; 0]);
        done(home, "delete", &[id]);
    };
    whole(&done(home, "create", &flags));
    for victim in victims(home) {
        let mut cut_off = 0;
        for (name, moment) in steps {
            let mut client = command(home, "create", &flags).spawn().unwrap();
            eventually(name, || {
                (moment(home) || client.try_wait().unwrap().is_some()).then_some(())
            });
            if name == "sending" {
                std::thread::sleep(Duration::from_millis(150));
            }
            let had_manifest = manifest(home);
            let output = end(home, client, victim);
            cut_off += usize::from(!output.status.success());
            let list = done(home, "list", &[]);
            println!(
                "{}: {victim} {name}: manifest {had_manifest}, {} left",
                home.mode(),
                list["count"]
            );
            if victim != "client" && !output.status.success() {
                let told = said(&output);
                assert!(told["hint"].is_string(), "{victim} {name}: {told}");
                assert_eq!(list["count"], 0, "{victim} {name}: it said that there is none: {told}");
            }
            for workspace in list["workspaces"].as_array().unwrap() {
                let id = workspace["workspace_id"].as_str().unwrap();
                // It was done, and its vm was killed after that, which its supervisor has yet to
                // see.
                if victim != "client" {
                    eventually("end of its vm", || {
                        (done(home, "status", &[id])["state"] == "stopped").then_some(())
                    });
                }
                done(home, "start", &[id]);
                whole(workspace);
            }
            home.assert_clean();
        }
        // Without a guest it is a matter of milliseconds.
        let is_fast = home.mode() == "host_compat";
        assert!(cut_off > 0 || is_fast, "{victim}: each create was done before it was killed");
    }
    let created = command(home, "create", &flags).output().unwrap();
    assert!(created.status.success(), "{}", stderr(&created));
    whole(&said(&created));
}
