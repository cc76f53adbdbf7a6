//! The lifetime of a workspace: activity renews it, its end stops the vm and keeps the disk.

use super::{created, done, exec, sql};
use crate::home::{ENVIRONMENT, Home, eventually};
use crate::{on_each_engine, on_the_host};
use serde_json::json;
use std::time::{Duration, Instant};

on_the_host!(activity_renews_a_lifetime_and_its_end_stops);
on_each_engine!(activity_renews_a_lifetime_and_its_end_stops);

/// Shorter than what a user may ask for, so that the test need not wait, and longer than a command takes on a busy host.
const LIFETIME: Duration = Duration::from_secs(8);

fn activity_renews_a_lifetime_and_its_end_stops(home: &Home) {
    let flags = [&[ENVIRONMENT, "--mem-mib", "512", "--ttl-seconds", "0"], home.allowed()].concat();
    let forever = done(home, "create", &flags);
    assert_eq!(forever["expires_at"], json!(null));
    done(home, "delete", &[forever["workspace_id"].as_str().unwrap()]);
    let id = created(home);
    done(home, "stop", &[&id]);
    let lives_for =
        |seconds: u64| sql(home, &format!("UPDATE workspace SET ttl_seconds = {seconds} WHERE id = '{id}'"));
    lives_for(LIFETIME.as_secs());
    done(home, "start", &[&id]);
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < LIFETIME * 2 {
        exec(home, &id, "echo more >> kept; sleep 1");
        count += 1;
    }
    // One that takes longer than a lifetime is not cut off by it.
    exec(home, &id, &format!("sleep {}", LIFETIME.as_secs() + 3));
    let workspace = done(home, "status", &[&id]);
    let alive_for = workspace["expires_at"].as_f64().unwrap() - workspace["last_activity_at"].as_f64().unwrap();
    assert_eq!((&workspace["state"], alive_for), (&json!("started"), LIFETIME.as_secs_f64()), "{workspace}");
    // From here on nobody does anything, and looking is nothing.
    let workspace = eventually("end of the lifetime", || {
        let workspace = done(home, "status", &[&id]);
        (workspace["state"] == "stopped").then_some(workspace)
    });
    assert!(
        workspace["last_error"].as_str().unwrap().contains("lifetime is over; its disk is kept for 7 days"),
        "{workspace}"
    );
    home.assert_idle();
    lives_for(600);
    let workspace = done(home, "start", &[&id]);
    assert_eq!((&workspace["state"], &workspace["last_error"]), (&json!("started"), &json!(null)));
    assert_eq!(exec(home, &id, "wc -l < kept"), format!("{count}\n"));
    done(home, "stop", &[&id]);
    // Over for longer than it is kept: gone, by whatever command comes next.
    lives_for(1);
    done(home, "start", &[&id]);
    eventually("end of the short lifetime", || (done(home, "status", &[&id])["state"] == "stopped").then_some(()));
    let list = super::command(home, "list", &[]).env("PYRO_WORKSPACE_RETENTION_SECONDS", "0").output().unwrap();
    assert_eq!(super::said(&list)["count"], 0);
    home.assert_clean();
}
