//! Snapshots while everything is killed, full, or wanted by two: an acknowledged one stays, and
//! nothing else is left.

use super::{did, names, reset, snapshot};
use crate::home::{ENVIRONMENT, Home, ended, eventually, kill};
use crate::workspace::full::Small;
use crate::workspace::{command, created, done, exec, said, sql_row};
use crate::{on_each_engine, on_the_host};
use serde_json::json;
use std::process::Child;

on_the_host!(a_snapshot_whose_client_is_killed_is_there_or_not);
on_each_engine!(
    a_snapshot_whose_client_is_killed_is_there_or_not,
    a_snapshot_whose_machine_is_killed_leaves_the_workspace,
    a_reset_to_a_snapshot_that_is_killed_is_done_or_not,
    a_delete_that_is_killed_while_it_merges_loses_nothing,
    two_that_snapshot_and_reset_one_workspace,
    a_full_guest_can_be_put_back,
    a_full_host_takes_no_snapshot_and_loses_none,
);

fn kill_at(mut client: Child, mut moment: impl FnMut() -> bool) -> bool {
    let was_killed = eventually("moment to kill at", || {
        if client.try_wait().unwrap().is_some() {
            return Some(false);
        }
        moment().then_some(true)
    });
    let _ = client.kill();
    client.wait().unwrap();
    was_killed
}

fn is_changing(home: &Home) -> bool {
    sql_row(home, "SELECT change FROM workspace") == "snapshotting"
}

fn a_snapshot_whose_client_is_killed_is_there_or_not(home: &Home) {
    let moments: [fn(&Home, usize) -> bool; 3] = [
        |home, _| is_changing(home),
        |home, layers| home.names("layers").len() > layers,
        |home, _| sql_row(home, "SELECT name FROM snapshot WHERE name <> 'sure'").len() > 1,
    ];
    let id = created(home);
    exec(home, &id, "echo sure > file");
    did(home, "create", &[&id, "sure"]);
    for (number, moment) in moments.into_iter().enumerate() {
        exec(home, &id, &format!("echo {number} > file"));
        let layers = home.names("layers").len();
        let client = snapshot(home, "create", &[&id, "new"]).spawn().unwrap();
        let was_killed = kill_at(client, || moment(home, layers));
        let names = names(home, &id);
        println!("{}: moment {number}: killed {was_killed}, {names:?}", home.mode());
        assert!(names.ends_with(&["sure".to_owned()]) && names.len() <= 3, "{names:?}");
        // Whoever comes next has it.
        assert_eq!(exec(home, &id, "cat file"), format!("{number}\n"));
        if names.len() == 3 {
            reset(home, &id, "new");
            assert_eq!(exec(home, &id, "cat file"), format!("{number}\n"));
            // The same for its end.
            let client = snapshot(home, "delete", &[&id, "new"]).spawn().unwrap();
            kill_at(client, || is_changing(home));
            if super::names(home, &id).len() == 3 {
                did(home, "delete", &[&id, "new"]);
            }
        }
        let workspace = done(home, "status", &[&id]);
        assert_eq!((&workspace["state"], &workspace["change"]), (&json!("started"), &json!(null)));
    }
    reset(home, &id, "sure");
    assert_eq!(exec(home, &id, "cat file"), "sure\n");
    // The baseline, the snapshot, and the one above; nothing of what was killed.
    assert_eq!(home.names("layers").len(), 3, "{:?}", home.leftovers());
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn a_snapshot_whose_machine_is_killed_leaves_the_workspace(home: &Home) {
    let id = created(home);
    exec(home, &id, "echo sure > file");
    did(home, "create", &[&id, "sure"]);
    for part in ["supervise", "-no-user-config"] {
        exec(home, &id, &format!("echo {part} > file"));
        // A stopped engine answers nothing: its layer is not closed, and then nobody can.
        kill(home.process("-no-user-config"), "-STOP");
        let client = snapshot(home, "create", &[&id, "new"]).spawn().unwrap();
        eventually("a snapshot", || is_changing(home).then_some(()));
        kill(home.process(part), "-KILL");
        let output = ended(client);
        let told = said(&output);
        assert!(!output.status.success() && told["hint"].is_string(), "{part}: {told}");
        assert_eq!(names(home, &id), ["baseline", "sure"], "{part}");
        done(home, "start", &[&id]);
        assert_eq!(exec(home, &id, "cat file"), format!("{part}\n"));
    }
    reset(home, &id, "sure");
    assert_eq!(exec(home, &id, "cat file"), "sure\n");
    assert_eq!(home.names("layers").len(), 3, "{:?}", home.leftovers());
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn a_reset_to_a_snapshot_that_is_killed_is_done_or_not(home: &Home) {
    let moments: [fn(&Home) -> bool; 3] = [
        |home| home.names("vms").len() > 1,
        |home| home.names("layers").len() > 3,
        |home| home.names("run").len() > 1,
    ];
    let id = created(home);
    exec(home, &id, "echo sure > file");
    did(home, "create", &[&id, "sure"]);
    for (number, moment) in moments.into_iter().enumerate() {
        exec(home, &id, "echo before > file");
        let client = command(home, "reset", &[&id, "--snapshot", "sure"]).spawn().unwrap();
        let was_killed = kill_at(client, || moment(home));
        let workspace = done(home, "status", &[&id]);
        let file = exec(home, &id, "cat file");
        println!("{}: moment {number}: killed {was_killed}, {file:?}", home.mode());
        assert_eq!((&workspace["state"], &workspace["change"]), (&json!("started"), &json!(null)));
        assert!(file == "sure\n" || (was_killed && file == "before\n"), "{file}");
        assert_eq!(names(home, &id), ["baseline", "sure"]);
        assert_eq!(home.names("layers").len(), 3, "{:?}", home.leftovers());
    }
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn a_delete_that_is_killed_while_it_merges_loses_nothing(home: &Home) {
    let moments: [fn(&Home, usize) -> bool; 3] = [
        |home, _| sql_row(home, "SELECT name FROM snapshot WHERE name = 'n1'").is_empty(),
        |home, layers| home.names("layers").len() > layers,
        |home, layers| home.names("layers").len() < layers,
    ];
    let id = created(home);
    for (number, moment) in moments.into_iter().enumerate() {
        let mut sums = Vec::new();
        for name in ["n0", "n1", "n2"] {
            exec(home, &id, &format!("head -c 20000000 /dev/urandom > {name}"));
            sums.push(exec(home, &id, "sha256sum n*"));
            did(home, "create", &[&id, name]);
        }
        let layers = home.names("layers").len();
        let client = snapshot(home, "delete", &[&id, "n1"]).spawn().unwrap();
        let was_killed = kill_at(client, || moment(home, layers));
        let there = names(home, &id);
        println!("{}: moment {number}: killed {was_killed}, {there:?}", home.mode());
        assert_eq!(there, ["baseline", "n2", "n0"]);
        assert_eq!(exec(home, &id, "sha256sum n*"), sums[2]);
        // The next one goes on with it; what is left is read from the files as they are now.
        did(home, "delete", &[&id, "n0"]);
        assert_eq!(home.names("layers").len(), 3, "{:?}", home.leftovers());
        reset(home, &id, "n2");
        assert_eq!(exec(home, &id, "sha256sum n*"), sums[2]);
        did(home, "delete", &[&id, "n2"]);
        reset(home, &id, "baseline");
        assert_eq!(home.names("layers").len(), 2, "{:?}", home.leftovers());
    }
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn two_that_snapshot_and_reset_one_workspace(home: &Home) {
    let id = created(home);
    exec(home, &id, "echo sure > file");
    did(home, "create", &[&id, "sure"]);
    let mut taken = vec!["sure".to_owned()];
    for round in 0..6 {
        let name = format!("n{round}");
        let clients = [
            (None, command(home, "reset", &[&id, "--snapshot", "sure"])),
            (Some(&name), snapshot(home, "create", &[&id, &name])),
            (None, snapshot(home, "create", &[&id, "sure"])),
        ];
        let clients = clients.map(|(name, mut client)| (name, client.spawn().unwrap()));
        for (name, client) in clients {
            let output = ended(client);
            match (name, output.status.success()) {
                (Some(name), true) => taken.push(name.clone()),
                (_, true) => {}
                (_, false) => {
                    let told = said(&output);
                    let kind = told["kind"].as_str().unwrap();
                    assert!(["busy", "already_exists", "guest"].contains(&kind), "{told}");
                }
            }
        }
    }
    println!("{}: taken {taken:?}", home.mode());
    let mut there = names(home, &id);
    there.remove(0);
    there.reverse();
    assert_eq!(there, taken);
    for name in &taken {
        reset(home, &id, name);
        assert_eq!(exec(home, &id, "cat file"), "sure\n", "{name}");
    }
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn a_full_guest_can_be_put_back(home: &Home) {
    let id = created(home);
    exec(home, &id, "echo kept > file");
    did(home, "create", &[&id, "room"]);
    // All but what root alone may take; nothing of it is written.
    let fill = "fallocate -l $(df -B1 --output=avail / | tail -1) fill; sync; cp /bin/sh s || true";
    exec(home, &id, fill);
    did(home, "create", &[&id, "full"]);
    reset(home, &id, "room");
    assert_eq!(exec(home, &id, "ls; echo more > more; cat more"), "file\nmore\n");
    reset(home, &id, "full");
    assert_eq!(exec(home, &id, "cat file; rm fill"), "kept\n");
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn a_full_host_takes_no_snapshot_and_loses_none(home: &Home) {
    let Some(small) = Small::new(home, 64) else { return };
    let id = &small.ok(&["create", ENVIRONMENT, "--mem-mib", "512"])["workspace_id"]
        .as_str()
        .unwrap()
        .to_owned();
    small.exec(id, "echo kept > file");
    small.ok(&["snapshot", "create", id, "sure"]);
    let before = small.held();
    for left_kib in [16, 64, 300] {
        small.fill(left_kib);
        let (is_done, told) = small.workspace(&["snapshot", "create", id, "new"]);
        println!("{}: {left_kib} KiB left: {told}", home.mode());
        small.sh("rm data/fill");
        small.ok(&["start", id]);
        assert_eq!(small.exec(id, "cat file"), "kept\n");
        if is_done {
            small.ok(&["snapshot", "delete", id, "new"]);
        } else {
            crate::workspace::full::assert_full(&told);
        }
    }
    small.exec(id, "echo lost > file");
    small.ok(&["reset", id, "--snapshot", "sure"]);
    assert_eq!(small.exec(id, "cat file"), "kept\n");
    // A layer that was closed, and could not get its name, has gone with the disk that stood on it.
    small.holds(before);
    small.ok(&["delete", id]);
    small.holds([0; 4]);
}
