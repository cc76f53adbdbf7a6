//! Commands as scripts and models meet them: which shell, what stdin is, what stays behind, what a
//! full memory says.

use crate::home::{ENVIRONMENT, Home, PYRO, eventually, kill, stderr, stdout};
use crate::mcp::in_home;
use crate::on_each_engine;
use crate::workspace::{created, done, exec, said};
use serde_json::{Value, json};
use std::io::Read;
use std::process::Stdio;

on_each_engine!(
    a_line_is_for_the_users_login_shell,
    the_hosts_null_is_the_guests,
    what_pyro_says_begins_on_a_line_of_its_own,
    what_stays_in_the_background_may_go_on_printing,
    a_flood_in_the_background_holds_nothing_up,
    a_command_that_breaks_off_is_in_the_history,
    memory_that_is_full_is_told,
    filesystems_in_memory_leave_room_for_programs,
);

fn a_line_is_for_the_users_login_shell(home: &Home) {
    let id = created(home);
    let line = "echo 'app:x:1500:1500::/home/app:/bin/bash' >> /etc/passwd; \
                echo 'bare:x:1501:1501::/:/bin/own' >> /etc/passwd; echo 'none:x:1502:1502::/:/nope/bash' >> /etc/passwd";
    exec(home, &id, line);
    let run = |flags: &[&str], line: &str| {
        let words = [&["workspace", "exec", &id, "--json"], flags, &["--", line]].concat();
        said(&home.pyro(&words).output().unwrap())
    };
    let which = "echo $0 $SHELL; [[ abc == a* ]] && echo bash";
    for (flags, expected) in [
        (&[][..], "/bin/bash /bin/bash\nbash\n"),
        (&["--shell", "login"], "/bin/bash /bin/bash\nbash\n"),
        (&["--shell", "sh"], "/bin/sh /bin/bash\n"),
        (&["--user", "app"], "/bin/bash /bin/bash\nbash\n"),
        // nologin, one that is no shell, one that is not there, none.
        (&["--user", "nobody"], "/bin/sh /bin/sh\n"),
        (&["--user", "bare"], "/bin/sh /bin/sh\n"),
        (&["--user", "none"], "/bin/sh /bin/sh\n"),
        (&["--user", "4242"], "/bin/sh /bin/sh\n"),
        (&["--user", "nobody", "--shell", "bash"], "/bin/bash /bin/sh\nbash\n"),
    ] {
        assert_eq!(run(flags, which)["stdout"], expected, "{flags:?}");
    }
    assert_eq!(run(&[], "false &> /dev/null; echo $?")["stdout"], "1\n");
    assert_eq!(run(&[], "set -o pipefail; false | true")["exit_code"], 1);
    assert_eq!(run(&["--shell", "zsh"], "true")["kind"], "invalid_input");
    // Root's shell may be taken away from its user alone, and any list may be what it likes.
    exec(
        home,
        &id,
        "cp /bin/bash /bin/ksh; chmod 700 /bin/ksh; sed -i '/^app/s,/bin/bash,/bin/ksh,' /etc/passwd",
    );
    assert_eq!(run(&["--user", "app"], "exit 7")["exit_code"], 7);
    for hostile in ["mkfifo", "mkdir"] {
        exec(home, &id, &format!("mv /etc/passwd /etc/kept; {hostile} /etc/passwd"));
        assert_eq!(run(&[], "echo $0")["stdout"], "/bin/sh\n", "{hostile}");
        exec(home, &id, "rm -r /etc/passwd; mv /etc/kept /etc/passwd");
    }
    exec(home, &id, "ln -sfn sh /bin/bash.new && mv /bin/bash /bin/bash.old");
    assert_eq!(run(&[], "echo $0")["stdout"], "/bin/sh\n");
    assert_eq!(run(&["--shell", "bash"], "true")["exit_code"], 127);
    done(home, "delete", &[&id]);
}

fn the_hosts_null_is_the_guests(home: &Home) {
    let line = "readlink /proc/self/fd/0; test -p /dev/stdin; echo $?";
    for flags in [&[][..], &["--stdin"]] {
        assert_eq!(stdout(&home.run(flags, &[line])), "/dev/null\n1\n", "{flags:?}");
    }
    assert!(stdout(&home.run_with_input(&[line], b"x")).starts_with("pipe:"));
}

fn what_pyro_says_begins_on_a_line_of_its_own(home: &Home) {
    for (line, told) in
        [("printf x >&2", "\nx\n[run] environment="), ("echo x >&2", "\nx\n[run] environment=")]
    {
        let output = home.run(&[], &[line]);
        assert!(stderr(&output).contains(told), "{line}: {}", stderr(&output));
    }
    // One file for both, as a terminal is.
    let path = home.path().join("both");
    let file = std::fs::File::create(&path).unwrap();
    let mut command = home.run_command(&[], &["printf x"]);
    command.stdout(file.try_clone().unwrap()).stderr(file).status().unwrap();
    let both = std::fs::read_to_string(&path).unwrap();
    assert!(both.contains("x\n[run] environment="), "{both}");
    // Where stdout is another one, nothing is added to either.
    let output = home.run(&[], &["printf x"]);
    assert!(stdout(&output) == "x" && !stderr(&output).contains("\n\n"), "{}", stderr(&output));
}

/// What is kept of the background's output.
fn background(home: &Home, id: &str) -> Vec<Value> {
    done(home, "logs", &[id, "--background"])["background"].as_array().unwrap().clone()
}

fn what_stays_in_the_background_may_go_on_printing(home: &Home) {
    let id = created(home);
    assert_eq!(background(home, &id), Vec::<Value>::new());
    let line = "(n=0; while :; do n=$((n+1)); echo line$n; echo err >&2; echo $n > /tmp/n; sleep 0.1; done) & echo up";
    assert!(exec(home, &id, line).contains("up\n"));
    let count = || exec(home, &id, "cat /tmp/n || true").trim().parse::<u64>().unwrap_or(0);
    let before = count();
    eventually("more of the background's lines", || (count() > before + 5).then_some(()));
    let kept = background(home, &id).remove(0);
    assert_eq!(
        (&kept["sequence"], &kept["running"], &kept["command"]),
        (&json!(1), &json!(true), &json!(line))
    );
    let tail = kept["output"].as_str().unwrap();
    assert!(
        tail.contains("line") && tail.contains("err\n") && kept["bytes"].as_u64() > Some(20),
        "{kept}"
    );
    // One that has ended has had its last words; a silent one has nothing to tell.
    exec(home, &id, "(sleep 0.2) & true");
    exec(home, &id, "(sleep 0.5; printf '\\033[31mlast') & true");
    let ended = || {
        background(home, &id)
            .into_iter()
            .find(|one| one["sequence"] != 1 && one["running"] == false)
    };
    let last = eventually("end of the background", ended);
    assert_eq!(
        (&last["output"], &last["truncated"]),
        (&json!("\u{1b}[31mlast"), &json!(false)),
        "{last}"
    );
    let shown = home.pyro(&["workspace", "logs", &id, "--background"]).output().unwrap();
    let text = stdout(&shown);
    assert!(
        text.contains("#1 pid=")
            && text.contains("state=running bytes=")
            && text.contains("\nline"),
        "{text}"
    );
    done(home, "stop", &[&id]);
    assert_eq!(background(home, &id), Vec::<Value>::new());
    done(home, "delete", &[&id]);
}

fn a_flood_in_the_background_holds_nothing_up(home: &Home) {
    let id = created(home);
    exec(home, &id, "for i in 1 2 3; do yes $i & done; echo up");
    assert_eq!(exec(home, &id, "seq 100000 | tail -n 1"), "100000\n");
    let kept = eventually("a flood", || {
        let one = background(home, &id).remove(0);
        (one["bytes"].as_u64() > Some(1 << 20)).then_some(one)
    });
    assert!(kept["output"].as_str().unwrap().len() <= 64 << 10 && kept["truncated"] == true);
    // Many of them are bounded too.
    exec(home, &id, "pkill yes || kill $(grep -lz ^yes /proc/[0-9]*/cmdline | cut -d/ -f3); true");
    eventually("end of the flood", || (background(home, &id)[0]["running"] == false).then_some(()));
    done(home, "stop", &[&id]);
    done(home, "delete", &[&id]);
}

fn a_command_that_breaks_off_is_in_the_history(home: &Home) {
    let id = created(home);
    let begun = |line: &str| {
        let mut client = home.pyro(&["workspace", "exec", &id, "--", line]).spawn().unwrap();
        client.stdout.as_mut().unwrap().read_exact(&mut [0; 6]).unwrap();
        client
    };
    let last = || done(home, "logs", &[&id])["entries"].as_array().unwrap().last().unwrap().clone();
    for (signal, state, text) in [
        ("-INT", "interrupted", "so far\n"),
        ("-TERM", "interrupted", "so far\n"),
        ("-KILL", "abandoned", ""),
    ] {
        let mut client = begun("echo so far; sleep 12345");
        let entry = last();
        assert_eq!(
            (&entry["state"], &entry["exit_code"]),
            (&json!("running"), &json!(null)),
            "{entry}"
        );
        kill(i32::try_from(client.id()).unwrap(), signal);
        client.wait().unwrap();
        let entry = last();
        assert_eq!(
            (&entry["state"], &entry["stdout"], &entry["exit_code"]),
            (&json!(state), &json!(text), &json!(null))
        );
        assert_eq!(entry["command"], "echo so far; sleep 12345");
    }
    let shown = stdout(&home.pyro(&["workspace", "logs", &id]).output().unwrap());
    assert!(
        shown.contains("#1 state=interrupted duration_ms=") && shown.contains("#3 state=abandoned"),
        "{shown}"
    );
    assert_eq!(done(home, "status", &[&id])["last_command"]["state"], "abandoned");
    // One that never began is not there, and its number is used again.
    let refused = home
        .pyro(&["workspace", "exec", &id, "--cwd", "/nope", "--json", "--", "true"])
        .output()
        .unwrap();
    assert_eq!((refused.status.code(), &said(&refused)["kind"]), (Some(125), &json!("not_found")));
    assert_eq!(done(home, "exec", &[&id, "--", "true"])["sequence"], 4);
    // Its machine is lost.
    let mut client = begun("echo so far; sleep 12345");
    kill(home.process(home.engine()), "-KILL");
    assert_eq!(client.wait().unwrap().code(), Some(125));
    let entry = last();
    assert_eq!(
        (&entry["sequence"], &entry["state"], &entry["stdout"]),
        (&json!(5), &json!("lost"), &json!("so far\n"))
    );
    done(home, "delete", &[&id]);
}

fn memory_that_is_full_is_told(home: &Home) {
    let hog = "perl -e 'my @held; push @held, \"x\" x 1000000 while 1'";
    let output = home.run(&["--mem-mib", "256", "--timeout-seconds", "100"], &[hog]);
    assert_eq!(output.status.code(), Some(137), "{}", stderr(&output));
    let told =
        "[run] the guest ran out of memory and its kernel killed perl; give it more with --mem-mib";
    assert!(stderr(&output).contains(told), "{}", stderr(&output));
    let line = format!("{hog}; echo \"status $?\"");
    let output = home.run(&["--mem-mib", "256", "--timeout-seconds", "100", "--json"], &[&line]);
    let ran = said(&output);
    assert_eq!(
        (&ran["out_of_memory"], &ran["stdout"]),
        (&json!("perl"), &json!("status 137\n")),
        "{ran}"
    );
    let ran = said(&home.run(&["--json"], &["kill -9 $$"]));
    assert_eq!((&ran["out_of_memory"], &ran["exit_code"]), (&json!(null), &json!(137)), "{ran}");
}

fn filesystems_in_memory_leave_room_for_programs(home: &Home) {
    let line = "for d in /dev/shm /run /dev; do dd if=/dev/zero of=$d/x bs=1M 2>/dev/null; echo $?; done; git --version";
    let output = home.run(&["--mem-mib", "256", "--timeout-seconds", "200"], &[line]);
    assert!(
        stdout(&output).starts_with("1\n1\n1\ngit version"),
        "{} {}",
        stdout(&output),
        stderr(&output)
    );
    // A file system that root mounts may be larger: it is not pyro's world that ends with it.
    let line = "mount -t tmpfs -o size=1G none /mnt; dd if=/dev/zero of=/mnt/x bs=1M 2>/dev/null; umount /mnt; echo end";
    let id = created(home);
    let ran = home
        .pyro(&["workspace", "exec", &id, "--timeout-seconds", "200", "--", line])
        .output()
        .unwrap();
    assert_ne!(ran.status.code(), Some(127), "{}", stderr(&ran));
    let told = stderr(&ran);
    assert!(
        stdout(&ran) == "end\n" || told.contains("ran out of memory"),
        "{:?} {told}",
        ran.status.code()
    );
    done(home, "delete", &[&id]);
}

/// `timeout` starts its command in the terminal's background: a read there stops it, and the
/// signals that follow must end it.
#[test]
fn a_terminal_that_is_not_pyros_holds_no_signal_up() {
    let home = Home::tcg();
    let script = "import os, pty, subprocess, sys, time\n\
                  pid, terminal = pty.fork()\n\
                  if pid == 0: os.execvp('sh', ['sh', '-c', 'timeout 8 \"$@\"; echo \"ended with $?\"', 'sh'] + sys.argv[1:])\n\
                  text = b''\n\
                  while b'ended with' not in text:\n\
                  \x20   try: some = os.read(terminal, 4096)\n\
                  \x20   except OSError: break\n\
                  \x20   if not some: break\n\
                  \x20   text += some\n\
                  sys.stdout.write(text.decode(errors='replace'))";
    let words = ["-c", script, PYRO, "run", "--stdin", ENVIRONMENT, "--", "cat"];
    let client = in_home(&home, "python3").args(words).stdout(Stdio::piped()).spawn().unwrap();
    let told = stdout(&crate::home::ended(client));
    assert!(told.contains("ended with 124"), "{told}");
}
