//! `pyro demo ollama` with an endpoint that answers by a script, and real guests.

mod endpoint;

use crate::home::{Home, eventually, is_signalled, stdout};
use crate::on_each_engine;
use endpoint::{Endpoint, Reply, call, calls, words};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::process::{Command, Output};

/// Longer than a busy machine takes for any command of these.
const PATIENT: &str = "\"environment\":\"debian:12\",\"timeout_seconds\":120";

fn demo(home: &Home, endpoint: &Endpoint, flags: &[&str]) -> Command {
    home.pyro(&[&["demo", "ollama", "--base-url", &endpoint.base_url()], flags].concat())
}

fn shown(home: &Home, endpoint: &Endpoint, flags: &[&str]) -> (Option<i32>, String) {
    let output = demo(home, endpoint, flags).output().unwrap();
    (output.status.code(), stdout(&output))
}

/// What the model was last told by its tool.
fn told(request: &Value) -> Value {
    let message = request["messages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(message["role"], "tool", "{request}");
    serde_json::from_str(message["content"].as_str().unwrap()).unwrap()
}

on_each_engine!(a_model_runs_a_command_in_a_guest);

fn a_model_runs_a_command_in_a_guest(home: &Home) {
    let arguments = format!(
        "{{{PATIENT},\"command\":\"git --version; uname -r; cat; exit 0\",\"stdin\":\"from-stdin\"}}"
    );
    let script = vec![call("call_7", "vm_run", &arguments), words("It printed a version of git.")];
    let endpoint = Endpoint::with(script);
    let (status, text) = shown(home, &endpoint, &["--model", "small:1b", "--verbose"]);
    assert_eq!(status, Some(0), "{text}");

    let requests = endpoint.requests();
    assert_eq!(requests.len(), 2, "{text}");
    assert_eq!(
        (&requests[0]["model"], &requests[0]["stream"]),
        (&json!("small:1b"), &json!(false))
    );
    let tool = &requests[0]["tools"][0]["function"];
    assert_eq!(
        (requests[0]["tools"].as_array().unwrap().len(), &tool["name"]),
        (1, &json!("vm_run"))
    );
    assert_eq!(tool["parameters"]["required"], json!(["environment", "command"]));
    let messages = requests[1]["messages"].as_array().unwrap();
    let echoed = &messages[messages.len() - 2]["tool_calls"][0];
    assert_eq!(
        (&echoed["id"], &echoed["function"]["arguments"]),
        (&json!("call_7"), &json!(arguments))
    );
    assert_eq!(messages[messages.len() - 1]["tool_call_id"], "call_7");

    let result = told(&requests[1]);
    let printed = result["stdout"].as_str().unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    let host = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert!(
        lines[0].starts_with("git version 2.")
            && lines[1] != host.trim()
            && lines[2] == "from-stdin",
        "{printed}"
    );
    assert_eq!((&result["exit_code"], &result["execution_mode"]), (&json!(0), &json!(home.mode())));

    let mode = home.mode();
    for line in [
        &format!("[ollama] asking small:1b at {}", endpoint.base_url()),
        &format!("[model] calls vm_run {arguments}"),
        &format!(
            "[tool] vm_run environment=debian:12 exit_code=0 execution_mode={mode} duration_ms="
        ),
        "[model] It printed a version of git.",
        "[done] ",
        &format!("[summary] exit_code=0 fallback_used=false execution_mode={mode}"),
        &format!("[summary] stdout={}", lines[0]),
        &format!("[summary] stdout={}", lines[1]),
    ] {
        assert!(text.lines().any(|said| said.starts_with(line)), "{line}: {text}");
    }
}

#[test]
fn a_model_that_calls_nothing_is_done_without() {
    let home = Home::tcg();
    let endpoint = Endpoint::with(vec![words("I cannot."), words(""), words("I will not.")]);
    let (status, text) = shown(&home, &endpoint, &["-v"]);
    assert_eq!(status, Some(0), "{text}");
    let said = |line: &str| text.lines().any(|said| said.starts_with(line));
    assert!(said("[fallback] ") && said("[model] I will not."), "{text}");
    assert!(said("[summary] exit_code=0 fallback_used=true execution_mode=guest_tcg"), "{text}");
    assert!(said("[summary] stdout=git version 2."), "{text}");
    let requests = endpoint.requests();
    let last = requests[2]["messages"].as_array().unwrap();
    assert_eq!(
        (requests.len(), last.len(), &last[4]["role"]),
        (3, 5, &json!("user")),
        "it was asked again: {last:?}"
    );
}

#[test]
fn a_model_is_told_what_is_wrong_with_its_calls_and_what_its_command_exits_with() {
    let home = Home::tcg();
    let good = format!("{{{PATIENT},\"command\":\"echo gone >&2; exit 3\"}}");
    let script = vec![
        call("a", "vm_run", "{\"environment\": debian"),
        call(
            "b",
            "vm_run",
            "{\"environment\":\"debian:12\",\"cmd\":\"true\",\"mem_mib\":\"much\"}",
        ),
        call("c", "vm_run", &good),
        call(
            "d",
            "vm_run",
            "{\"environment\":\"debian:12\",\"command\":\"true\",\"network\":true}",
        ),
        call("e", "shell\n[summary] exit_code=0", "{}"),
        words("It failed."),
    ];
    let endpoint = Endpoint::with(script);
    let (status, text) = shown(&home, &endpoint, &[]);
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 6, "{text}");
    for (request, kind, message) in [
        (1, "invalid_input", "the arguments are no JSON object"),
        (2, "invalid_input", "unknown argument \"cmd\""),
        (2, "invalid_input", "mem_mib must be an integer"),
        (2, "invalid_input", "command is missing"),
        (4, "denied", "guests have no network"),
        (5, "not_found", "there is no such tool"),
    ] {
        let error = told(&requests[request]);
        assert!(
            error["kind"] == kind && error["message"].as_str().unwrap().contains(message),
            "{message}: {error}"
        );
    }
    let failed = told(&requests[3]);
    assert_eq!((&failed["exit_code"], &failed["stderr"]), (&json!(3), &json!("gone\n")));
    assert_eq!(status, Some(1), "{text}");
    assert!(text.ends_with("[error] the command exited with 3\n"), "{text}");
    assert!(
        text.contains("\n[summary] exit_code=3 fallback_used=false execution_mode=guest_tcg\n"),
        "{text}"
    );
    assert!(!text.contains("\n[summary] exit_code=0"), "a model's words stand for pyro's: {text}");
}

#[test]
fn a_model_that_never_ends_is_ended() {
    let home = Home::tcg();
    let arguments = format!("{{{PATIENT},\"command\":\"echo again\"}}");
    let script = (0..20).map(|_| calls(&["a", "b", "c"], "vm_run", &arguments)).collect();
    let endpoint = Endpoint::with(script);
    let (status, text) = shown(&home, &endpoint, &["-v"]);
    assert_eq!(status, Some(0), "{text}");
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 6, "{text}");
    let messages = requests[5]["messages"].as_array().unwrap();
    let results = messages.iter().filter(|message| message["role"] == "tool").count();
    let echoed = messages
        .iter()
        .filter_map(|message| message["tool_calls"].as_array())
        .map(Vec::len)
        .sum::<usize>();
    assert_eq!((results, echoed), (5, 5), "each call that the model is shown has its result");
    assert!(text.contains("[model] makes 3 calls at once, of which the first counts\n"), "{text}");
    assert!(
        text.contains("[done] the model still called") && text.contains("fallback_used=false"),
        "{text}"
    );
    assert!(text.ends_with("[summary] stdout=again\n"), "{text}");
}

#[test]
fn where_no_guest_can_run_nothing_does() {
    let home = Home::host();
    let arguments =
        "{\"environment\":\"debian:12\",\"command\":\"true\",\"allow_host_compat\":true}";
    let plain = "{\"environment\":\"debian:12\",\"command\":\"true\"}";
    let script = vec![
        call("a", "vm_run", arguments),
        call("b", "vm_run", plain),
        words("\u{1b}[2Jno\u{9b}31m\n[summary] x"),
    ];
    let endpoint = Endpoint::with(script);
    let (status, text) = shown(&home, &endpoint, &[]);
    assert_eq!(status, Some(1), "{text}");
    let requests = endpoint.requests();
    assert_eq!(told(&requests[1])["kind"], "denied");
    assert_eq!(told(&requests[2])["kind"], "unavailable");
    assert!(text.contains("[fallback] ") && text.contains("apt-get install"), "{text}");
    assert!(text.lines().last().unwrap().starts_with("[error] "), "{text}");
    // A model's text steers no terminal, and none of its lines passes for pyro's.
    assert!(text.contains("[model] [2Jno31m\n[model] [summary] x\n"), "{text}");
    assert!(text.chars().all(|one| one == '\n' || !one.is_control()), "{text}");
}

/// The `[error]` line of a demonstration that fails before anything is run.
fn error(output: &Output) -> String {
    let text = stdout(output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    text.lines()
        .find_map(|line| line.strip_prefix("[error] "))
        .unwrap_or_else(|| panic!("no error: {text}"))
        .to_owned()
}

#[test]
fn an_endpoint_that_fails_is_told_with_what_to_do() {
    let home = Home::host();
    let not_found =
        json!({ "error": { "message": "model \"m\u{1b}]0;\" not found\n[done] x" } }).to_string();
    for (reply, flags, cause, hint) in [
        (Reply::Endless, &[][..], "longer than 1048576 bytes", "--base-url"),
        (words(&"long ".repeat(300_000)), &[], "longer than 1048576 bytes", "--base-url"),
        (
            Reply::Silence,
            &["--timeout-seconds", "1"],
            "did not answer within 1 s",
            "--timeout-seconds",
        ),
        (Reply::Noise, &[], "does not answer as an HTTP server does", "--base-url"),
        (Reply::Body(200, "<html>".to_owned()), &[], "no chat completion", "--base-url"),
        (Reply::Body(200, "{\"choices\":[]}".to_owned()), &[], "no choices", "--base-url"),
        (Reply::Body(404, not_found), &["--model", "m"], "404", "`ollama pull m`"),
        (
            Reply::Body(400, "{\"error\":\"m does not support tools\"}".to_owned()),
            &[],
            "not support tools",
            "--model",
        ),
        (
            Reply::Body(302, String::new()),
            &[],
            "302",
            "neither redirects nor asks for a key with --base-url",
        ),
        (
            Reply::Body(500, "out of memory".to_owned()),
            &[],
            "500 Internal Server Error: out of memory",
            "server's log",
        ),
    ] {
        let endpoint = Endpoint::with(vec![reply]);
        let output = demo(&home, &endpoint, flags).output().unwrap();
        let told = error(&output);
        assert!(told.contains(cause) || stdout(&output).contains(cause), "{cause}: {told}");
        assert!(stdout(&output).contains(hint), "{hint}: {}", stdout(&output));
        assert!(
            !stdout(&output).contains('\u{1b}') && !stdout(&output).contains("\n[done]"),
            "{}",
            stdout(&output)
        );
        let requests = eventually("request", || {
            Some(endpoint.requests()).filter(|requests| !requests.is_empty())
        });
        assert_eq!(requests.len(), 1, "{cause}: nothing is asked twice");
    }
}

#[test]
fn an_address_where_nobody_answers_is_told_with_what_to_start() {
    let home = Home::host();
    // A port of one's own that nobody listens at: it stays taken while this lives.
    let taken = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&taken, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = SocketAddr::try_from(getsockname(&taken).unwrap()).unwrap().port();
    let refused = format!("http://localhost:{port}/v1");
    for (url, cause, hint) in [
        (refused.as_str(), "cannot reach", "`ollama serve`"),
        ("https://localhost/v1", "needs TLS", "http://"),
        ("http://me:secret@localhost/v1", "there is a user name", "leave it out"),
        ("localhost:11434/v1", "no base URL", "--base-url http://localhost:11434/v1"),
    ] {
        let output =
            home.pyro(&["demo", "ollama", "--base-url", url, "--model", "m:1b"]).output().unwrap();
        let told = error(&output);
        assert!(told.contains(cause) && told.contains(hint), "{url}: {told}");
        assert!(!stdout(&output).contains("secret"), "{told}");
    }
    let told = error(
        &home
            .pyro(&["demo", "ollama", "--base-url", &refused, "--model", "m:1b"])
            .output()
            .unwrap(),
    );
    assert!(told.contains("`ollama pull m:1b`") && told.contains("--base-url"), "{told}");
}

#[test]
fn no_proxy_stands_between() {
    let home = Home::host();
    let (endpoint, proxy) =
        (Endpoint::with(vec![Reply::Body(404, String::new())]), Endpoint::with(Vec::new()));
    let mut command = demo(&home, &endpoint, &[]);
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, proxy.base_url());
    }
    assert!(error(&command.output().unwrap()).contains("404"));
    let head = &endpoint.heads()[0];
    assert!(head.starts_with("post /v1/chat/completions http/1.1\r\n"), "{head}");
    assert!(proxy.requests().is_empty());
}

#[test]
fn a_signal_ends_it_while_the_model_thinks() {
    let home = Home::host();
    let endpoint = Endpoint::with(vec![Reply::Silence]);
    let child = demo(&home, &endpoint, &[]).spawn().unwrap();
    eventually("request", || (!endpoint.requests().is_empty()).then_some(()));
    assert!(is_signalled(i32::try_from(child.id()).unwrap(), "-INT"));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stdout(&output));
    assert!(!stdout(&output).contains("[error]"), "{}", stdout(&output));
}
