//! Forks: many from one disk, each on its own from then on.

use super::{command, created, done, exec, failed, said};
use crate::home::{Home, is_strict};
use crate::on_each_engine;
use serde_json::{Value, json};

on_each_engine!(forks_diverge, a_stopped_workspace_can_be_forked);

fn ids(forks: &Value) -> Vec<String> {
    let ids = forks["workspaces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fork| fork["workspace_id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

fn forks_diverge(home: &Home) {
    let parent = created(home);
    exec(home, &parent, "echo parent > who; cp /bin/true /usr/local/bin/installed");
    // It writes before, meanwhile and afterwards.
    let writing =
        "for i in $(seq 1 200); do echo $i >> counted || exit 1; sleep 0.02; done; wc -l < counted";
    let writer = command(home, "exec", &[&parent, "--timeout-seconds", "900", "--", writing])
        .spawn()
        .unwrap();
    let forks = done(home, "fork", &[&parent, "--count", "3", "--name", "kid"]);
    let held = forks["held_ms"].as_u64().unwrap();
    println!("{}: writes were held for {held} ms", home.mode());
    assert!(held < if is_strict() { 200 } else { 20_000 }, "writes were held for {held} ms");
    let children = ids(&forks);
    assert_eq!((&forks["count"], &forks["workspace_id"]), (&json!(3), &json!(parent)));
    for (number, fork) in forks["workspaces"].as_array().unwrap().iter().enumerate() {
        assert_eq!(
            (&fork["name"], &fork["state"]),
            (&json!(format!("kid-{}", number + 1)), &json!("started"))
        );
        assert_eq!((&fork["command_count"], &fork["reset_count"]), (&json!(0), &json!(0)));
    }
    let written = said(&writer.wait_with_output().unwrap());
    assert_eq!(
        (&written["exit_code"], &written["stdout"]),
        (&json!(0), &json!("200\n")),
        "{written}"
    );
    for child in &children {
        assert_eq!(exec(home, child, "installed; cat who; hostname > who"), "parent\n");
        // What the parent had written at one moment, and nothing of what it wrote after that.
        let counted = exec(home, child, "cat counted || true");
        assert!(
            counted.lines().zip(1..).all(|(line, number)| line == number.to_string()),
            "{counted:?}"
        );
        assert!(counted.is_empty() || counted.ends_with('\n'), "{counted:?}");
    }
    assert_eq!(exec(home, &parent, "cat who"), "parent\n");
    let mut own: Vec<String> = children.iter().map(|child| exec(home, child, "cat who")).collect();
    own.sort_unstable();
    own.dedup();
    assert_eq!(own.len(), 3, "each has a name and a disk of its own: {own:?}");
    // A fork of a fork; then they go in an order that pulls out what others stand on.
    let grandchild = ids(&done(home, "fork", &[&children[0]])).remove(0);
    done(home, "delete", &[&parent]);
    done(home, "delete", &[&children[0]]);
    assert_eq!(exec(home, &grandchild, "installed; wc -l < who"), "1\n");
    done(home, "stop", &[&grandchild]);
    done(home, "start", &[&grandchild]);
    // What it resets to is the parent's baseline.
    done(home, "reset", &[&grandchild]);
    assert_eq!(
        exec(home, &grandchild, "ls -A /workspace /usr/local/bin"),
        "/usr/local/bin:\n\n/workspace:\n"
    );
    for id in [&children[2], &grandchild, &children[1]] {
        done(home, "delete", &[id]);
    }
    home.assert_clean();
}

fn a_stopped_workspace_can_be_forked(home: &Home) {
    let parent = created(home);
    exec(home, &parent, "echo parent > who");
    done(home, "stop", &[&parent]);
    let forks = done(home, "fork", &[&parent, "--count", "2"]);
    assert_eq!(forks["held_ms"], 0);
    assert_eq!(done(home, "status", &[&parent])["state"], "stopped");
    // Once more, before anything was written to what it goes on in.
    let children = [ids(&forks), ids(&done(home, "fork", &[&parent]))].concat();
    for child in &children {
        assert_eq!(exec(home, child, "cat who; echo child > who; cat who"), "parent\nchild\n");
    }
    done(home, "start", &[&parent]);
    assert_eq!(exec(home, &parent, "cat who"), "parent\n");
    assert_eq!(failed(home, "fork", &[&parent, "--name", "two\nlines"]), "invalid_input");
    for id in [&children[1], &parent, &children[0], &children[2]] {
        done(home, "delete", &[id]);
    }
    home.assert_clean();
}
