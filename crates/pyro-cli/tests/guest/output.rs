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
    a_command_may_be_long,
    what_is_no_text_can_be_had,
);

fn a_timeout_keeps_the_output_so_far(home: &Home) {
    for command in [
        "echo a; sleep 99",
        "trap '' TERM INT; echo a; sleep 99",
        "echo a; (setsid sh -c 'sleep 99' &); sleep 99",
    ] {
        let output = home.run(&["--timeout-seconds", "10"], &["sh", "-c", command]);
        assert_eq!(output.status.code(), Some(124), "{}", stderr(&output));
        assert_eq!(stdout(&output), "a\n");
        assert!(stderr(&output).contains("--timeout-seconds"), "{}", stderr(&output));
    }
}

fn a_background_child_does_not_hold_the_call(home: &Home) {
    let began = Instant::now();
    let output = home.run(&["--timeout-seconds", "60"], &["sleep 500 & echo started"]);
    assert_eq!(
        (output.status.code(), stdout(&output).as_str()),
        (Some(0), "started\n"),
        "{}",
        stderr(&output)
    );
    assert!(began.elapsed() < Duration::from_secs(55), "the child held the call");
}

fn much_output_is_exact(home: &Home) {
    let mut child = home
        .run_command(&["--timeout-seconds", "300"], &["head", "-c", "67108864", "/dev/zero"])
        .spawn()
        .unwrap();
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
    let mut child = home
        .run_command(&["--timeout-seconds", "300"], &["yes"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
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
    let output = home
        .run(&["--json"], &["echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&value["stdout_truncated"], &value["stdout_bytes"]),
        (&true.into(), &3_000_012.into())
    );
    let text = value["stdout"].as_str().unwrap();
    assert!(
        text.starts_with("first\n") && text.ends_with("last\n") && text.contains("bytes omitted")
    );
    assert!(text.len() < 1_100_000);
    let name = value["stdout_file"].as_str().unwrap();
    assert!(stderr(&output).contains(&format!("pyro output read {name}\n")), "{}", stderr(&output));
    let read =
        |flags: &[&str]| home.pyro(&[&["output", "read", name], flags].concat()).output().unwrap();
    let whole = read(&[]).stdout;
    assert!(
        whole.len() == 3_000_012
            && whole.starts_with(b"first\nxxx")
            && whole.ends_with(b"xxx\nlast\n")
    );
    assert_eq!(read(&["--offset", "3000005", "--length", "5"]).stdout, b"x\nlas");
    assert!(read(&["--offset", "1", "--length", "2500000"]).stdout == whole[1..2_500_001]);
    let page: serde_json::Value =
        serde_json::from_slice(&read(&["--json", "--length", "8"]).stdout).unwrap();
    let expected = serde_json::json!({
        "name": name, "offset": 0, "next_offset": 8, "total_bytes": 3_000_012,
        "output_bytes": 3_000_012, "text": "first\nxx", "encoding": "utf-8",
    });
    assert_eq!(page, expected);
    let wrong = |args: &[&str]| {
        home.pyro(&[&["output", "read"], args].concat()).output().unwrap().status.code()
    };
    assert_eq!(wrong(&["0123456789ab-stdout"]), Some(1));
    assert_eq!(
        (wrong(&["../records"]), wrong(&[name, "--json", "--length", "1048577"])),
        (Some(2), Some(2))
    );
}

/// Longer than one argument can be: as many words as the host's own limit lets through.
fn a_command_may_be_long(home: &Home) {
    let word = "x".repeat(120_000);
    let mut words = vec!["printf", "%s"];
    words.extend([word.as_str(); 15]);
    let output = home.run(&[], &words);
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(0), 1_800_000),
        "{:.300}",
        stderr(&output)
    );
    let id = &crate::workspace::created(home);
    // Nobody's file stays, its input is its own, and its status too.
    let filler = format!(": {word};");
    let words = [
        "eval",
        "read first; echo \"$first $(id -un)\";",
        &filler,
        &filler,
        "ls /run/pyro-line-* 2>/dev/null | wc -l; exit 3",
    ];
    for (user, left) in [("root", "0"), ("nobody", "1")] {
        let mut child =
            home.pyro(&[&["workspace", "exec", id, "--user", user, "--"], &words[..]].concat());
        child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"in\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{user}: {:.300}", stderr(&output));
        assert_eq!(stdout(&output), format!("in {user}\n{left}\n"), "{:.300}", stderr(&output));
    }
    let mut never = home
        .pyro(&[&["workspace", "exec", id, "--cwd", "/nonexistent", "--"], &words[..]].concat());
    assert!(!never.output().unwrap().status.success());
    let left = crate::workspace::exec(home, id, "ls /run/pyro-line-* 2>/dev/null | wc -l; id -u");
    assert_eq!(left, "0\n0\n", "what another user could not remove, or nobody read, is removed");
    crate::workspace::done(home, "delete", &[id]);
}

fn what_is_no_text_can_be_had(home: &Home) {
    let run = |line: &str| -> serde_json::Value {
        let output = home.run(&["--json"], &[line]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
    };
    let short = run("printf '\\377\\000a'; echo text >&2");
    assert_eq!(
        (&short["stdout_encoding"], &short["stdout_base64"]),
        (&"utf-8-replaced".into(), &"/wBh".into())
    );
    assert!(short["stdout_file"].is_null() && short["stderr_base64"].is_null());
    let longer = run("head -c 20000 /dev/zero | tr '\\000' '\\377' >&2");
    let name = longer["stderr_file"].as_str().unwrap();
    assert!(longer["stderr_base64"].is_null() && longer["stderr_truncated"] == false, "{longer}");
    assert_eq!(home.pyro(&["output", "read", name]).output().unwrap().stdout, [0xff; 20_000]);
    let id = &crate::workspace::created(home);
    let executed = crate::workspace::done(home, "exec", &[id, "--", "printf '\\376'"]);
    assert_eq!(executed["stdout_base64"], "/g==");
    crate::workspace::done(home, "delete", &[id]);
}

fn a_reader_that_goes_away_ends_it(home: &Home) {
    let mut child = home.run_command(&["--timeout-seconds", "300"], &["yes"]).spawn().unwrap();
    let mut first = [0; 4];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"y\ny\n");
    assert_eq!(child.wait().unwrap().code(), Some(141));
}
