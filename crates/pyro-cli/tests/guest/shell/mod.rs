//! Shells: from the command line, through a pseudo-terminal, and through deaths.

mod alone;
mod attached;
mod busy;
mod model;
mod terminal;

use crate::home::{Home, eventually, kill, stdout};
use crate::workspace::{command, created, done, exec, failed, said};
use crate::{on_each_engine, on_the_host};
use serde_json::{Value, json};

on_each_engine!(a_shell_is_used_by_many_processes, a_shell_outlives_its_client_and_no_more);
on_the_host!(a_shell_is_used_by_many_processes, a_shell_outlives_its_client_and_no_more);

/// `pyro workspace shell VERB --json args…`; it must succeed.
pub fn shell(home: &Home, verb: &str, args: &[&str]) -> Value {
    let output = home.pyro(&[&["workspace", "shell", verb, "--json"], args].concat()).output();
    let output = output.unwrap();
    let value = said(&output);
    assert!(output.status.success(), "{verb} {args:?}: {value}");
    value
}

/// As [`shell`]; it must fail. Its kind.
pub fn refused(home: &Home, verb: &str, args: &[&str]) -> String {
    let output = home.pyro(&[&["workspace", "shell", verb, "--json"], args].concat()).output();
    let output = output.unwrap();
    let value = said(&output);
    assert!(!output.status.success() && value["hint"].is_string(), "{verb} {args:?}: {value}");
    value["kind"].as_str().unwrap().to_owned()
}

/// A new shell's id.
pub fn opened(home: &Home, id: &str, flags: &[&str]) -> String {
    let shell = shell(home, "open", &[&[id], flags].concat());
    assert_eq!((&shell["state"], &shell["workspace_id"]), (&json!("running"), &json!(id)));
    shell["shell_id"].as_str().unwrap().to_owned()
}

pub fn write(home: &Home, id: &str, one: &str, input: &str) {
    shell(home, "write", &[id, one, "--input", input]);
}

/// Where the output of a shell ends.
fn end(home: &Home, id: &str, one: &str) -> String {
    shell(home, "read", &[id, one, "--screen"])["next_cursor"].to_string()
}

/// What a shell has printed from `cursor` on, as a person reads it, once it holds `text`.
#[track_caller]
pub fn reads(home: &Home, id: &str, one: &str, cursor: &str, text: &str) -> String {
    eventually(text, || {
        let flags = ["--plain", "--cursor", cursor, "--wait-for-idle-ms", "100"];
        let read = shell(home, "read", &[&[id, one], &flags[..]].concat());
        let output = read["output"].as_str().unwrap();
        output.contains(text).then(|| output.to_owned())
    })
}

/// Type a line and wait for `text`.
#[track_caller]
pub fn says(home: &Home, id: &str, one: &str, input: &str, text: &str) -> String {
    let cursor = end(home, id, one);
    write(home, id, one, input);
    reads(home, id, one, &cursor, text)
}

fn a_shell_is_used_by_many_processes(home: &Home) {
    let id = &created(home);
    let one = &opened(home, id, &["--cols", "90", "--rows", "20"]);
    it_has_a_terminal(home, id, one);
    its_output_is_read_from_any_cursor(home, id, one);
    its_screen_is_shown(home, id, one);
    its_foreground_is_signalled(home, id, one);
    it_dies(home, id, one);
    let user = stdout(&std::process::Command::new("id").arg("-u").output().unwrap());
    let user = user.trim();
    let two = &opened(home, id, &["--cwd", "/tmp", "--env", "A=b c", "--user", user]);
    says(
        home,
        id,
        two,
        "echo \"$PWD|$A|$TERM|$(id -u)\"",
        &format!("/tmp|b c|xterm-256color|{user}\n"),
    );
    for (flags, kind) in [
        (&["--cwd", "/nowhere"][..], "not_found"),
        (&["--cwd", "../x"], "invalid_input"),
        (&["--cols", "0"], "invalid_input"),
        (&["--rows", "201"], "invalid_input"),
        (&["--user", "nobody-at-all"], if home.is_host() { "unsupported" } else { "not_found" }),
    ] {
        assert_eq!(refused(home, "open", &[&[id.as_str()], flags].concat()), kind, "{flags:?}");
    }
    assert_eq!(shell(home, "list", &[id])["count"], 1);
    done(home, "stop", &[id]);
    assert_eq!(shell(home, "list", &[id])["count"], 0);
    assert_eq!(refused(home, "read", &[id, two]), "wrong_state");
    assert_eq!(refused(home, "open", &[id]), "wrong_state");
    done(home, "start", &[id]);
    assert_eq!(refused(home, "read", &[id, two]), "not_found");
    let three = &opened(home, id, &[]);
    done(home, "reset", &[id]);
    assert_eq!(refused(home, "read", &[id, three]), "not_found");
    done(home, "delete", &[id]);
    home.assert_clean();
}

fn it_has_a_terminal(home: &Home, id: &str, one: &str) {
    let text = says(home, id, one, "stty size; tty; pwd", "\n20 90\n/dev/pts/");
    assert!(home.is_host() || text.contains("\n/workspace\n"), "{text:?}");
    says(home, id, one, "set -- $- \"$0\"; echo \"$@\"", "bash");
    let resized = shell(home, "resize", &[id, one, "--cols", "60", "--rows", "10"]);
    assert_eq!((&resized["cols"], &resized["rows"]), (&json!(60), &json!(10)));
    says(home, id, one, "stty size", "10 60\n");
    let written = shell(home, "write", &[id, one, "--input", "echo h\u{e4}lf", "--no-newline"]);
    let said = (&written["input_length"], &written["append_newline"]);
    assert_eq!(said, (&json!(9), &json!(false)));
    says(home, id, one, "", "\nh\u{e4}lf\npyro$ ");
}

fn its_output_is_read_from_any_cursor(home: &Home, id: &str, one: &str) {
    let cursor = end(home, id, one);
    write(home, id, one, "printf '\\303\\244\\377\\000\\033[1mz\\033[0m\\n'; echo do''ne");
    reads(home, id, one, &cursor, "done\n");
    let (mut raw, mut at) = (String::new(), cursor.clone());
    loop {
        let read = shell(home, "read", &[id, one, "--cursor", &at, "--max-chars", "7"]);
        let output = read["output"].as_str().unwrap();
        assert!(output.chars().count() <= 7, "{read}");
        raw.push_str(output);
        at = read["next_cursor"].to_string();
        if read["truncated"] == false {
            break;
        }
    }
    assert!(raw.contains("\r\u{e4}\u{fffd}\0\u{1b}[1mz\u{1b}[0m\r\ndone\r\n"), "{raw:?}");
    let plain = shell(home, "read", &[id, one, "--cursor", &cursor, "--plain"]);
    let text = plain["output"].as_str().unwrap();
    assert!(text.contains("\n\u{e4}\u{fffd}z\ndone\npyro$ "), "{text:?}");
    // A reader that comes late is told how much it missed.
    write(home, id, one, "seq 400000; echo la''st");
    eventually("the last line", || {
        let screen = shell(home, "read", &[id, one, "--screen"]);
        screen["output"].as_str().unwrap().contains("400000\nlast\n").then_some(())
    });
    let late = shell(home, "read", &[id, one, "--cursor", &cursor]);
    let number = |field: &str| late[field].as_u64().unwrap();
    let asked: u64 = cursor.parse().unwrap();
    assert!(number("missed_bytes") > 1_000_000, "{}", late["missed_bytes"]);
    assert_eq!(number("cursor"), asked + number("missed_bytes"));
    assert_eq!(late["truncated"], true);
}

fn its_screen_is_shown(home: &Home, id: &str, one: &str) {
    let screen = || shell(home, "read", &[id, one, "--screen", "--wait-for-idle-ms", "200"]);
    write(home, id, one, "clear; printf '\\033[?1049h\\033[2J\\033[3;5Hal''t'; read -r line");
    let alternate = eventually("the alternate screen", || {
        let read = screen();
        (read["screen"]["alternate"] == true).then_some(read)
    });
    assert_eq!(alternate["output"], "\n\n    alt", "{alternate}");
    let at = (&alternate["screen"]["cursor_row"], &alternate["screen"]["cursor_col"]);
    assert_eq!(at, (&json!(2), &json!(7)));
    write(home, id, one, "");
    write(home, id, one, "printf '\\033[?1049l\\033[H\\033[2Jba''ck\\n'");
    let main = eventually("the main screen", || {
        let read = screen();
        (read["screen"]["alternate"] == false).then_some(read)
    });
    assert_eq!(main["output"], "back\npyro$", "{main}");
}

fn its_foreground_is_signalled(home: &Home, id: &str, one: &str) {
    for (name, status) in [("INT", 130), ("TERM", 143), ("KILL", 137)] {
        says(home, id, one, "clear; sh -c 'echo beg''un; exec sleep 300'", "begun\n");
        let signalled = shell(home, "signal", &[id, one, "--signal", name]);
        assert_eq!((&signalled["signal"], &signalled["state"]), (&json!(name), &json!("running")));
        says(home, id, one, "echo status=$?.", &format!("status={status}."));
    }
}

fn it_dies(home: &Home, id: &str, one: &str) {
    write(home, id, one, "echo last wo''rds; exit 7");
    let ended = eventually("the end of the shell", || {
        let read = shell(home, "read", &[id, one, "--screen"]);
        (read["state"] == "stopped").then_some(read)
    });
    assert_eq!(ended["exit_code"], 7, "{ended}");
    assert!(
        ended["output"].as_str().unwrap().contains("\nlast words\n") && ended["ended_at"].is_f64()
    );
    for verb in ["write", "signal", "resize"] {
        let flags: &[&str] = match verb {
            "write" => &["--input", "x"],
            "signal" => &[],
            _ => &["--cols", "9", "--rows", "9"],
        };
        assert_eq!(refused(home, verb, &[&[id, one], flags].concat()), "wrong_state", "{verb}");
    }
    assert_eq!(shell(home, "close", &[id, one])["closed"], true);
    for verb in ["read", "close"] {
        assert_eq!(refused(home, verb, &[id, one]), "not_found", "{verb}");
    }
}

fn a_shell_outlives_its_client_and_no_more(home: &Home) {
    let id = &created(home);
    let one = &opened(home, id, &[]);
    says(home, id, one, "sleep 4242 & echo go''ing", "going\n");
    // Whoever waits for it is killed.
    let args = ["workspace", "shell", "read", id, one, "--wait-for-idle-ms", "10000"];
    let mut reader = home.pyro(&args).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    reader.kill().unwrap();
    reader.wait().unwrap();
    says(home, id, one, "echo still he''re", "still here\n");
    // A close ends what ignores the end of its terminal, too.
    let two = &opened(home, id, &[]);
    says(home, id, two, "(trap '' HUP; setsid sleep 4343 &); echo go''ing", "going\n");
    let sleeps = |seconds: &str| exec(home, id, &format!("pgrep -c -f 'sleep {seconds}$' || :"));
    assert_ne!(sleeps("4343").trim(), "0");
    let closed = shell(home, "close", &[id, two]);
    assert_eq!((&closed["state"], &closed["exit_code"]), (&json!("stopped"), &json!(-1)));
    eventually("the end of what it left", || (sleeps("4343").trim() == "0").then_some(()));
    assert_ne!(sleeps("4242").trim(), "0");
    kill(home.process("supervise"), "-KILL");
    home.assert_idle();
    assert_eq!(failed(home, "exec", &[id, "--", "true"]), "wrong_state");
    done(home, "start", &[id]);
    assert_eq!(refused(home, "read", &[id, one]), "not_found");
    assert_eq!(said(&command(home, "delete", &[id]).output().unwrap())["deleted"], true);
}
