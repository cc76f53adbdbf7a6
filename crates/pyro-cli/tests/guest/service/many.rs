//! Many services at once, and more output than is kept.

use super::{becomes, end, service};
use crate::home::Home;
use crate::on_each_engine;
use crate::workspace::{created, exec};
use serde_json::{Value, json};

on_each_engine!(many_services_run_and_print);

fn many_services_run_and_print(home: &Home) {
    let id = &created(home);
    let clients: Vec<_> = (0..32)
        .map(|number| {
            let (name, line) =
                (format!("many-{number}"), format!("echo n{number}; exec sleep 6145"));
            let mut client =
                home.pyro(&["workspace", "service", "start", "--json", id, &name, &line]);
            client.stdout(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut client in clients {
        assert!(client.wait().unwrap().success());
    }
    let list = service(home, "list", &[id]);
    assert_eq!((&list["count"], &list["running_count"]), (&json!(32), &json!(32)));
    let names: Vec<_> = list["services"].as_array().unwrap().iter().collect();
    assert!(names.is_sorted_by_key(|one| one["service_name"].as_str().unwrap().to_owned()));
    // 40 MiB of it, while nobody reads.
    let line = "echo first; head -c 40M /dev/zero | tr '\\0' x | fold -w 1023; echo; echo last";
    service(home, "start", &[id, "loud", line]);
    assert_eq!(exec(home, id, "echo works"), "works\n");
    becomes(home, id, "loud", [json!("exited"), Value::Null, json!(0)]);
    let logs = service(home, "logs", &[id, "loud", "--tail-lines", "1"]);
    assert_eq!((&logs["stdout"], &logs["truncated"]), (&json!("last\n"), &json!(true)));
    let all = service(home, "logs", &[id, "loud", "--all"]);
    let text = all["stdout"].as_str().unwrap();
    assert!(text.starts_with("first\nxxx") && text.ends_with("x\nlast\n"));
    assert!(text.contains(" bytes omitted ...]\n") && all["tail_lines"].is_null());
    assert!((12 << 20..=16 << 20).contains(&text.len()), "{}", text.len());
    // They are told to end with their workspace.
    crate::workspace::done(home, "stop", &[id]);
    let stopped = service(home, "status", &[id, "many-7"]);
    assert_eq!(end(&stopped), [json!("stopped"), json!("workspace_stopped"), Value::Null]);
    assert_eq!(service(home, "logs", &[id, "many-7"])["stdout"], "n7\n");
    crate::workspace::done(home, "delete", &[id]);
}
