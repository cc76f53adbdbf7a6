//! A command in a workspace as a shell meets it: streams, statuses, signals.

use super::{created, done, exec, failed};
use crate::home::{Home, eventually, kill, signal_while_blocked, stderr, stdout};
use crate::{on_each_engine, on_the_host};
use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

on_the_host!(exec_is_a_good_filter, a_command_ends_with_its_client);
on_each_engine!(
    exec_is_a_good_filter,
    a_command_ends_with_its_client,
    a_blocked_reader_holds_no_signal_up,
    a_history_steers_no_terminal,
    what_a_command_left_in_the_background_goes_on,
);

fn line(home: &Home, id: &str, flags: &[&str], words: &[&str]) -> Command {
    home.pyro(&[&["workspace", "exec", id], flags, &["--"], words].concat())
}

fn with_input(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap()
    })
}

fn exec_is_a_good_filter(home: &Home) {
    let id = created(home);
    let run = |flags: &[&str], words: &[&str]| line(home, &id, flags, words).output().unwrap();
    let output = run(&[], &["printf 'a\\377\\n'; echo b >&2; exit 7"]);
    assert_eq!((output.status.code(), &*output.stdout), (Some(7), &b"a\xff\n"[..]));
    let told = stderr(&output);
    let end = format!(
        "[workspace-exec] workspace_id={id} sequence=1 cwd=/workspace execution_mode={}",
        home.mode()
    );
    assert!(
        told.starts_with("b\n") && told.contains(&format!("{end} exit_code=7 duration_ms=")),
        "{told}"
    );
    for (words, status) in
        [(&["no-such-program"][..], 127), (&["kill -9 $$"], 137), (&["sh", "-c", "exit 3"], 3)]
    {
        assert_eq!(run(&[], words).status.code(), Some(status), "{words:?}");
    }
    let output =
        run(&["--cwd", "/tmp", "--env", "A=b=c", "--env", "B=x y"], &["pwd; echo \"$A $B\""]);
    assert_eq!(stdout(&output), "/tmp\nb=c x y\n");
    exec(home, &id, "mkdir below");
    assert!(stdout(&run(&["--cwd", "below"], &["pwd"])).ends_with("/workspace/below\n"));
    let output = run(&["--timeout-seconds", "10"], &["echo so far; sleep 100"]);
    assert_eq!((output.status.code(), &*stdout(&output)), (Some(124), "so far\n"));
    assert!(stderr(&output).contains("--timeout-seconds"), "{}", stderr(&output));
    let input: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let output = with_input(line(home, &id, &[], &["cat"]), &input);
    assert!(output.stdout == input, "{} bytes of {}", output.stdout.len(), input.len());
    let output = with_input(line(home, &id, &["--json"], &["wc -c"]), &input);
    assert_eq!(super::said(&output)["stdout"], format!("{}\n", input.len()));
    for wrong in [&["--cwd", "../x"][..], &["--timeout-seconds", "0"], &["--env", "novalue"]] {
        assert_eq!(run(wrong, &["true"]).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(failed(home, "exec", &[&id, "--", "  "]), "invalid_input");
    // A timeout is in the history, a command that never began is not.
    assert_eq!(done(home, "status", &[&id])["command_count"], 10);
    done(home, "delete", &[&id]);
}

/// What a person at a terminal is shown, of both streams.
fn on_a_terminal(home: &Home, words: &str) -> String {
    let mut command = home.pyro(&[]);
    let line = format!("{} workspace {words}", command.get_program().to_str().unwrap());
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null());
    for (name, value) in command.stdin(Stdio::null()).get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    let output = script.output().unwrap();
    assert!(output.status.success(), "{words}: {}", stdout(&output));
    stdout(&output)
}

fn a_history_steers_no_terminal(home: &Home) {
    let id = created(home);
    let text = "printf '\\033]0;title\\007\\033[2Jout\\302\\2331m\\n'; printf '\\033[2Jerr\\n' >&2 # \x1b[2J\u{9b}1m";
    exec(home, &id, "mkdir \"$(printf '\\033[31mred\\nline')\"");
    let output = line(home, &id, &["--cwd", "\x1b[31mred\nline"], &[text]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let told = stderr(&output);
    assert!(told.contains("cwd=/workspace/[31mred\\nline execution_mode"), "{told}");
    for words in ["logs", "status"] {
        let shown = on_a_terminal(home, &format!("{words} {id}"));
        assert!(shown.contains("# [2J1m"), "{words}: {shown}");
        let steers = |one: char| one.is_control() && !matches!(one, '\n' | '\r' | '\t');
        assert!(!shown.contains(steers), "{words}: {shown:?}");
        if words == "logs" {
            for part in ["]0;title[2Jout1m\r\n", "[2Jerr\r\n", "cwd=/workspace/[31mred\\nline\r\n"]
            {
                assert!(shown.contains(part), "{part}: {shown:?}");
            }
        }
    }
    // A program reads what was printed.
    let logs = home.pyro(&["workspace", "logs", &id]).output().unwrap();
    assert!(stdout(&logs).contains("\u{1b}]0;title\u{7}\u{1b}[2Jout"), "{}", stdout(&logs));
    assert!(stderr(&logs).contains("\u{1b}[2Jerr\n"), "{}", stderr(&logs));
    done(home, "delete", &[&id]);
}

fn what_a_command_left_in_the_background_goes_on(home: &Home) {
    let id = created(home);
    let began = Instant::now();
    let pid = exec(home, &id, "sleep 500 & echo $!");
    assert!(began.elapsed() < Duration::from_secs(60), "it waited for the background");
    let alive = format!("tr '\\0' ' ' < /proc/{}/cmdline", pid.trim());
    assert_eq!(exec(home, &id, &alive), "sleep 500 ");
    done(home, "stop", &[&id]);
    done(home, "start", &[&id]);
    assert_eq!(exec(home, &id, "grep -lzx 500 /proc/[0-9]*/cmdline || true"), "", "a stop ends it");
    done(home, "delete", &[&id]);
}

/// Whether the guest runs the command that the test started.
fn runs(home: &Home, id: &str) -> bool {
    !exec(home, id, "grep -lx 12345 /proc/[0-9]*/cmdline -z 2>/dev/null || true").trim().is_empty()
}

fn a_blocked_reader_holds_no_signal_up(home: &Home) {
    let id = created(home);
    exec(home, &id, "yes 0123456789 | head -n 30000 > large");
    let whole = |args: &[&str]| home.pyro(&[&["workspace"], args].concat());
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        for (stderr, command) in [
            (false, line(home, &id, &[], &["yes 12345"])),
            (true, line(home, &id, &[], &["yes 12345 >&2"])),
            // Its result is there; nobody takes it.
            (false, line(home, &id, &["--json"], &["yes | head -c 200000"])),
            (false, whole(&["diff", &id, "--patch"])),
            (false, whole(&["file", "read", &id, "large", "--max-bytes", "200000"])),
            (false, whole(&["logs", &id, "--json"])),
        ] {
            let words = format!("{command:?}");
            let (code, took) = signal_while_blocked(&command, stderr, signal);
            // Where nothing has to be undone, the signal itself ends it.
            assert!(code.is_none_or(|code| code == status), "{signal} {words}: {code:?}");
            assert!(took < Duration::from_secs(60), "{signal} {words}: {took:?}");
        }
        eventually("end of the command", || (!runs(home, &id)).then_some(()));
    }
    assert_eq!(done(home, "status", &[&id])["state"], "started");
    done(home, "delete", &[&id]);
}

fn a_command_ends_with_its_client(home: &Home) {
    let id = created(home);
    for (signal, status) in [("-INT", Some(130)), ("-TERM", Some(143)), ("-KILL", None)] {
        let mut client = line(home, &id, &[], &["echo up; sleep 12345"]).spawn().unwrap();
        let mut mark = [0; 3];
        client.stdout.as_mut().unwrap().read_exact(&mut mark).unwrap();
        eventually("command", || runs(home, &id).then_some(()));
        kill(i32::try_from(client.id()).unwrap(), signal);
        assert_eq!(client.wait().unwrap().code(), status, "{signal}");
        eventually("end of the command", || (!runs(home, &id)).then_some(()));
    }
    // The reader goes away.
    let mut client = line(home, &id, &[], &["yes 12345"]).spawn().unwrap();
    let mut some = [0; 6];
    client.stdout.take().unwrap().read_exact(&mut some).unwrap();
    assert_eq!(client.wait().unwrap().code(), Some(141));
    eventually("end of the command", || (!runs(home, &id)).then_some(()));
    assert_eq!(done(home, "status", &[&id])["state"], "started");
    done(home, "delete", &[&id]);
}
