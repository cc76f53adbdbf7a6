//! Broken records and lost files: what is left is told, and can be removed with all that it holds.

use super::{command, created, done, exec, failed, said, sql, sql_row};
use crate::home::{ENVIRONMENT, Home, eventually, stderr};
use crate::on_each_engine;
use serde_json::json;

on_each_engine!(
    a_broken_record_can_be_deleted,
    a_lost_layer_is_told,
    the_record_of_a_vm_is_replaced
);

fn a_broken_record_can_be_deleted(home: &Home) {
    let seed = home.path().join("seed");
    std::fs::create_dir(&seed).unwrap();
    std::fs::write(seed.join("f"), "seeded").unwrap();
    let good = created(home);
    for (state, nonsense) in [
        ("started", "labels = 'no labels'"),
        ("stopped", "labels = 'no labels'"),
        ("started", "seed = '{', change = 'dancing', owner = 'nobody'"),
        ("started", "change = 'resetting', owner = '1:1', mem_mib = -1, next_vm = '../../x'"),
        // Nothing tells of its vm any more; that goes because nothing names it.
        ("started", "vm = '../../x'"),
        ("stopped", "last_activity_at = 1.0, vm = NULL, top_layer = NULL, name = 'n', labels = ''"),
    ] {
        let flags = [ENVIRONMENT, "--mem-mib", "512", "--seed-path", seed.to_str().unwrap()];
        let broken = done(home, "create", &flags)["workspace_id"].as_str().unwrap().to_owned();
        if state == "stopped" {
            done(home, "stop", &[&broken]);
        }
        sql(home, &format!("UPDATE workspace SET {nonsense} WHERE id = '{broken}'"));
        assert_eq!(failed(home, "status", &[&broken]), "corrupt", "{nonsense}");
        let list = home.pyro(&["workspace", "list"]).output().unwrap();
        assert!(
            stderr(&list).contains(&format!("pyro workspace delete {broken}")),
            "{}",
            stderr(&list)
        );
        assert_eq!(done(home, "delete", &[&broken])["deleted"], true);
        assert_eq!(failed(home, "delete", &[&broken]), "not_found");
        // With what no record named any more.
        assert_eq!(done(home, "list", &[])["count"], 1);
        let counts = ["vms", "run", "layers", "workspaces"].map(|name| home.names(name).len());
        assert_eq!(counts, [1, 1, 2, 1], "{nonsense}: {:?}", home.leftovers());
    }
    assert_eq!(exec(home, &good, "echo good"), "good\n");
    done(home, "delete", &[&good]);
    home.assert_clean();
}

fn a_lost_layer_is_told(home: &Home) {
    let id = created(home);
    exec(home, &id, "echo kept > file");
    done(home, "stop", &[&id]);
    let lost = |column: &str| {
        let layer = sql_row(home, &format!("SELECT {column} FROM workspace"));
        std::fs::remove_file(home.data_dir().join(format!("layers/{layer}.qcow2"))).unwrap();
    };
    lost("top_layer");
    // Never a new, empty one in its place.
    for verb in ["start", "fork"] {
        let told = said(&command(home, verb, &[&id]).output().unwrap());
        assert_eq!(told["kind"], "corrupt", "{verb}: {told}");
        assert!(
            told["hint"].as_str().unwrap().contains(&format!("pyro workspace reset {id}")),
            "{verb}: {told}"
        );
    }
    assert_eq!(done(home, "status", &[&id])["state"], "stopped");
    assert_eq!(failed(home, "exec", &[&id, "--", "true"]), "wrong_state");
    done(home, "reset", &[&id]);
    assert_eq!(exec(home, &id, "ls; echo new > file"), "");
    done(home, "stop", &[&id]);
    lost("baseline_layer");
    for verb in ["start", "reset", "fork"] {
        let told = said(&command(home, verb, &[&id]).output().unwrap());
        assert_eq!(told["kind"], "corrupt", "{verb}: {told}");
        assert!(
            told["hint"].as_str().unwrap().contains(&format!("pyro workspace delete {id}")),
            "{verb}: {told}"
        );
    }
    assert_eq!(done(home, "status", &[&id])["state"], "stopped");
    done(home, "delete", &[&id]);
    home.assert_clean();
}

fn the_record_of_a_vm_is_replaced(home: &Home) {
    let id = created(home);
    for verb in ["start", "reset", "stop"] {
        exec(home, &id, "echo kept > file");
        sql(home, "UPDATE vm SET state = 'dancing'");
        let workspace = done(home, "status", &[&id]);
        assert_eq!(workspace["state"], "stopped", "{workspace}");
        eventually("end of what nothing names", || home.processes().is_empty().then_some(()));
        let state = if verb == "stop" { "stopped" } else { "started" };
        assert_eq!(done(home, verb, &[&id])["state"], json!(state), "{verb}");
        done(home, "start", &[&id]);
        let expected = if verb == "reset" { "" } else { "kept\n" };
        assert_eq!(exec(home, &id, "cat file || true"), expected, "{verb}");
        assert_eq!(
            (home.names("vms").len(), home.names("run").len()),
            (1, 1),
            "{:?}",
            home.leftovers()
        );
    }
    sql(home, "UPDATE vm SET state = 'dancing'");
    done(home, "delete", &[&id]);
    home.assert_clean();
}
