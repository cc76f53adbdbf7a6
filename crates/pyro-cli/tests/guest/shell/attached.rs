//! `pyro workspace shell ID` and `attach`, as a person uses them.

use super::terminal::Person;
use super::{opened, says, shell};
use crate::home::{Home, stderr};
use crate::workspace::{created, done};
use crate::{on_each_engine, on_the_host};
use serde_json::json;

on_each_engine!(a_terminal_is_attached_detached_and_put_back);
on_the_host!(a_terminal_is_attached_detached_and_put_back);

fn a_terminal_is_attached_detached_and_put_back(home: &Home) {
    let id = &created(home);
    let mut person = Person::starts(home, &["workspace", "shell", id], 100, 30);
    person.sees("Ctrl-] detaches");
    person.sees("pyro$ ");
    assert!(!person.is_cooked());
    person.types("stty size\r");
    person.sees("30 100\r\n");
    person.resizes(71, 17);
    // The new size comes by itself; the shell asks for it.
    person.types("until [ \"$(stty size)\" = '17 71' ]; do sleep 0.1; done; echo si''zed\r");
    person.sees("sized");
    // Once the job runs it is in the foreground.
    person.types("sh -c 'echo beg''un; exec sleep 300'\r");
    person.sees("begun");
    person.types("\x03");
    person.sees("^C");
    person.types("echo status=$?.\r");
    person.sees("status=130.");
    person.types("printf '\\033[?1049h\\033[2J\\033[4;2Hwi''ndow'; read -r key; printf '\\033[?1049l'; echo key=$key.\r");
    person.sees("window");
    person.types("\x1d");
    person.sees("the shell goes on: pyro workspace shell attach");
    assert_eq!(person.status(), Some(0));
    assert!(person.is_cooked());
    let list = shell(home, "list", &[id]);
    let one = list["shells"][0]["shell_id"].as_str().unwrap().to_owned();
    assert_eq!((&list["count"], &list["shells"][0]["cols"]), (&json!(1), &json!(71)));

    // Whoever comes back sees what was there.
    let mut person = Person::starts(home, &["workspace", "shell", "attach", id, &one], 80, 24);
    person.sees("window");
    person.types("k\r");
    person.sees("key=k.");
    person.types("exit 7\r");
    person.sees("exit_code=7");
    assert_eq!(person.status(), Some(7));
    assert!(person.is_cooked());
    shell(home, "close", &[id, &one]);

    // A shell that ends is forgotten by whoever opened it so, and a signal puts the terminal back.
    let mut person = Person::starts(home, &["workspace", "shell", id], 80, 24);
    person.sees("pyro$ ");
    person.types("exit\r");
    assert_eq!(person.status(), Some(0));
    assert_eq!(shell(home, "list", &[id])["count"], 0);
    let two = &opened(home, id, &[]);
    for signal in ["-TERM", "-HUP"] {
        let mut person = Person::starts(home, &["workspace", "shell", "attach", id, two], 80, 24);
        person.sees("pyro$ ");
        crate::home::kill(person.child.id().try_into().unwrap(), signal);
        let number = if signal == "-TERM" { 143 } else { 129 };
        assert_eq!(person.status(), Some(number));
        assert!(person.is_cooked());
    }
    let mut person = Person::starts(home, &["workspace", "shell", "attach", id, two], 80, 24);
    person.sees("pyro$ ");
    person.child.kill().unwrap();
    says(home, id, two, "echo still he''re", "still here\n");
    // The workspace stops under it.
    let mut person = Person::starts(home, &["workspace", "shell", "attach", id, two], 80, 24);
    person.sees("still here");
    done(home, "stop", &[id]);
    person.sees("ended meanwhile");
    assert_eq!(person.status(), Some(125));
    assert!(person.is_cooked());
    let without = home.pyro(&["workspace", "shell", id]).output().unwrap();
    assert_eq!(without.status.code(), Some(2));
    assert!(stderr(&without).contains("this needs a terminal"), "{}", stderr(&without));
    done(home, "delete", &[id]);
}
