//! Output without bounds, commands without manners.

use crate::home::{Home, stderr, stdout};
use crate::on_each_engine;
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

on_each_engine!(
    a_timeout_keeps_the_output_so_far,
    a_background_child_does_not_hold_the_call,
    much_output_is_exact,
    endless_output_is_bounded,
    json_keeps_head_and_tail,
    a_reader_that_goes_away_ends_it,
);

fn a_timeout_keeps_the_output_so_far(home: &Home) {
    for command in
        ["echo a; sleep 99", "trap '' TERM INT; echo a; sleep 99", "echo a; (setsid sh -c 'sleep 99' &); sleep 99"]
    {
        let output = home.run(&["--timeout-seconds", "10"], &["sh", "-c", command]);
        assert_eq!(output.status.code(), Some(124), "{}", stderr(&output));
        assert_eq!(stdout(&output), "a\n");
        assert!(stderr(&output).contains("--timeout-seconds"), "{}", stderr(&output));
    }
}

fn a_background_child_does_not_hold_the_call(home: &Home) {
    let began = Instant::now();
    let output = home.run(&["--timeout-seconds", "60"], &["sleep 500 & echo started"]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), "started\n"), "{}", stderr(&output));
    assert!(began.elapsed() < Duration::from_secs(55), "the child held the call");
}

fn much_output_is_exact(home: &Home) {
    let mut child =
        home.run_command(&["--timeout-seconds", "300"], &["head", "-c", "67108864", "/dev/zero"]).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (mut total, mut bytes) = (0, vec![0; 1 << 20]);
    while let Ok(count @ 1..) = stdout.read(&mut bytes) {
        assert!(bytes[..count].iter().all(|&byte| byte == 0));
        total += count;
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(total, 67_108_864);
}

/// A guest that prints for ever to a reader that does not read: the processes of pyro stay small.
fn endless_output_is_bounded(home: &Home) {
    let mut child = home.run_command(&["--timeout-seconds", "300"], &["yes"]).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 2]).unwrap();
    let processes = [i32::try_from(child.id()).unwrap(), home.process("supervise")];
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        for pid in processes {
            let resident = resident_kib(pid);
            assert!((1..64 << 10).contains(&resident), "{resident} KiB resident");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(stdout);
    assert_eq!(child.wait().unwrap().code(), Some(141));
}

pub fn resident_kib(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

fn json_keeps_head_and_tail(home: &Home) {
    let output = home.run(&["--json"], &["echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&value["stdout_truncated"], &value["stdout_bytes"]), (&true.into(), &3_000_012.into()));
    let text = value["stdout"].as_str().unwrap();
    assert!(text.starts_with("first\n") && text.ends_with("last\n") && text.contains("bytes omitted"));
    assert!(text.len() < 1_100_000);
    let name = value["stdout_file"].as_str().unwrap();
    assert!(stderr(&output).contains(&format!("pyro output read {name}\n")), "{}", stderr(&output));
    let read = |flags: &[&str]| home.pyro(&[&["output", "read", name], flags].concat()).output().unwrap();
    let whole = read(&[]).stdout;
    assert!(whole.len() == 3_000_012 && whole.starts_with(b"first\nxxx") && whole.ends_with(b"xxx\nlast\n"));
    assert_eq!(read(&["--offset", "3000005", "--length", "5"]).stdout, b"x\nlas");
    assert!(read(&["--offset", "1", "--length", "2500000"]).stdout == whole[1..2_500_001]);
    let page: serde_json::Value = serde_json::from_slice(&read(&["--json", "--length", "8"]).stdout).unwrap();
    let expected = serde_json::json!({
        "name": name, "offset": 0, "next_offset": 8, "total_bytes": 3_000_012,
        "output_bytes": 3_000_012, "text": "first\nxx", "encoding": "utf-8",
    });
    assert_eq!(page, expected);
    let wrong = |args: &[&str]| home.pyro(&[&["output", "read"], args].concat()).output().unwrap().status.code();
    assert_eq!(wrong(&["0123456789ab-stdout"]), Some(1));
    assert_eq!((wrong(&["../records"]), wrong(&[name, "--json", "--length", "1048577"])), (Some(2), Some(2)));
}

fn a_reader_that_goes_away_ends_it(home: &Home) {
    let mut child = home.run_command(&["--timeout-seconds", "300"], &["yes"]).spawn().unwrap();
    let mut first = [0; 4];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"y\ny\n");
    assert_eq!(child.wait().unwrap().code(), Some(141));
}
