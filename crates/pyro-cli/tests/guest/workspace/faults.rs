//! Everything of a workspace is killed at each of its steps: it is as before or as after, and
//! nothing is left.

use super::{command, created, done, exec, said, sql_row};
use crate::home::{ENVIRONMENT, Home, ended, eventually, is_signalled, kill};
use crate::{on_each_engine, on_the_host};
use serde_json::json;
use std::process::{Child, Output};

on_the_host!(
    a_killed_supervisor_or_engine_loses_nothing,
    a_create_that_is_killed_leaves_nothing,
    a_reset_that_is_killed_is_done_or_not,
    a_stop_or_delete_that_is_killed_can_be_repeated,
    a_start_that_is_killed_is_followed_by_another,
);
on_each_engine!(
    a_killed_supervisor_or_engine_loses_nothing,
    a_create_that_is_killed_leaves_nothing,
    a_reset_that_is_killed_is_done_or_not,
    a_reset_whose_vms_are_killed_is_done_or_not,
    a_fork_that_is_killed_leaves_the_parent,
    a_fork_whose_vms_are_killed_is_done_or_not,
    a_stop_or_delete_that_is_killed_can_be_repeated,
    a_start_that_is_killed_is_followed_by_another,
);

/// How many processes of the home are called so.
fn count(home: &Home, part: &str) -> usize {
    home.processes().iter().filter(|(_, line)| line.contains(part)).count()
}

/// Whether some workspace's record says that this is being done to it.
fn changing(home: &Home, change: &str) -> bool {
    sql_row(home, "SELECT change FROM workspace") == change
}

fn vm_state(home: &Home) -> String {
    sql_row(home, "SELECT state FROM vm")
}

/// Kill a command when `moment` has come, or when it was faster; whether it was killed.
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

fn a_killed_supervisor_or_engine_loses_nothing(home: &Home) {
    let id = created(home);
    for victim in ["supervise", home.engine()] {
        // No sync: what was acknowledged is on the disk.
        exec(home, &id, &format!("echo {victim} >> kept"));
        kill(home.process(victim), "-KILL");
        home.assert_idle();
        let workspace = done(home, "status", &[&id]);
        assert_eq!(workspace["state"], "stopped", "{workspace}");
        assert!(workspace["last_error"].as_str().unwrap().contains("killed"), "{workspace}");
        let workspace = done(home, "start", &[&id]);
        assert_eq!(
            (&workspace["state"], &workspace["last_error"]),
            (&json!("started"), &json!(null))
        );
    }
    assert_eq!(exec(home, &id, "cat kept"), format!("supervise\n{}\n", home.engine()));
    done(home, "delete", &[&id]);
}

fn a_create_that_is_killed_leaves_nothing(home: &Home) {
    let moments: [fn(&Home) -> bool; 5] = [
        |home| !home.names("vms").is_empty(),
        |home| count(home, "supervise") > 0,
        |home| !home.names("layers").is_empty(),
        |home| count(home, home.engine()) > 0,
        |home| home.names("layers").len() > 1,
    ];
    // The first one saves the template, which is another way.
    done(home, "delete", &[&created(home)]);
    for (number, moment) in moments.into_iter().enumerate() {
        let flags = [&[ENVIRONMENT, "--mem-mib", "512"], home.allowed()].concat();
        let client = command(home, "create", &flags).spawn().unwrap();
        let was_killed = kill_at(client, || moment(home));
        let list = done(home, "list", &[]);
        println!("{}: moment {number}: killed {was_killed}, {} left", home.mode(), list["count"]);
        // It is as good as done when its record says so.
        for workspace in list["workspaces"].as_array().unwrap() {
            let id = workspace["workspace_id"].as_str().unwrap();
            assert_eq!(exec(home, id, "echo whole"), "whole\n");
            done(home, "delete", &[id]);
        }
        home.assert_clean();
    }
}

fn a_reset_that_is_killed_is_done_or_not(home: &Home) {
    let moments: [fn(&Home) -> bool; 4] = [
        |home| home.names("vms").len() > 1,
        |home| home.names("layers").len() > 2,
        |home| count(home, home.engine()) > 1,
        |home| home.names("run").len() > 1,
    ];
    let id = created(home);
    for (number, moment) in moments.into_iter().enumerate() {
        exec(home, &id, "echo before > file");
        let before = done(home, "status", &[&id]);
        let resets = before["reset_count"].as_u64().unwrap();
        let was_killed = kill_at(command(home, "reset", &[&id]).spawn().unwrap(), || moment(home));
        let workspace = done(home, "status", &[&id]);
        println!(
            "{}: moment {number}: killed {was_killed}, {} resets",
            home.mode(),
            workspace["reset_count"]
        );
        assert_eq!(
            (&workspace["state"], &workspace["change"]),
            (&json!("started"), &json!(null)),
            "{workspace}"
        );
        let was_reset = workspace["reset_count"].as_u64().unwrap() > resets;
        assert!(was_killed || was_reset);
        // The history goes with the disk that it is of.
        let commands = if was_reset { &json!(0) } else { &before["command_count"] };
        assert_eq!(&workspace["command_count"], commands, "{workspace}");
        assert_eq!(&done(home, "logs", &[&id])["count"], commands);
        let expected = if was_reset { "gone\n" } else { "before\n" };
        assert_eq!(exec(home, &id, "cat file 2>/dev/null || echo gone"), expected);
        assert_eq!(
            (home.names("vms").len(), home.names("layers").len()),
            (1, 2),
            "{:?}",
            home.leftovers()
        );
    }
    done(home, "delete", &[&id]);
}

/// The two processes of a workspace's vm.
const OF_A_VM: [&str; 2] = ["supervise", "-no-user-config"];

fn new_process(home: &Home, part: &str, known: &[i32]) -> Option<i32> {
    let mut processes = home.processes().into_iter();
    processes.find(|(pid, line)| line.contains(part) && !known.contains(pid)).map(|(pid, _)| pid)
}

/// Start what starts another vm; while that one's engine is stopped, and brings no guest up, kill a
/// process: the one that was there before, or the new vm's. What the client said.
fn killed_in_a_start(home: &Home, verb: &str, id: &str, part: &str, is_old: bool) -> Output {
    let old = OF_A_VM.map(|part| home.process(part));
    let mut client = command(home, verb, &[id]).spawn().unwrap();
    let engine = eventually("a new engine", || {
        assert!(client.try_wait().unwrap().is_none(), "{verb} ended without one");
        new_process(home, "-no-user-config", &old)
    });
    is_signalled(engine, "-STOP");
    for (pid, line) in home.processes() {
        if line.contains(part) && old.contains(&pid) == is_old {
            is_signalled(pid, "-KILL");
        }
    }
    is_signalled(engine, "-CONT");
    ended(client)
}

/// It failed, and says that a process was killed and what to do.
fn assert_told(output: &Output, hint: &str) {
    let told = said(output);
    assert!(!output.status.success() && told["kind"] == "guest", "{told}");
    assert!(told["error"].as_str().unwrap().contains("killed"), "{told}");
    assert!(told["hint"].as_str().unwrap().contains(hint), "{told}");
}

/// Whatever became of its vm, it runs then, with what the last command has left.
fn assert_kept(home: &Home, id: &str, line: &str) {
    done(home, "start", &[id]);
    assert_eq!(exec(home, id, "cat file"), format!("{line}\n"));
}

fn a_reset_whose_vms_are_killed_is_done_or_not(home: &Home) {
    let id = created(home);
    for part in OF_A_VM {
        // The old vm ends by the reset anyhow; without the new one there is none.
        exec(home, &id, "echo before > file");
        let output = killed_in_a_start(home, "reset", &id, part, true);
        assert!(output.status.success(), "{part}: {}", said(&output));
        assert_eq!(exec(home, &id, "ls -A; echo before > file"), "", "{part}");
        eventually("kill that came before the new guest was up", || {
            let resets = done(home, "status", &[&id])["reset_count"].clone();
            let output = killed_in_a_start(home, "reset", &id, part, false);
            if output.status.success() {
                done(home, "start", &[&id]);
                exec(home, &id, "echo before > file");
                return None;
            }
            assert_told(&output, "try again");
            let workspace = done(home, "status", &[&id]);
            assert_eq!(
                (&workspace["state"], &workspace["change"]),
                (&json!("started"), &json!(null)),
                "{workspace}"
            );
            assert_eq!(workspace["reset_count"], resets, "{part}: {workspace}");
            Some(())
        });
        assert_kept(home, &id, "before");
        let counts = ["vms", "run", "layers"].map(|name| home.names(name).len());
        assert_eq!(counts, [1, 1, 2], "{part}: {:?}", home.leftovers());
    }
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn a_fork_whose_vms_are_killed_is_done_or_not(home: &Home) {
    let id = created(home);
    for part in OF_A_VM {
        exec(home, &id, &format!("echo {part} > file"));
        a_fork_whose_parent_is_killed(home, &id, part);
        // With the layer closed it needs its parent no more.
        let output = killed_in_a_start(home, "fork", &id, part, true);
        assert!(output.status.success(), "{part}: {}", said(&output));
        assert_kept(home, said(&output)["workspaces"][0]["workspace_id"].as_str().unwrap(), part);
        assert_kept(home, &id, part);
        delete_all_but(home, &id);
        eventually("kill that came before the new guest was up", || {
            let output = killed_in_a_start(home, "fork", &id, part, false);
            if output.status.success() {
                delete_all_but(home, &id);
                return None;
            }
            assert_told(&output, "try again");
            Some(())
        });
        assert_eq!(done(home, "list", &[])["count"], 1, "{part}");
        let workspace = done(home, "status", &[&id]);
        assert_eq!(
            (&workspace["state"], &workspace["change"]),
            (&json!("started"), &json!(null)),
            "{workspace}"
        );
        assert_kept(home, &id, part);
        assert_eq!(
            (home.names("vms").len(), home.names("run").len()),
            (1, 1),
            "{:?}",
            home.leftovers()
        );
    }
    done(home, "delete", &[&id]);
    home.assert_clean();
}

/// A stopped engine answers nothing: its layer is not closed, and then nobody can close it any
/// more.
fn a_fork_whose_parent_is_killed(home: &Home, id: &str, part: &str) {
    let layers = home.names("layers").len();
    kill(home.process("-no-user-config"), "-STOP");
    let client = command(home, "fork", &[id]).spawn().unwrap();
    eventually("fork", || changing(home, "forking").then_some(()));
    kill(home.process(part), "-KILL");
    assert_told(&ended(client), &format!("pyro workspace start {id}"));
    let list = done(home, "list", &[]);
    assert_eq!(
        (&list["count"], &list["workspaces"][0]["state"]),
        (&json!(1), &json!("stopped")),
        "{part}: {list}"
    );
    assert_kept(home, id, part);
    assert_eq!(home.names("layers").len(), layers, "{part}: {:?}", home.leftovers());
}

fn delete_all_but(home: &Home, id: &str) {
    for workspace in done(home, "list", &[])["workspaces"].as_array().unwrap() {
        let other = workspace["workspace_id"].as_str().unwrap();
        if other != id {
            done(home, "delete", &[other]);
        }
    }
}

fn a_fork_that_is_killed_leaves_the_parent(home: &Home) {
    let moments: [fn(&Home, usize) -> bool; 4] = [
        |home, layers| home.names("layers").len() > layers,
        |home, _| home.names("vms").len() > 1,
        |home, _| count(home, home.engine()) > 1,
        |home, _| home.names("run").len() > 2,
    ];
    let id = created(home);
    for (number, moment) in moments.into_iter().enumerate() {
        exec(home, &id, &format!("echo {number} >> file"));
        let layers = home.names("layers").len();
        let client = command(home, "fork", &[&id, "--count", "2"]).spawn().unwrap();
        let was_killed = kill_at(client, || moment(home, layers));
        let list = done(home, "list", &[]);
        println!(
            "{}: moment {number}: killed {was_killed}, {} workspaces",
            home.mode(),
            list["count"]
        );
        for workspace in list["workspaces"].as_array().unwrap() {
            assert_eq!(workspace["state"], "started", "{workspace}");
            let child = workspace["workspace_id"].as_str().unwrap();
            assert_eq!(exec(home, child, "tail -n 1 file"), format!("{number}\n"));
            if child != id {
                done(home, "delete", &[child]);
            }
        }
        assert_eq!(home.names("vms").len(), 1, "{:?}", home.leftovers());
    }
    done(home, "stop", &[&id]);
    done(home, "start", &[&id]);
    assert_eq!(exec(home, &id, "cat file"), "0\n1\n2\n3\n");
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn a_stop_or_delete_that_is_killed_can_be_repeated(home: &Home) {
    let id = created(home);
    exec(home, &id, "echo kept > file");
    // Its record says that somebody is at it, or that it is done.
    let changing = |state: &str| {
        let workspace = said(&command(home, "status", &[&id]).output().unwrap());
        workspace["state"] != state || workspace["change"].is_string()
    };
    kill_at(command(home, "stop", &[&id]).spawn().unwrap(), || changing("started"));
    assert_eq!(done(home, "stop", &[&id])["state"], "stopped");
    kill_at(command(home, "start", &[&id]).spawn().unwrap(), || changing("stopped"));
    assert_eq!(done(home, "start", &[&id])["state"], "started");
    assert_eq!(exec(home, &id, "cat file"), "kept\n");
    let mut client = command(home, "delete", &[&id]).spawn().unwrap();
    eventually("end of its vm", || (count(home, home.engine()) == 0).then_some(()));
    let _ = client.kill();
    client.wait().unwrap();
    assert_eq!(done(home, "list", &[])["count"], 0);
    home.assert_clean();
}

fn a_start_that_is_killed_is_followed_by_another(home: &Home) {
    let moments: [fn(&Home) -> bool; 5] = [
        |home| changing(home, "starting"),
        |home| count(home, "supervise") > 0,
        |home| count(home, home.engine()) > 0,
        |home| !home.names("run").is_empty(),
        |home| vm_state(home) == "started",
    ];
    let id = created(home);
    exec(home, &id, "echo kept > file");
    for (number, moment) in moments.into_iter().enumerate() {
        for next in ["start", "stop", "reset"] {
            done(home, "stop", &[&id]);
            let was_killed =
                kill_at(command(home, "start", &[&id]).spawn().unwrap(), || moment(home));
            let workspace = done(home, next, &[&id]);
            println!(
                "{}: moment {number}: killed {was_killed}, then {next}: {}",
                home.mode(),
                workspace["state"]
            );
            assert_eq!(workspace["state"], if next == "stop" { "stopped" } else { "started" });
            if next == "stop" {
                home.assert_idle();
                done(home, "start", &[&id]);
            }
            let expected = if next == "reset" { "gone\n" } else { "kept\n" };
            assert_eq!(exec(home, &id, "cat file || echo gone; echo kept > file"), expected);
            assert_eq!(
                (home.names("vms").len(), home.names("run").len()),
                (1, 1),
                "{:?}",
                home.leftovers()
            );
        }
    }
    done(home, "delete", &[&id]);
    home.assert_clean();
}
