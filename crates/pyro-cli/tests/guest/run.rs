//! What a command sees in a guest, and what its caller sees of it.

use crate::home::{Home, stderr, stdout};
use crate::on_each_engine;

on_each_engine!(
    a_guest_answers,
    exit_statuses,
    streams_are_separate,
    stdin_is_forwarded,
    json_is_one_object,
    a_guest_is_its_own
);

fn a_guest_answers(home: &Home) {
    let output = home.run(&[], &["git", "--version"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("git version 2."), "{}", stdout(&output));
    let summary = stderr(&output);
    let expected = format!(
        "[run] environment=debian:12 execution_mode={} exit_code=0 duration_ms=",
        home.mode()
    );
    assert!(summary.contains(&expected), "{summary}");
    let kernel = stdout(&home.run(&[], &["uname", "-r"]));
    let host = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_ne!(kernel.trim(), host.trim());
    assert!(!kernel.trim().is_empty());
}

fn exit_statuses(home: &Home) {
    let table: [(&[&str], i32); 7] = [
        (&["exit 7"], 7),
        (&["sh", "-c", "exit 7"], 7),
        (&["kill -9 $$"], 137),
        (&["kill -TERM $$"], 143),
        (&["false || true && exit 3"], 3),
        (&["no-such-program"], 127),
        (&["/etc/passwd"], 126),
    ];
    for (words, status) in table {
        let output = home.run(&[], words);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {}", stderr(&output));
    }
}

fn streams_are_separate(home: &Home) {
    let output = home.run(&[], &["printf 'a\\377b'; printf err >&2"]);
    assert_eq!(output.stdout, b"a\xffb");
    let told = stderr(&output);
    let phases: Vec<&str> =
        told.lines().filter_map(|line| line.strip_prefix("[run] phase=")).collect();
    let id = phases.last().unwrap().strip_prefix("execute vm_id=").unwrap();
    assert_eq!(
        phases,
        [
            "create environment=debian:12",
            &format!("start vm_id={id}"),
            &format!("execute vm_id={id}")
        ]
    );
    // Not a byte of the command's own is lost, and what pyro says begins on a line of its own.
    assert!(
        told.contains(&format!("execute vm_id={id}\nerr\n[run] environment=debian:12 ")),
        "{told}"
    );
}

fn stdin_is_forwarded(home: &Home) {
    let input: Vec<u8> = (0..3_000_000u32).map(|number| (number % 251) as u8).collect();
    let output = home.run_with_input(&["cat"], &input);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(output.stdout == input, "{} bytes came back of {}", output.stdout.len(), input.len());
    // A command that reads nothing of it ends all the same.
    assert_eq!(home.run_with_input(&["exit 4"], &input).status.code(), Some(4));
}

fn json_is_one_object(home: &Home) {
    let output = home.run(&["--json"], &["echo out; echo err >&2; exit 3"]);
    assert_eq!(output.status.code(), Some(3));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let id = value["vm_id"].as_str().unwrap();
    assert_eq!(id.len(), 12);
    for (field, expected) in [
        ("stdout", serde_json::json!("out\n")),
        ("stderr", serde_json::json!("err\n")),
        ("exit_code", serde_json::json!(3)),
        ("timed_out", serde_json::json!(false)),
        ("stdout_truncated", serde_json::json!(false)),
        ("execution_mode", serde_json::json!(home.mode())),
        ("environment", serde_json::json!("debian:12")),
        ("environment_version", serde_json::json!("1.1.0")),
        (
            "cleanup",
            serde_json::json!({"vm_id": id, "deleted": true, "reason": "post_exec_cleanup"}),
        ),
    ] {
        assert_eq!(value[field], expected, "{field}");
    }
}

fn a_guest_is_its_own(home: &Home) {
    let script = "id -u; pwd; echo $HOME; cat /etc/machine-id; cat /proc/sys/kernel/random/boot_id; hostname; \
                  date +%s; nproc; cat /proc/1/comm; ls /proc | grep -c '^[0-9]'; ls -a /";
    let [first, second] = [home.run(&["--vcpu-count", "1"], &[script]), home.run(&[], &[script])];
    let lines = stdout(&first);
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines[..3], ["0", "/", "/root"], "{lines:?}");
    let other = stdout(&second);
    let other: Vec<&str> = other.lines().collect();
    for at in 3..6 {
        assert_ne!(lines[at], other[at], "two guests share {}", lines[at]);
    }
    let host =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let guest: u64 = other[6].parse().unwrap();
    assert!(host.abs_diff(guest) < 30, "the guest's clock is {guest}, the host's {host}");
    assert_eq!(lines[7], "1");
    // Its commands see neither the agent nor each other's leavings: their own init, the shell, and
    // what it runs.
    assert!(lines[9].parse::<u32>().unwrap() < 10, "{lines:?}");
}
