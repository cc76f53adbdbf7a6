//! Services: what they come to, what they print, and through deaths.

mod deaths;
mod many;

use crate::home::{Home, eventually};
use crate::workspace::{created, exec, said};
use crate::{on_each_engine, on_the_host};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

on_each_engine!(a_service_is_started_watched_and_stopped);
on_the_host!(a_service_is_started_watched_and_stopped);

/// `pyro workspace service VERB --json args…`; it must succeed.
#[track_caller]
pub fn service(home: &Home, verb: &str, args: &[&str]) -> Value {
    let output = home.pyro(&[&["workspace", "service", verb, "--json"], args].concat()).output();
    let output = output.unwrap();
    let value = said(&output);
    assert!(output.status.success(), "{verb} {args:?}: {value}");
    value
}

/// As [`service`]; it must fail. Its kind.
#[track_caller]
pub fn refused(home: &Home, verb: &str, args: &[&str]) -> String {
    let output = home.pyro(&[&["workspace", "service", verb, "--json"], args].concat()).output();
    let output = output.unwrap();
    let value = said(&output);
    assert!(!output.status.success(), "{verb} {args:?}: {value}");
    value["kind"].as_str().unwrap().to_owned()
}

/// What a service has come to: state, stop reason and exit code.
pub fn end(service: &Value) -> [Value; 3] {
    ["state", "stop_reason", "exit_code"].map(|field| service[field].clone())
}

/// Wait until a service is what is expected.
#[track_caller]
pub fn becomes(home: &Home, id: &str, name: &str, expected: [Value; 3]) {
    eventually(&format!("{name} {expected:?}"), || {
        let found = end(&service(home, "status", &[id, name]));
        (found == expected).then_some(())
    });
}

fn a_service_is_started_watched_and_stopped(home: &Home) {
    let id = &created(home);
    it_stops_when_it_is_asked(home, id);
    it_forks_away_and_ignores_the_end(home, id);
    it_fails_to_start(home, id);
    it_is_ready(home, id);
    it_answers_http(home, id);
    it_is_followed(home, id);
    assert_eq!(service(home, "list", &[id])["running_count"], 0);
    // On the host clients of other tests are seen, too: theirs only name such a command.
    assert_eq!(exec(home, id, "pgrep -a -x -f 'sleep 614[0-9]' || :"), "");
    let output = home.pyro(&["workspace", "delete", id, "--json"]).output().unwrap();
    assert_eq!(said(&output)["deleted"], true);
}

fn it_stops_when_it_is_asked(home: &Home, id: &str) {
    let flags = ["--cwd", "/tmp", "--env", "A=b c", "--"];
    let line = r#"echo "out $A $PWD"; echo error >&2; exec >&-; exec sleep 6140"#;
    let begun = service(home, "start", &[&[id, "one"], &flags[..], &[line]].concat());
    assert_eq!(end(&begun), [json!("running"), Value::Null, Value::Null]);
    assert!(begun["ready_at"].is_f64() && begun["pid"].is_u64(), "{begun}");
    assert_eq!(refused(home, "start", &[id, "one", "true"]), "already_exists");
    eventually("its output", || {
        let logs = service(home, "logs", &[id, "one"]);
        (logs["stdout"] == "out b c /tmp\n" && logs["stderr"] == "error\n").then_some(())
    });
    let began = Instant::now();
    let stopped = service(home, "stop", &[id, "one"]);
    let took = began.elapsed();
    assert_eq!(end(&stopped), [json!("stopped"), json!("sigterm"), Value::Null]);
    println!("a service that ends when it is asked was stopped in {took:?}, with its client");
    // Its process ends at once; an emulated guest and a client's start take their part.
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(service(home, "stop", &[id, "one"]), stopped);
    assert_eq!(service(home, "logs", &[id, "one"])["stdout"], "out b c /tmp\n");
    for (verb, name, kind) in [
        ("stop", "no", "not_found"),
        ("status", "no", "not_found"),
        ("logs", "../x", "invalid_input"),
    ] {
        assert_eq!(refused(home, verb, &[id, name]), kind);
    }
}

fn it_forks_away_and_ignores_the_end(home: &Home, id: &str) {
    // The first process ends well, and what it has left is the service.
    let line = "(setsid sh -c 'trap \"\" TERM; sleep 6141; sleep 6142' &); exit 0";
    service(home, "start", &[id, "away", line]);
    eventually("what forked away", || {
        (exec(home, id, "pgrep -c -x -f 'sleep 6141' || :").trim() != "0").then_some(())
    });
    assert_eq!(service(home, "status", &[id, "away"])["state"], "running");
    // Two at once: both are told the same.
    let second = home.pyro(&["workspace", "service", "stop", "--json", id, "away"]);
    let second = { second }.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let stopped = service(home, "stop", &[id, "away"]);
    assert_eq!(end(&stopped), [json!("stopped"), json!("sigkill"), Value::Null]);
    assert_eq!(said(&second.wait_with_output().unwrap())["state"], "stopped");
}

fn it_fails_to_start(home: &Home, id: &str) {
    let wait = ["--ready-file", "never", "--ready-timeout-seconds", "60", "--"];
    let began = Instant::now();
    let line = "echo begins; echo why >&2; sleep 6143 & exit 7";
    let failed = service(home, "start", &[&[id, "crash"], &wait[..], &[line]].concat());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let reason = json!("process_exited_before_ready");
    assert_eq!(end(&failed), [json!("failed"), reason, json!(7)]);
    assert_eq!(
        (&failed["stdout_tail"], &failed["stderr_tail"]),
        (&json!("begins\n"), &json!("why\n"))
    );
    let wait = ["--ready-command", "sleep 6144", "--ready-timeout-seconds", "1", "--"];
    let late = service(home, "start", &[&[id, "late"], &wait[..], &["sleep 6140"]].concat());
    assert_eq!(end(&late), [json!("failed"), json!("readiness_timeout"), Value::Null]);
    let missing = ["--cwd", "/missing", "--", "true"];
    assert_eq!(refused(home, "start", &[&[id, "crash"], &missing[..]].concat()), "not_found");
    assert_eq!(service(home, "status", &[id, "crash"])["exit_code"], 7, "it stays as it was");
    for flags in [
        &["--ready-tcp", "localhost"][..],
        &["--ready-http", "https://localhost/"],
        &["--ready-file", "x", "--ready-tcp", "localhost:1"],
        &["--ready-timeout-seconds", "0"],
    ] {
        let kind = refused(home, "start", &[&[id, "crash"], flags, &["--", "true"]].concat());
        assert_eq!(kind, "invalid_input", "{flags:?}");
    }
    service(home, "start", &[id, "ends", "exit 3"]);
    becomes(home, id, "ends", [json!("exited"), Value::Null, json!(3)]);
}

fn it_is_ready(home: &Home, id: &str) {
    let often = ["--ready-interval-ms", "20"];
    for flags in [["--ready-file", "is-ready"], ["--ready-command", "test -e is-ready"]] {
        exec(home, id, "rm -f is-ready");
        let line = "sleep 0.2; touch is-ready; exec sleep 6140";
        let ready =
            service(home, "start", &[&[id, "ready"], &flags[..], &often, &["--", line]].concat());
        assert_eq!(ready["state"], "running");
        let at = |field: &str| ready[field].as_f64().unwrap();
        assert!(at("ready_at") - at("started_at") >= 0.19, "{ready}");
        service(home, "stop", &[id, "ready"]);
    }
}

/// A web server that says nothing to the first who asks, then an error, then a redirect.
const SERVER: &str = r#"use IO::Socket::INET;
my $server = IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], ReuseAddr => 1) or die $!;
my ($count, @held) = 0;
while (my $client = $server->accept) {
    push @held, $client;
    next if $count++ == 0;
    my $asked = <$client>;
    print $asked;
    print $client $count == 2 ? "HTTP/1.1 503 no\r\n\r\n" : "HTTP/1.1 302 Found\r\nLocation: http://localhost:1/\r\n\r\n";
    close $client;
}
"#;

fn it_answers_http(home: &Home, id: &str) {
    exec(home, id, &format!("cat > server.pl <<'END'\n{SERVER}END"));
    // On the host others may listen.
    let port = (20_000 + std::process::id() % 30_000).to_string();
    let url = format!("http://localhost:{port}/path?x=y");
    let line = format!("exec perl -e '$| = 1; do \"./server.pl\"; die $@ if $@' {port}");
    let flags = ["--ready-interval-ms", "20", "--ready-http", &url, "--", &line];
    let ready = service(home, "start", &[&[id, "web"], &flags[..]].concat());
    assert_eq!(ready["state"], "running", "{ready}");
    let logs = service(home, "logs", &[id, "web"]);
    let asked = "GET /path?x=y HTTP/1.1\r\n";
    assert_eq!(logs["stdout"], format!("{asked}{asked}"), "{logs}");
    let address = format!("127.0.0.1:{port}");
    let tcp = ["--ready-tcp", &address, "--", "exec sleep 6140"];
    let ready = service(home, "start", &[&[id, "tcp"], &tcp[..]].concat());
    assert_eq!(ready["readiness"], json!({ "type": "tcp", "address": address }));
    service(home, "stop", &[id, "tcp"]);
    service(home, "stop", &[id, "web"]);
}

fn it_is_followed(home: &Home, id: &str) {
    let line = "printf 'a\\nb\\nc\\n'; until test -e go; do sleep 0.05; done; printf 'd\\377\\n'; echo e >&2";
    service(home, "start", &[id, "talks", line]);
    eventually("its first lines", || {
        (service(home, "logs", &[id, "talks"])["stdout"] == "a\nb\nc\n").then_some(())
    });
    let args = ["workspace", "service", "logs", "--follow", "--tail-lines", "2", id, "talks"];
    let mut follower = home.pyro(&args);
    let follower = follower
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    exec(home, id, "touch go");
    let output = follower.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"b\nc\nd\xff\n");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.starts_with("e\n[workspace-service-logs]"), "{told}");
    assert!(told.contains("state=exited") && told.contains("exit_code=0"), "{told}");
}
