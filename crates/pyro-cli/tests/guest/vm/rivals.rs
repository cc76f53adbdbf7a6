//! Many want the same at once: one has it, the others are told, and nothing is broken.

use super::{created, done, said, started};
use crate::home::Home;
use crate::on_each_engine;
use std::process::Child;

on_each_engine!(one_of_many_wins, no_more_than_the_limit_are_active);

/// Do it in several processes at once: how many succeeded; the others' errors name the rivalry.
fn at_once(home: &Home, args: &[&str], allowed: &[&str]) -> usize {
    let clients: Vec<Child> = (0..5).map(|_| home.vm_client(args).spawn().unwrap()).collect();
    let outputs = clients.into_iter().map(|client| client.wait_with_output().unwrap());
    outputs
        .filter(|output| {
            let said = said(output);
            let kind = said["kind"].as_str().unwrap_or_default();
            assert!(output.status.success() || allowed.contains(&kind), "{args:?}: {said}");
            output.status.success()
        })
        .count()
}

fn one_of_many_wins(home: &Home) {
    let id = created(home, "600");
    for _ in 0..2 {
        assert_eq!(at_once(home, &["start", &id], &["busy", "wrong_state"]), 1);
        assert_eq!(done(home, &["status", &id])["state"], "started");
        assert_eq!(at_once(home, &["stop", &id], &["busy", "wrong_state"]), 1);
        assert_eq!(done(home, &["status", &id])["state"], "stopped");
    }
    done(home, &["start", &id]);
    assert_eq!(at_once(home, &["delete", &id], &["busy", "not_found"]), 1);
    home.assert_clean();
    let id = started(home);
    assert_eq!(
        at_once(home, &["exec", &id, "30", "true"], &["busy", "not_found", "wrong_state"]),
        1
    );
    home.assert_clean();
}

fn no_more_than_the_limit_are_active(home: &Home) {
    let (first, second) = (started(home), created(home, "600"));
    let limited = |args: &[&str]| {
        let output = home.vm_client(args).env("PYRO_MAX_ACTIVE_VMS", "1").output().unwrap();
        said(&output)
    };
    let refused = limited(&["start", &second]);
    assert_eq!(refused["kind"], "busy", "{refused}");
    assert!(refused["hint"].as_str().unwrap().contains("PYRO_MAX_ACTIVE_VMS"), "{refused}");
    let run =
        home.run_command(&["--json"], &["true"]).env("PYRO_MAX_ACTIVE_VMS", "1").output().unwrap();
    assert_eq!(said(&run)["kind"], "busy");
    done(home, &["stop", &first]);
    assert_eq!(limited(&["start", &second])["state"], "started");
    for id in [first, second] {
        done(home, &["delete", &id]);
    }
}
