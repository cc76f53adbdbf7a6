//! Services through the deaths of those who have to do with them, and through stops.

use super::{becomes, end, refused, service};
use crate::home::{Home, eventually, kill};
use crate::on_each_engine;
use crate::workspace::{created, done, exec};
use serde_json::{Value, json};

on_each_engine!(a_service_outlives_its_client_and_comes_back_with_its_workspace);

fn over() -> [Value; 3] {
    [json!("stopped"), json!("workspace_stopped"), Value::Null]
}

fn a_service_outlives_its_client_and_comes_back_with_its_workspace(home: &Home) {
    let id = &created(home);
    // Whoever waits until it is ready is killed.
    let wait = ["--ready-file", "ready", "--ready-interval-ms", "20"];
    let line = ["--", "echo begins; exec sleep 6146"];
    let start = ["workspace", "service", "start", id, "back", "--restart"];
    let mut client = home.pyro(&[&start[..], &wait, &line].concat()).spawn().unwrap();
    eventually("its start", || {
        let args = ["workspace", "service", "status", id, "back"];
        home.pyro(&args).output().unwrap().status.success().then_some(())
    });
    client.kill().unwrap();
    client.wait().unwrap();
    assert!(service(home, "status", &[id, "back"])["ready_at"].is_null());
    exec(home, id, "touch ready");
    eventually("that it is ready", || {
        service(home, "status", &[id, "back"])["ready_at"].is_f64().then_some(())
    });
    service(home, "start", &[id, "gone", "exec sleep 6147"]);
    service(home, "start", &[id, "ended", "--restart", "true"]);
    becomes(home, id, "ended", [json!("exited"), Value::Null, json!(0)]);
    let info = done(home, "status", &[id]);
    assert_eq!((&info["service_count"], &info["running_service_count"]), (&json!(3), &json!(2)));
    done(home, "stop", &[id]);
    for name in ["back", "gone"] {
        assert_eq!(end(&service(home, "status", &[id, name])), over());
    }
    assert_eq!(refused(home, "start", &[id, "new", "true"]), "wrong_state");
    comes_back(home, id, 2);
    kill(home.process("supervise"), "-KILL");
    home.assert_idle();
    assert_eq!(end(&service(home, "status", &[id, "back"])), over());
    comes_back(home, id, 3);
    kill(home.process(home.engine()), "-KILL");
    home.assert_idle();
    assert_eq!(end(&service(home, "status", &[id, "back"])), over());
    assert_eq!(service(home, "stop", &[id, "back"])["state"], "stopped");
    done(home, "start", &[id]);
    done(home, "reset", &[id]);
    assert_eq!(service(home, "list", &[id])["count"], 0);
    assert_eq!(refused(home, "logs", &[id, "back"]), "not_found");
    assert!(!home.data_dir().join("workspaces").join(id).join("services").exists());
    done(home, "delete", &[id]);
}

/// Start the workspace: the service that is to run does, for the `times`th time.
fn comes_back(home: &Home, id: &str, times: usize) {
    done(home, "start", &[id]);
    let back = service(home, "status", &[id, "back"]);
    assert_eq!(end(&back), [json!("running"), Value::Null, Value::Null], "{back}");
    assert_eq!(end(&service(home, "status", &[id, "gone"])), over());
    assert_eq!(service(home, "status", &[id, "ended"])["state"], "exited");
    eventually("its output", || {
        let logs = service(home, "logs", &[id, "back"]);
        (logs["stdout"] == "begins\n".repeat(times)).then_some(())
    });
    assert_eq!(exec(home, id, "pgrep -c -x -f 'sleep 6146'").trim(), "1");
}
