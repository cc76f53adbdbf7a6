//! The lifetime of a workspace: activity renews it, its end stops the vm and keeps the disk.

use super::{created, done, exec, sql};
use crate::home::{ENVIRONMENT, Home, eventually};
use crate::{on_each_engine, on_the_host};
use serde_json::json;
use std::time::{Duration, Instant};

on_the_host!(activity_renews_a_lifetime_and_its_end_stops);
on_each_engine!(
    activity_renews_a_lifetime_and_its_end_stops,
    a_running_one_is_given_another_lifetime
);

/// Shorter than what a user may ask for, so that the test need not wait, and longer than a command
/// takes on a busy host.
const LIFETIME: Duration = Duration::from_secs(8);

fn activity_renews_a_lifetime_and_its_end_stops(home: &Home) {
    let flags = [&[ENVIRONMENT, "--mem-mib", "512", "--ttl-seconds", "0"], home.allowed()].concat();
    let forever = done(home, "create", &flags);
    assert_eq!(forever["expires_at"], json!(null));
    done(home, "delete", &[forever["workspace_id"].as_str().unwrap()]);
    let id = created(home);
    done(home, "stop", &[&id]);
    let lives_for = |seconds: u64| {
        sql(home, &format!("UPDATE workspace SET ttl_seconds = {seconds} WHERE id = '{id}'"))
    };
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
    let alive_for =
        workspace["expires_at"].as_f64().unwrap() - workspace["last_activity_at"].as_f64().unwrap();
    assert_eq!(
        (&workspace["state"], alive_for),
        (&json!("started"), LIFETIME.as_secs_f64()),
        "{workspace}"
    );
    // From here on nobody does anything, and looking is nothing.
    let workspace = eventually("end of the lifetime", || {
        let workspace = done(home, "status", &[&id]);
        (workspace["state"] == "stopped").then_some(workspace)
    });
    assert!(
        workspace["last_error"]
            .as_str()
            .unwrap()
            .contains("lifetime is over; its disk is kept for 7 days"),
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
    eventually("end of the short lifetime", || {
        (done(home, "status", &[&id])["state"] == "stopped").then_some(())
    });
    // Its start may have been noted after its end, which then is a second later.
    eventually("end of the retention", || {
        let list = super::command(home, "list", &[])
            .env("PYRO_WORKSPACE_RETENTION_SECONDS", "0")
            .output()
            .unwrap();
        (super::said(&list)["count"] == 0).then_some(())
    });
    home.assert_clean();
}

fn a_running_one_is_given_another_lifetime(home: &Home) {
    let made = done(home, "create", &[ENVIRONMENT, "--mem-mib", "512", "--ttl-seconds", "0"]);
    let id = made["workspace_id"].as_str().unwrap();
    let given = |seconds: &str| done(home, "update", &[id, "--ttl-seconds", seconds]);
    let longer = given("3600");
    let alive_for =
        longer["expires_at"].as_f64().unwrap() - longer["last_activity_at"].as_f64().unwrap();
    assert_eq!((longer["ttl_seconds"].as_u64(), alive_for), (Some(3600), 3600.0), "{longer}");
    let unbounded = given("0");
    assert_eq!(
        (&unbounded["ttl_seconds"], &unbounded["expires_at"]),
        (&json!(0), &json!(null)),
        "{unbounded}"
    );
    let refused = super::said(
        &super::command(home, "update", &[id, "--ttl-seconds", "59"]).output().unwrap(),
    );
    assert!(
        refused["error"].as_str().is_some_and(|text| text.contains("at least 60")),
        "{refused}"
    );
    // The shortest one that may be asked for is a minute, which here is a second.
    let trigger =
        "CREATE TRIGGER soon AFTER UPDATE OF ttl_seconds ON workspace WHEN new.ttl_seconds = 60
                   BEGIN UPDATE workspace SET ttl_seconds = 1 WHERE id = new.id; END";
    sql(home, trigger);
    given("60");
    let workspace = eventually("end of the lifetime", || {
        let workspace = done(home, "status", &[id]);
        (workspace["state"] == "stopped").then_some(workspace)
    });
    assert!(workspace["last_error"].as_str().unwrap().contains("lifetime is over"), "{workspace}");
    // A stopped one too; it lives as long from its next start.
    given("0");
    assert_eq!(done(home, "start", &[id])["expires_at"], json!(null));
    done(home, "delete", &[id]);
}
