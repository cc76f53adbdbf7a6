//! Many shells, and some that never pause.

use super::{opened, reads, refused, says, shell, write};
use crate::home::Home;
use crate::workspace::{created, done, exec};
use crate::{on_each_engine, on_the_host};
use std::time::Instant;

on_each_engine!(busy_shells_hold_nobody_up);
on_the_host!(busy_shells_hold_nobody_up);

fn busy_shells_hold_nobody_up(home: &Home) {
    let id = &created(home);
    // One prints for ever, and nobody reads it; one does not read what is typed into it.
    let printer = &opened(home, id, &[]);
    write(home, id, printer, "yes");
    let deaf = &opened(home, id, &[]);
    says(home, id, deaf, "stty raw -echo; echo de''af; sleep 4242", "deaf\n");
    let block = "x".repeat(100_000);
    let mut typed = 0;
    let full = loop {
        let args = ["workspace", "shell", "write", id, deaf, "--json", "--input", &block];
        let output = home.pyro(&args).output().unwrap();
        if !output.status.success() {
            break crate::workspace::said(&output);
        }
        typed += 1;
        assert!(typed < 20, "its input has no end");
    };
    assert_eq!(full["kind"], "busy", "{full}");
    assert!(full["error"].as_str().unwrap().contains("100001 were given"), "{full}");
    assert_eq!(exec(home, id, "echo works"), "works\n");
    // Reading the one that never pauses ends with what there is.
    let read =
        shell(home, "read", &[id, printer, "--wait-for-idle-ms", "500", "--max-chars", "1000"]);
    assert!(read["output"].as_str().unwrap().contains("y\r\ny\r\n"), "{read}");
    assert_eq!(read["truncated"], true);
    let many: Vec<String> =
        (0..30).map(|_| opened(home, id, &["--cols", "40", "--rows", "5"])).collect();
    for (number, one) in many.iter().enumerate() {
        write(home, id, one, &format!("echo shell-$(({number}+1000))"));
    }
    for (number, one) in many.iter().enumerate() {
        reads(home, id, one, "0", &format!("shell-{}\n", number + 1000));
    }
    assert_eq!(shell(home, "list", &[id])["count"], 32);
    assert_eq!(exec(home, id, "echo works"), "works\n");
    let began = Instant::now();
    shell(home, "close", &[id, printer]);
    shell(home, "close", &[id, deaf]);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    let more: Vec<String> = (0..34).map(|_| opened(home, id, &[])).collect();
    assert_eq!(refused(home, "open", &[id]), "busy");
    // One that has ended makes room.
    write(home, id, &more[0], "exit");
    crate::home::eventually("the end of a shell", || {
        let list = shell(home, "list", &[id]);
        let shells = list["shells"].as_array().unwrap();
        shells.iter().any(|one| one["state"] == "stopped").then_some(())
    });
    opened(home, id, &[]);
    assert_eq!(refused(home, "read", &[id, &more[0]]), "not_found");
    done(home, "delete", &[id]);
}
