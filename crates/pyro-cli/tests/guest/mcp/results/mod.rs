//! What results cost a model: none is longer than 16 KiB unless more is asked for, and the usual
//! work takes few tokens.

mod sessions;

use super::client::Client;
use crate::home::{ENVIRONMENT, Home, eventually};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use tiktoken_rs::CoreBPE;

/// Bytes of a result's text where nothing else is asked for, and of its structured content, which
/// has every field.
const LIMIT: (usize, usize) = (16 * 1024, 32 * 1024);

/// Tokens that the usual work may take.
const LOOP_LIMIT: usize = 1000;

/// Tokens that an entry of a list of files may take.
const ENTRY_LIMIT: usize = 20;

/// The largest results of each tool: bytes and tokens of the text, bytes of the structured content.
struct Results {
    client: Client,
    encoding: CoreBPE,
    largest: BTreeMap<String, (usize, usize, usize)>,
}

impl Results {
    fn new(home: &Home, flags: &[&str]) -> Self {
        let client = Client::connected(home, flags);
        Self { client, encoding: tiktoken_rs::o200k_base().unwrap(), largest: BTreeMap::new() }
    }

    fn tokens(&self, text: &str) -> usize {
        self.encoding.encode_ordinary(text).len()
    }

    /// A call's result; it succeeds, and is no longer than it may be.
    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.client.call(tool, arguments);
        assert_eq!(result["isError"], false, "{tool}: {result}");
        let texts =
            result["content"].as_array().unwrap().iter().filter_map(|item| item["text"].as_str());
        let text: String = texts.collect();
        let size = (text.len(), self.tokens(&text), result["structuredContent"].to_string().len());
        assert!(size.0 <= LIMIT.0 && size.2 <= LIMIT.1, "{tool}: {size:?}");
        let largest = self.largest.entry(tool.to_owned()).or_default();
        *largest = (largest.0.max(size.0), largest.1.max(size.1), largest.2.max(size.2));
        result
    }

    /// A call's structured content.
    fn done(&mut self, tool: &str, arguments: Value) -> Value {
        self.call(tool, arguments)["structuredContent"].take()
    }

    /// What a model reads of a call.
    fn read(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments);
        serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
    }

    /// Print the largest results; each tool that is offered was called.
    fn has_called_all(&mut self) {
        self.print();
        let listed = self.client.ask("tools/list", json!({}))["result"]["tools"].take();
        for tool in listed.as_array().unwrap() {
            assert!(
                self.largest.contains_key(tool["name"].as_str().unwrap()),
                "{} was not called",
                tool["name"]
            );
        }
    }

    fn print(&self) {
        println!("| tool | bytes | tokens | structured bytes |\n|---|---|---|---|");
        for (tool, (bytes, tokens, structured)) in &self.largest {
            println!("| `{tool}` | {bytes} | {tokens} | {structured} |");
        }
    }
}

/// The arguments with the workspace's id.
fn of(workspace: &Value, arguments: Value) -> Value {
    let mut all = json!({ "workspace_id": workspace["workspace_id"] });
    all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    all
}

/// A project whose test fails.
fn project(directory: &Path) {
    std::fs::create_dir_all(directory.join("src")).unwrap();
    std::fs::write(directory.join("src/slug.sh"), SLUG).unwrap();
    std::fs::write(directory.join("test.sh"), TEST).unwrap();
    std::fs::write(directory.join("README.md"), "# slug\n\nMakes a title fit into an address.\n")
        .unwrap();
}

const SLUG: &str = r#"# Turn a title into a slug: lower case, words joined with hyphens.
slug() {
    printf '%s' "$1" | tr 'A-Z' 'a-z' | tr ' ' '_'
}

# The first N characters of a slug.
short_slug() {
    slug "$1" | cut -c "1-$2"
}
"#;

const TEST: &str = r#". ./src/slug.sh
failed=0
check() {
    if [ "$2" = "$3" ]; then echo "ok   $1"; else echo "FAIL $1: expected '$3', got '$2'"; failed=1; fi
}
check lower_case "$(slug Hello)" hello
check words "$(slug 'Hello brave World')" hello-brave-world
check short "$(short_slug 'Hello brave World' 8)" hello-br
exit $failed
"#;

const PATCH: &str = "--- a/src/slug.sh\n+++ b/src/slug.sh\n@@ -1,5 +1,5 @@\n # Turn a title into a slug: lower case, words joined \
                     with hyphens.\n slug() {\n-    printf '%s' \"$1\" | tr 'A-Z' 'a-z' | tr ' ' '_'\n+    printf '%s' \"$1\" | tr \
                     'A-Z' 'a-z' | tr ' ' '-'\n }\n \n";

#[test]
fn to_fix_a_test_takes_few_tokens() {
    let home = Home::tcg();
    let seed = home.path().join("project");
    project(&seed);
    let mut results = Results::new(
        &home,
        &["--profile", "workspace-core", "--allow-path", home.path().to_str().unwrap()],
    );
    let mut total = 0;
    let mut step = |tool: &str, arguments: Value| {
        let result = results.call(tool, arguments);
        let text = result["content"][0]["text"].as_str().unwrap();
        println!("{tool}: {} tokens: {text}", results.tokens(text));
        total += results.tokens(text);
        result["structuredContent"].clone()
    };
    let workspace =
        step("workspace_create", json!({ "environment": ENVIRONMENT, "seed_path": seed }));
    let ran = step("workspace_exec", of(&workspace, json!({ "command": "sh test.sh" })));
    assert_eq!(ran["exit_code"], 1, "{ran}");
    let read = step("workspace_file_read", of(&workspace, json!({ "path": "src/slug.sh" })));
    assert_eq!(read["content"], SLUG);
    step("workspace_patch_apply", of(&workspace, json!({ "patch": PATCH })));
    let ran = step("workspace_exec", of(&workspace, json!({ "command": "sh test.sh" })));
    assert_eq!(ran["exit_code"], 0, "{ran}");
    let diff = step("workspace_diff", of(&workspace, json!({})));
    assert_eq!((&diff["patch_complete"], &diff["summary"]["total"]), (&json!(true), &json!(1)));
    let output = home.path().join("fixed.sh");
    step(
        "workspace_export",
        of(&workspace, json!({ "path": "src/slug.sh", "output_path": output })),
    );
    step("workspace_delete", of(&workspace, json!({})));
    println!("the loop: {total} tokens");
    assert!(total <= LOOP_LIMIT, "{total}");
}

/// Prints on both streams more than a result holds, and what JSON writes with six bytes for one.
const FLOODS: [&str; 2] =
    ["seq 1 40000; seq 1 40000 >&2", "head -c 30000 /dev/zero; head -c 30000 /dev/zero >&2"];

#[test]
fn no_result_is_longer_than_it_may_be() {
    let home = Home::tcg();
    let seed = home.path().join("project");
    project(&seed);
    let mut results = Results::new(&home, &["--allow-path", home.path().to_str().unwrap()]);
    let labels: BTreeMap<String, String> =
        (0..200).map(|at| (format!("label{at}"), "x".repeat(120))).collect();
    let made =
        json!({ "environment": ENVIRONMENT, "mem_mib": 512, "seed_path": seed, "labels": labels });
    let workspace = results.done("workspace_create", made);
    commands(&mut results, &workspace);
    files(&mut results, &home, &workspace);
    for tool in ["workspace_list", "vm_list_environments", "vm_reap_expired"] {
        results.call(tool, json!({}));
    }
    results.call("workspace_update", of(&workspace, json!({ "name": "n".repeat(120) })));
    for tool in ["workspace_status", "workspace_reset", "workspace_stop", "workspace_start"] {
        results.call(tool, of(&workspace, json!({})));
    }
    sessions::call(&mut results, &home, &workspace);
    let forks = results.done("workspace_fork", of(&workspace, json!({})));
    results.call("workspace_delete", of(&forks["workspaces"][0], json!({})));
    results.call("workspace_delete", of(&workspace, json!({})));
    vms(&mut results);
    results.has_called_all();
}

#[test]
fn no_result_of_a_task_is_longer_than_it_may_be() {
    let home = Home::tcg();
    let seed = home.path().join("project");
    project(&seed);
    let mut results =
        Results::new(&home, &["--profile", "task", "--allow-path", home.path().to_str().unwrap()]);
    let task = results.done(
        "task_create",
        json!({ "environment": ENVIRONMENT, "mem_mib": 512, "source_path": seed }),
    );
    let of = |mut arguments: Value| {
        arguments["task_id"] = task["task_id"].clone();
        arguments
    };
    for flood in FLOODS {
        let ran =
            results.done("task_exec", of(json!({ "command": flood, "timeout_seconds": 120 })));
        assert_eq!(ran["stdout_truncated"], true);
        results.call("output_read", json!({ "name": ran["stdout_file"] }));
    }
    results.call("task_sync_push", of(json!({ "source_path": seed })));
    let logs = results.done("task_logs", of(json!({})));
    assert_eq!(
        (logs["count"].as_u64(), logs["task_id"] == task["task_id"]),
        (Some(2), true),
        "{logs}"
    );
    results.call("task_status", of(json!({})));
    results.call(
        "vm_run",
        json!({ "environment": ENVIRONMENT, "command": FLOODS[0], "timeout_seconds": 120 }),
    );
    background(&mut results, |results, arguments| {
        let tool = if arguments["command"].is_null() { "task_logs" } else { "task_exec" };
        results.done(tool, of(arguments))
    });
    results.call("task_delete", of(json!({})));
    results.has_called_all();
}

/// Two commands leave something running that prints more than a result holds: the newer one is
/// told, the older counted.
fn background(results: &mut Results, call: impl Fn(&mut Results, Value) -> Value) {
    let last = (0..2).map(|_| {
        // It prints after the command is over: what comes before is the command's own.
        let line = "(while [ ! -e /tmp/go ]; do sleep 0.1; done; seq -w 1 3000; exec sleep 3600) &";
        call(results, json!({ "command": line, "timeout_seconds": 120 }))["sequence"].clone()
    });
    let last = last.last().unwrap();
    call(results, json!({ "command": "touch /tmp/go", "timeout_seconds": 120 }));
    let all = eventually("output of the background", || {
        let logs = call(results, json!({ "background": true }));
        let has_ended = |one: &Value| one["output"].as_str().unwrap().ends_with("3000\n");
        let background = logs["background"].as_array().unwrap();
        (background.len() == 2 && background.iter().all(has_ended)).then_some(logs)
    });
    assert_eq!(
        (&all["background"][1]["running"], &all["omitted"]),
        (&json!(true), &Value::Null),
        "{all}"
    );
    let less = call(results, json!({ "background": true, "max_output_bytes": 3000 }));
    let kept = less["background"].as_array().unwrap();
    assert_eq!((kept.len(), &kept[0]["sequence"]), (1, &last), "{less}");
    assert_eq!((&less["omitted"], less["hint"].is_string()), (&json!(1), true), "{less}");
}

fn commands(results: &mut Results, workspace: &Value) {
    for flood in FLOODS {
        let ran = results.done(
            "workspace_exec",
            of(workspace, json!({ "command": flood, "timeout_seconds": 120 })),
        );
        assert_eq!(
            (&ran["stdout_truncated"], &ran["stderr_truncated"]),
            (&json!(true), &json!(true))
        );
        for stream in ["stdout_file", "stderr_file"] {
            let page = results.done("output_read", json!({ "name": ran[stream] }));
            assert!(page["next_offset"].as_u64().unwrap() > 2000, "{page}");
        }
    }
    // What is asked for is given.
    let asked =
        json!({ "command": FLOODS[0], "timeout_seconds": 120, "max_output_bytes": 100_000 });
    let ran = results.client.call("workspace_exec", of(workspace, asked));
    let text = ran["content"][0]["text"].as_str().unwrap();
    assert!(text.len() > 90_000 && text.len() <= 100_000, "{}", text.len());
    let numbers: String = (1..=40_000).map(|number| format!("{number}\n")).collect();
    for part in ["1\n2\n", "39999\n40000\n"] {
        assert!(
            numbers.contains(part)
                && ran["structuredContent"]["stdout"].as_str().unwrap().contains(part)
        );
    }
    for _ in 0..6 {
        results.call("workspace_exec", of(workspace, json!({ "command": "seq -w 1 3000" })));
    }
    let logs = results.done("workspace_logs", of(workspace, json!({})));
    assert_eq!((logs["count"].as_u64(), &logs["next_after"]), (Some(9), &Value::Null));
    let alone = results.client.call(
        "workspace_logs",
        of(workspace, json!({ "after": 8, "limit": 1, "max_output_bytes": 1_048_576 })),
    );
    assert!(alone["content"][0]["text"].as_str().unwrap().len() > 12_000, "{alone}");
    // A program of another environment.
    let ran =
        results.read("workspace_exec", of(workspace, json!({ "command": "python3 --version" })));
    assert_eq!(ran["exit_code"], 127, "{ran}");
    assert_eq!(
        ran["hint"], "debian:12 has no python3; environment debian:12-build has it",
        "{ran}"
    );
}

fn files(results: &mut Results, home: &Home, workspace: &Value) {
    let fill = "mkdir d fifos && for k in $(seq 1 600); do echo $k > d/file-number-$k.txt; done; \
                for k in $(seq 1 300); do mkfifo fifos/a-fifo-with-quite-a-long-name-$k; done; head -c 200000 /dev/zero > zeros";
    results
        .call("workspace_exec", of(workspace, json!({ "command": fill, "timeout_seconds": 120 })));
    let listed = results.read("workspace_file_list", of(workspace, json!({ "path": "d" })));
    let entries = listed["entries"].as_array().unwrap();
    let tokens = results.tokens(&listed.to_string());
    println!(
        "a list of {} files: {tokens} tokens, {:.1} each",
        entries.len(),
        tokens as f64 / entries.len() as f64
    );
    assert!(entries.len() > 150 && tokens <= ENTRY_LIMIT * entries.len(), "{tokens}");
    let (mut after, mut seen) = (Value::Null, 0);
    loop {
        let mut page = results.done(
            "workspace_file_list",
            of(workspace, json!({ "recursive": true, "limit": 1000, "after": after })),
        );
        seen += page["entries"].as_array().unwrap().len();
        after = page["next_after"].take();
        if after.is_null() {
            break;
        }
    }
    assert_eq!(seen, 600 + 300 + 2 + 1 + 4, "each once");
    let (mut offset, mut whole) = (0, 0);
    loop {
        let page = results.done(
            "workspace_file_read",
            of(workspace, json!({ "path": "zeros", "offset": offset })),
        );
        whole += page["bytes_read"].as_u64().unwrap();
        if page["truncated"] == false {
            break;
        }
        offset = whole;
        if offset > 20_000 {
            break;
        }
    }
    assert!(offset > 20_000, "{offset}");
    results.call("workspace_exec", of(workspace, json!({ "command": "rm zeros" })));
    for arguments in [json!({}), json!({ "stat": true })] {
        let diff = results.done("workspace_diff", of(workspace, arguments));
        assert_eq!(
            (&diff["patch_complete"], diff["summary"]["total"].as_u64() >= Some(600)),
            (&json!(false), true)
        );
    }
    let patch: String = (0..300)
        .map(|at| format!("--- /dev/null\n+++ b/some/new/place/file{at}\n@@ -0,0 +1 @@\n+{at}\n"))
        .collect();
    results.call("workspace_patch_apply", of(workspace, json!({ "patch": patch })));
    results.call(
        "workspace_file_write",
        of(workspace, json!({ "path": "a/b/c", "text": "x".repeat(50_000) })),
    );
    let output = json!({ "path": ".", "output_path": home.path().join("out") });
    results.call("workspace_export", of(workspace, output));
    let push = json!({ "source_path": home.path().join("project"), "dest": "pushed" });
    results.call("workspace_sync_push", of(workspace, push));
}

fn vms(results: &mut Results) {
    for flood in FLOODS {
        let run = json!({ "environment": ENVIRONMENT, "command": flood, "timeout_seconds": 120 });
        results.call("vm_run", run);
        let vm = json!({ "vm_id": results.done("vm_create", json!({ "environment": ENVIRONMENT }))["vm_id"] });
        for tool in ["vm_start", "vm_status", "vm_network_info", "vm_stop", "vm_start"] {
            results.call(tool, vm.clone());
        }
        results.call(
            "vm_exec",
            json!({ "vm_id": vm["vm_id"], "command": flood, "timeout_seconds": 120 }),
        );
    }
    let vm = results.done("vm_create", json!({ "environment": ENVIRONMENT }));
    results.call("vm_delete", json!({ "vm_id": vm["vm_id"] }));
}

#[test]
fn the_one_tool_links_what_it_leaves_out() {
    let home = Home::tcg();
    let mut results = Results::new(&home, &["--profile", "vm-run"]);
    let run = json!({ "environment": ENVIRONMENT, "command": "seq -f %08.0f 1 4000; echo oops >&2", "timeout_seconds": 120 });
    let ran = results.call("vm_run", run);
    let links: Vec<&Value> = ran["content"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["type"] == "resource_link")
        .collect();
    assert_eq!(links.len(), 1, "{ran}");
    let mut uri = links[0]["uri"].as_str().unwrap().to_owned();
    assert_eq!(
        uri,
        format!("pyro://output/{}", ran["structuredContent"]["stdout_file"].as_str().unwrap())
    );
    let mut whole = String::new();
    loop {
        let read = results.client.ask("resources/read", json!({ "uri": uri }));
        let contents = read["result"]["contents"].as_array().unwrap();
        assert!(
            read["result"].to_string().len() <= LIMIT.0,
            "{}",
            read["result"].to_string().len()
        );
        whole += contents[0]["text"].as_str().unwrap();
        let Some(next) = contents.get(1) else { break };
        uri = next["uri"].as_str().unwrap().to_owned();
        assert!(next["text"].as_str().unwrap().contains(&uri), "{next}");
    }
    assert_eq!(whole, (1..=4000).map(|number| format!("{number:08}\n")).collect::<String>());
    let quiet = results.call("vm_run", json!({ "environment": ENVIRONMENT, "command": "echo hi" }));
    assert_eq!(quiet["content"].as_array().unwrap().len(), 1, "{quiet}");
}
