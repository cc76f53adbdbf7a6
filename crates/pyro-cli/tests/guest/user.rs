//! Where a command runs, with which variables, with what on stdin, and as whom.

use crate::home::{ENVIRONMENT, Home, PYRO, eventually, stderr, stdout};
use crate::mcp::in_home;
use crate::on_each_engine;
use crate::workspace::{created, done, exec, said};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Output, Stdio};

on_each_engine!(
    a_one_shot_command_has_what_it_is_given,
    what_is_chosen_wins_over_the_profile,
    what_it_cannot_have_is_named,
    a_command_is_its_users,
    pipes_are_the_users_too,
    a_users_tree_ends_with_its_time,
    what_a_hostile_guest_says_of_its_users_is_bounded,
);

fn a_one_shot_command_has_what_it_is_given(home: &Home) {
    let line = "id -u; id -g; id -G; pwd; printf '%s|' \"$HOME\" \"$USER\" \"$LOGNAME\" \"$SHELL\" \"$A\" \"$B\"; \
                tr '\\0' '\\n' < /proc/$$/environ";
    // Some of the flags before the environment's name, some behind it.
    let odd = "B= a\n'\"$(x)\\=ä ";
    let flags = [
        "run",
        "--user",
        "www-data",
        "--env",
        "A=b=c",
        ENVIRONMENT,
        "--cwd",
        "/usr/lib",
        "--env",
        odd,
    ];
    let output =
        home.pyro(&[&flags, &["--env", "ODD= %=1", "--", line][..]].concat()).output().unwrap();
    let told = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let head =
        format!("33\n33\n33\n/usr/lib\n/var/www|www-data|www-data|/bin/sh|b=c|{}|", &odd[2..]);
    assert!(told.starts_with(&head) && told.contains("\nODD= %=1\n"), "{told}");
    let numbers =
        home.run(&["--user", "12345:54321"], &["id -u; id -g; id -G; echo $HOME $USER; pwd"]);
    assert_eq!(stdout(&numbers), "12345\n54321\n54321\n/ 12345\n/\n", "{}", stderr(&numbers));
}

/// `/etc/profile` sets `PATH` for every login shell; the line, its name, its numbers and its end
/// are as without a variable.
fn what_is_chosen_wins_over_the_profile(home: &Home) {
    let line = "echo \"$PATH|$HOME|$_PYRO_HOME|$0|$#\"\nwhere() { env | grep -c _PYRO_; }; where\nnosuch; (exit 7)";
    let flags = [
        "--env",
        "PATH=/foo:/usr/bin:/bin",
        "--env",
        "HOME=/tmp/a 'b\n$(c)",
        "--env",
        "_PYRO_HOME=mine",
    ];
    let output = home.run(&flags, &[line]);
    let told = "/foo:/usr/bin:/bin|/tmp/a 'b\n$(c)|mine|/bin/bash|0\n1\n";
    assert_eq!(
        (output.status.code(), stdout(&output).as_str()),
        (Some(7), told),
        "{}",
        stderr(&output)
    );
    assert!(
        stderr(&output).contains("/bin/bash: line 3: nosuch: command not found"),
        "{}",
        stderr(&output)
    );
    let wrong = home.run(&flags, &["; echo"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        stderr(&wrong).contains("/bin/bash: -c: line 1: syntax error near unexpected token"),
        "{}",
        stderr(&wrong)
    );
}

fn what_it_cannot_have_is_named(home: &Home) {
    for (flags, status, kind, message) in [
        (&["--cwd", "/nowhere"][..], 125, "not_found", "working directory /nowhere: no such file"),
        (
            &["--cwd", "/etc/passwd"],
            125,
            "not_found",
            "working directory /etc/passwd: not a directory",
        ),
        // Root's home is root's alone.
        (
            &["--cwd", "/root", "--user", "nobody"],
            125,
            "not_found",
            "working directory /root: permission denied",
        ),
        (
            &["--user", "ghost"],
            125,
            "not_found",
            "there is no user \"ghost\" in /etc/passwd of the guest",
        ),
        (
            &["--user", "nobody:ghost"],
            125,
            "not_found",
            "there is no group \"ghost\" in /etc/group of the guest",
        ),
        (&["--user", "a b"], 2, "invalid_input", "the command cannot run as this user"),
        (&["--user", "0:"], 2, "invalid_input", "the command cannot run as this user"),
        (&["--cwd", "tmp"], 2, "invalid_input", "the directory of a command cannot be used"),
        (&["--cwd", "/a/../b"], 2, "invalid_input", "the directory of a command cannot be used"),
        (&["--env", "=x"], 2, "invalid_input", "NAME=VALUE"),
        (&["--env", "my-var=1"], 2, "invalid_input", "\"my-var\" is no name of a variable"),
    ] {
        let output = home.run(&[flags, &["--json"]].concat(), &["echo ran"]);
        let error = said(&output);
        let words = error["error"].as_str().unwrap();
        assert!(words.contains(message) && error["hint"].is_string(), "{flags:?}: {error}");
        assert_eq!(
            (output.status.code(), error["kind"].as_str()),
            (Some(status), Some(kind)),
            "{flags:?}: {error}"
        );
    }
    let told = stderr(&home.run(&["--user", "ghost"], &["true"]));
    assert!(told.contains("hint:") && told.contains("getent passwd"), "{told}");
}

/// A workspace with a user and its groups.
fn with_a_user(home: &Home) -> String {
    let id = created(home);
    let line = "echo 'app:x:1500:1501:An App:/home/app:/bin/false' >> /etc/passwd && \
                printf 'app:x:1501:\\nhelpers:x:1502:other,app\\nothers:x:1503:other\\n' >> /etc/group && \
                mkdir /home/app && chown 1500:1501 /home/app . && cp /etc/passwd /root/passwd";
    exec(home, &id, line);
    id
}

/// `pyro workspace exec --json`, as a user, however the command ends.
fn exec_as(home: &Home, id: &str, user: &str, line: &str) -> Value {
    let words =
        ["workspace", "exec", id, "--json", "--user", user, "--timeout-seconds", "300", "--", line];
    said(&home.pyro(&words).output().unwrap())
}

fn a_command_is_its_users(home: &Home) {
    let id = with_a_user(home);
    let whoami = "echo $(id -u) $(id -g) $(id -G) $HOME $USER $LOGNAME $SHELL";
    for (user, expected) in [
        ("app", "1500 1501 1501 1502 /home/app app app /bin/sh\n"),
        ("1500", "1500 1501 1501 1502 /home/app app app /bin/sh\n"),
        ("app:others", "1500 1503 1503 /home/app app app /bin/sh\n"),
        ("app:7", "1500 7 7 /home/app app app /bin/sh\n"),
        ("4294967294", "4294967294 0 0 / 4294967294 4294967294 /bin/sh\n"),
        ("root", "0 0 0 /root root root /bin/bash\n"),
    ] {
        let ran = exec_as(home, &id, user, whoami);
        assert_eq!((&ran["stdout"], &ran["user"]), (&json!(expected), &json!(user)), "{ran}");
    }
    // Nothing of root's is left to it, and no more than its own comes of a profile.
    exec(home, &id, "echo 'FROM=profile; export FROM' > /home/app/.profile");
    let line = "echo $FROM; grep -E '^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status; cat /etc/shadow; \
                mount -t tmpfs none /mnt; echo made > made; mkdir -p a/b; kill -0 1; umask";
    let ran = exec_as(home, &id, "app", line);
    let zero = "0000000000000000";
    let status = format!(
        "profile\nCapInh:\t{zero}\nCapPrm:\t{zero}\nCapEff:\t{zero}\nCapAmb:\t{zero}\nNoNewPrivs:\t0\n"
    );
    assert_eq!(ran["stdout"], format!("{status}0022\n"), "{ran}");
    let refused = ran["stderr"].as_str().unwrap();
    assert!(refused.contains("/etc/shadow: Permission denied"), "{refused}");
    assert!(refused.contains("mount: ") && refused.contains("kill: "), "{refused}");
    assert_eq!(exec(home, &id, "stat -c '%u:%g' made a a/b"), "1500:1501\n".repeat(3));
    // Whoever comes next is root again.
    assert_eq!(exec(home, &id, whoami), "0 0 0 /root root root /bin/bash\n");
    let logs = done(home, "logs", &[&id]);
    let users: Vec<&Value> =
        logs["entries"].as_array().unwrap().iter().map(|entry| &entry["user"]).collect();
    let names = [json!(null), json!("app"), json!("1500"), json!("app:others"), json!("app:7")];
    assert_eq!(users[..5], names.iter().collect::<Vec<_>>());
    let shown = stdout(&home.pyro(&["workspace", "logs", &id]).output().unwrap());
    assert!(
        shown.contains("#2 exit_code=0") && shown.contains(" cwd=/workspace user=app\n"),
        "{shown}"
    );
    done(home, "delete", &[&id]);
}

/// What a command says that is given these bytes.
fn given(mut command: std::process::Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn pipes_are_the_users_too(home: &Home) {
    let line = "cat /dev/stdin > /dev/stdout; echo more >> /dev/fd/1; echo apart > /dev/stderr; ls -ln /proc/self/fd/1 | wc -l; \
                stat -Lc '%u %a' /dev/stdout";
    for user in ["www-data", "0"] {
        let output = given(home.run_command(&["--user", user], &[line]), b"given\n");
        let owner = if user == "0" { "0" } else { "33" };
        assert_eq!(
            stdout(&output),
            format!("given\nmore\n1\n{owner} 600\n"),
            "{}",
            stderr(&output)
        );
        assert!(stderr(&output).contains("\napart\n[run] environment="), "{}", stderr(&output));
    }
    // Nobody else's: a pipe has its owner, and no other user opens it.
    let id = with_a_user(home);
    let line = "echo x > /proc/$(cat holder)/fd/1";
    let mut holder = home
        .pyro(&["workspace", "exec", &id, "--", "echo $$ > holder; exec sleep 300"])
        .spawn()
        .unwrap();
    eventually("holder", || {
        exec(home, &id, "cat holder 2>/dev/null || true").ends_with('\n').then_some(())
    });
    let ran = exec_as(home, &id, "app", line);
    assert!(ran["stderr"].as_str().unwrap().contains("Permission denied"), "{ran}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    done(home, "delete", &[&id]);
}

fn a_users_tree_ends_with_its_time(home: &Home) {
    let id = with_a_user(home);
    let line = "trap '' TERM HUP; (setsid sh -c 'trap \"\" TERM HUP; sleep 12345; sleep 12345' &) ; echo up; sleep 12345";
    let ran = home.pyro(&[
        "workspace",
        "exec",
        &id,
        "--user",
        "app",
        "--timeout-seconds",
        "20",
        "--json",
        "--",
        line,
    ]);
    let ran = { ran }.output().unwrap();
    let told = said(&ran);
    assert_eq!(ran.status.code(), Some(124), "{told}");
    assert_eq!((&told["stdout"], &told["timed_out"]), (&json!("up\n"), &json!(true)), "{told}");
    assert_eq!(
        exec(home, &id, "grep -l '^Uid:.1500' /proc/[0-9]*/status 2>/dev/null || echo none"),
        "none\n"
    );
    // What its client leaves behind goes as well.
    let words = ["workspace", "exec", &id, "--user", "app", "--", "echo up; sleep 12345"];
    let mut client = home.pyro(&words).spawn().unwrap();
    let mut mark = [0; 3];
    std::io::Read::read_exact(client.stdout.as_mut().unwrap(), &mut mark).unwrap();
    client.kill().unwrap();
    client.wait().unwrap();
    let look = "grep -l '^Uid:.1500' /proc/[0-9]*/status 2>/dev/null || echo none";
    eventually("end of the command", || (exec(home, &id, look) == "none\n").then_some(()));
    done(home, "delete", &[&id]);
}

fn what_a_hostile_guest_says_of_its_users_is_bounded(home: &Home) {
    let id = with_a_user(home);
    let as_user = |user: &str| {
        let words = [
            "workspace",
            "exec",
            &id,
            "--user",
            user,
            "--json",
            "--",
            "echo $(id -u):$(id -g) $HOME",
        ];
        said(&home.pyro(&words).output().unwrap())
    };
    for (line, user, expected) in [
        (
            "head -c 10485760 /dev/zero | tr '\\0' a > /etc/passwd",
            "app",
            Err("has more than 1048576 bytes"),
        ),
        (
            "(cat /root/passwd; head -c 10485760 /dev/zero) > /etc/passwd",
            "0",
            Err("has more than 1048576 bytes"),
        ),
        (
            "(printf '\\377\\376:x:1:1::/:\\n\\0\\n::::::\\n'; cat /root/passwd) > /etc/passwd",
            "app",
            Ok("1500:1501 /home/app"),
        ),
        (
            "rm /etc/passwd; mv /root/passwd /etc/real; ln -s ../../../../etc/real /etc/passwd",
            "app",
            Ok("1500:1501 /home/app"),
        ),
        // A directory of the agent's own root, which lies above: nothing there is reached.
        ("ln -sfn ../../../../../disk /etc/passwd", "app", Err("no user \"app\"")),
        ("ln -sfn /proc/1/root/etc/real /etc/passwd", "app", Err("symbolic link")),
        ("ln -sfn passwd /etc/passwd", "app", Err("symbolic link")),
        // It has no end, and nothing to read now.
        ("ln -sfn /proc/kmsg /etc/passwd", "app", Err("cannot read /etc/passwd")),
        ("ln -sfn /dev/zero /etc/passwd", "app", Err("is a character device, not a file")),
        ("rm /etc/passwd; mkfifo /etc/passwd", "app", Err("not a file")),
        ("rm /etc/passwd; mkdir /etc/passwd", "1500:1501", Err("is a directory, not a file")),
        ("rmdir /etc/passwd", "1500:1501", Ok("1500:1501 /")),
        ("rm /etc/group", "1500:1501", Ok("1500:1501 /")),
        // To the kernel this number means that nothing is to change.
        ("echo 'app:x:4294967295:4294967295::/:' > /etc/passwd", "app", Err("no user \"app\"")),
        ("echo 'app:x:1500:1501::relative/../x:' > /etc/passwd", "app", Ok("1500:1501 /")),
        ("yes app:x:1500:1501::/: | head -c 1048560 > /etc/passwd", "app", Ok("1500:1501 /")),
        (
            "seq -f 'g%.0f:x:7:app' 1 80000 > /etc/group",
            "app",
            Err("/etc/group of the guest has more"),
        ),
        ("seq -f 'g:x:%.0f:app' 1 68000 > /etc/group", "app", Err("cannot become user app")),
    ] {
        exec(home, &id, line);
        let told = as_user(user);
        match expected {
            Ok(expected) => assert_eq!(told["stdout"], format!("{expected}\n"), "{line}: {told}"),
            Err(expected) => {
                let error = told["error"].as_str().unwrap_or_default();
                assert!(error.contains(expected) && told["hint"].is_string(), "{line}: {told}");
            }
        }
    }
    done(home, "delete", &[&id]);
}

#[test]
fn on_the_host_a_command_is_its_callers() {
    let home = Home::tcg();
    let run = |user: &str| {
        let mut command =
            home.run_command(&["--allow-host-compat", "--json", "--user", user], &["id -u; pwd"]);
        // Without QEMU there is no guest.
        command.env("PATH", home.path()).env_remove("PYRO_QEMU").output().unwrap()
    };
    let own = rustix::process::getuid().as_raw();
    let told = said(&run(&own.to_string()));
    assert_eq!(told["execution_mode"], "host_compat", "{told}");
    for other in [(own + 1).to_string(), "no-such-user".to_owned()] {
        let output = run(&other);
        let told = said(&output);
        assert_eq!(
            (output.status.code(), &told["kind"]),
            (Some(125), &json!("unsupported")),
            "{told}"
        );
        assert!(
            told["error"].as_str().unwrap().contains(&other) && told["hint"].is_string(),
            "{told}"
        );
    }
}

#[test]
fn a_terminal_is_handed_on_only_where_that_is_asked_for() {
    let home = Home::tcg();
    let script = "import os, pty, subprocess, sys\n\
                  ours, theirs = pty.openpty()\n\
                  os.write(ours, b'typed\\n\\x04')\n\
                  sys.exit(subprocess.run(sys.argv[1:], stdin=theirs).returncode)";
    for (flags, expected) in [(&[][..], ""), (&["--stdin"], "typed\n")] {
        let words = [&["-c", script, PYRO, "run", ENVIRONMENT], flags, &["--", "cat"]].concat();
        let output = in_home(&home, "python3").args(words).output().unwrap();
        assert_eq!(
            (output.status.code(), &*stdout(&output)),
            (Some(0), expected),
            "{}",
            stderr(&output)
        );
    }
}
