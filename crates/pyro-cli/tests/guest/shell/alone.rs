//! `pyro run -it`: a command on a terminal, in a machine of its own.

use super::terminal::Person;
use crate::home::{ENVIRONMENT, Home, stderr};
use crate::{on_each_engine, on_the_host};

on_each_engine!(a_machine_of_its_own_has_a_terminal);
on_the_host!(a_machine_of_its_own_has_a_terminal);

fn a_machine_of_its_own_has_a_terminal(home: &Home) {
    let line = "echo rea''dy; tty; exec bash --norc";
    let args = [&["run", "-it", ENVIRONMENT], home.allowed(), &["--", line]].concat();
    let mut person = Person::starts(home, &args, 90, 25);
    person.sees("ready");
    person.sees("/dev/pts/");
    person.types("stty size; echo $TERM\r");
    person.sees("25 90");
    person.sees("xterm-256color");
    assert!(!person.is_cooked());
    person.resizes(70, 20);
    person.types("until [ \"$(stty size)\" = '20 70' ]; do sleep 0.1; done; echo si''zed\r");
    person.sees("sized");
    // Once the job runs it is in the foreground.
    person.types("sh -c 'echo beg''un; exec sleep 300'\r");
    person.sees("begun");
    person.types("\x03");
    person.sees("^C");
    person.types("echo status=$?.\r");
    person.sees("status=130.");
    person.types("exit 5\r");
    assert_eq!(person.status(), Some(5));
    assert!(person.is_cooked());
    home.assert_clean();
    // Whoever hangs up leaves nothing.
    let mut person = Person::starts(home, &args, 90, 25);
    person.sees("ready");
    crate::home::kill(person.child.id().try_into().unwrap(), "-HUP");
    assert_eq!(person.status(), Some(129));
    assert!(person.is_cooked());
    home.assert_clean();
    let without = home.pyro(&["run", "-it", ENVIRONMENT, "--", "bash"]).output().unwrap();
    assert_eq!(without.status.code(), Some(2));
    assert!(stderr(&without).contains("this needs a terminal"), "{}", stderr(&without));
}
