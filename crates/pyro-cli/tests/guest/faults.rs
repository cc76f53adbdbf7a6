//! Everything is killed, at any moment: nothing is left, and the next command works.

use crate::home::{
    ENVIRONMENT, Home, PYRO, eventually, hand_over, kill, signal_while_blocked, stderr, stdout,
};
use crate::on_each_engine;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

on_each_engine!(
    a_killed_client_takes_its_vm_along,
    a_killed_supervisor_is_cleared_after,
    a_killed_qemu_is_an_error,
    a_kill_while_booting_leaves_nothing,
    signals_end_the_guest,
    a_blocked_reader_holds_no_signal_up,
    who_is_to_outlive_its_terminal_does,
    a_guest_that_powers_off_ends_its_command,
    many_at_once,
);

/// What a command does that waits until it is ended.
const WAITS: &[&str] = &["echo up; sleep 300"];

fn the_next_command_works(home: &Home) {
    let output = home.run(&[], &["echo again"]);
    assert_eq!(stdout(&output), "again\n", "{}", stderr(&output));
    home.assert_clean();
}

fn a_killed_client_takes_its_vm_along(home: &Home) {
    let mut running = home.start_until(WAITS, "up");
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    // Nobody runs a pyro command here: the supervisor clears away by itself.
    home.assert_clean();
    the_next_command_works(home);
}

fn a_killed_supervisor_is_cleared_after(home: &Home) {
    let mut running = home.start_until(WAITS, "up");
    kill(home.process("supervise"), "-KILL");
    assert_eq!(running.child.wait().unwrap().code(), Some(125));
    home.assert_clean();
    // Both at once: only the next command can clear.
    let mut running = home.start_until(WAITS, "up");
    let supervisor = home.process("supervise");
    kill(i32::try_from(running.child.id()).unwrap(), "-STOP");
    kill(supervisor, "-KILL");
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    eventually("end of QEMU", || home.processes().is_empty().then_some(()));
    assert!(!home.leftovers().is_empty(), "the record's files wait for the next command");
    the_next_command_works(home);
}

fn a_killed_qemu_is_an_error(home: &Home) {
    let child = home.run_command(&[], WAITS).spawn().unwrap();
    let engine = home.process("-no-user-config");
    // Whether at boot or during the command, it is told as what it is.
    kill(engine, "-KILL");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    let told = stderr(&output);
    assert!(told.contains("killed by signal 9") && told.contains("hint:"), "{told}");
    let running = home.start_until(WAITS, "up");
    kill(home.process("-no-user-config"), "-KILL");
    let mut child = running.child;
    assert_eq!(child.wait().unwrap().code(), Some(125));
    the_next_command_works(home);
}

fn a_kill_while_booting_leaves_nothing(home: &Home) {
    for victim in ["client", "supervise", "-no-user-config"] {
        let mut child = home
            .run_command(&[], WAITS)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let engine = home.process("-no-user-config");
        match victim {
            "client" => child.kill().unwrap(),
            "-no-user-config" => kill(engine, "-KILL"),
            other => kill(home.process(other), "-KILL"),
        }
        child.wait().unwrap();
        home.assert_clean();
    }
    the_next_command_works(home);
}

fn signals_end_the_guest(home: &Home) {
    for (signal, status) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let mut running = home.start_until(WAITS, "up");
        let began = Instant::now();
        kill(i32::try_from(running.child.id()).unwrap(), signal);
        assert_eq!(running.child.wait().unwrap().code(), Some(status));
        assert!(began.elapsed() < Duration::from_secs(60));
        // The client waits for the end of its vm: nothing is left at this moment.
        let left: Vec<_> =
            home.leftovers().into_iter().filter(|line| !line.contains("supervise")).collect();
        assert!(left.is_empty(), "{left:?}");
        home.assert_clean();
    }
}

fn a_blocked_reader_holds_no_signal_up(home: &Home) {
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        for (stderr, command) in [
            (false, home.run_command(&[], &["yes"])),
            (true, home.run_command(&[], &["yes >&2"])),
            (false, home.run_command(&["--json"], &["yes | head -c 200000"])),
        ] {
            let words = format!("{command:?}");
            let (code, took) = signal_while_blocked(&command, stderr, signal);
            assert_eq!(code, Some(status), "{signal} {words}");
            assert!(took < Duration::from_secs(60), "{signal} {words}: {took:?}");
            home.assert_clean();
        }
    }
}

fn who_is_to_outlive_its_terminal_does(home: &Home) {
    let mut nohup = Command::new("env");
    nohup.arg("--ignore-signal=HUP");
    hand_over(&mut nohup, &home.run_command(&[], &["echo up; cat"]));
    let mut child =
        nohup.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut mark = [0; 3];
    child.stdout.as_mut().unwrap().read_exact(&mut mark).unwrap();
    kill(i32::try_from(child.id()).unwrap(), "-HUP");
    child.stdin.take().unwrap().write_all(b"still here\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(stdout(&output), "still here\n", "{}", stderr(&output));
    assert!(output.status.success());
}

fn a_guest_that_powers_off_ends_its_command(home: &Home) {
    // reboot(2) with LINUX_REBOOT_CMD_POWER_OFF.
    let output =
        home.run(&[], &["perl -e 'syscall(169, 0xfee1dead, 672274793, 0x4321fedc, 0)'; sleep 60"]);
    // Its own namespace ends first and kills the command; the machine may be gone before that is
    // told.
    assert!(matches!(output.status.code(), Some(125 | 137)), "{}", stderr(&output));
    the_next_command_works(home);
}

fn many_at_once(home: &Home) {
    let children: Vec<_> = (0..6)
        .map(|number| {
            let word = format!("echo vm {number}");
            home.run_command(&["--mem-mib", "512"], &[&word]).spawn().unwrap()
        })
        .collect();
    for (number, child) in children.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        assert_eq!(stdout(&output), format!("vm {number}\n"), "{}", stderr(&output));
    }
}

#[test]
fn a_descriptor_of_the_shell_is_not_held_by_the_vm() {
    let home = Home::tcg();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let pipe = format!("pipe:[{}]", rustix::fs::fstat(&writer).unwrap().st_ino);
    let script = format!(
        "exec 7>&0; '{PYRO}' run {ENVIRONMENT} -- 'echo up; sleep 300' 0</dev/null & echo $! >'{}'; wait $!",
        home.path().join("client").display()
    );
    let mut command = Command::new("sh");
    for (name, value) in home.pyro(&[]).get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut child = command
        .args(["-c", &script])
        .stdin(writer)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(command);
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0; 3]).unwrap();
    let client =
        std::fs::read_to_string(home.path().join("client")).unwrap().trim().parse().unwrap();
    let holds = |pid: i32| {
        let mut descriptors =
            std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(Result::unwrap);
        descriptors.any(|descriptor| {
            std::fs::read_link(descriptor.path()).is_ok_and(|to| to == Path::new(&pipe))
        })
    };
    assert!(holds(client), "the shell handed it on");
    for process in ["supervise", "-no-user-config"] {
        assert!(!holds(home.process(process)), "{process} holds what is the shell's");
    }
    child.kill().unwrap();
    kill(client, "-KILL");
    child.wait().unwrap();
    // The end of the pipe is seen only when nobody holds its writing side.
    std::io::Read::read_to_end(&mut reader, &mut Vec::new()).unwrap();
    home.assert_clean();
}
