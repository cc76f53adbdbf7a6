//! Siblings from one template share nothing that should be their own, and their clocks are right.

use super::{Cache, resumed};
use crate::home::{Home, is_strict};
use crate::on_each_engine;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

on_each_engine!(siblings_are_no_twins, the_clock_is_right_after_a_resume);

/// One line each, random numbers first: nothing that ran before could have stirred them.
const OWN: [&str; 10] = [
    "head -c 32 /dev/urandom | od -An -v -tx1 -w32",
    "cat /proc/sys/kernel/random/uuid",
    "hostname",
    "cat /etc/hostname",
    "cat /etc/machine-id",
    "cat /proc/sys/kernel/random/boot_id",
    "mktemp -u",
    "mktemp -u | git hash-object --stdin",
    "openssl rand -hex 16",
    "openssl genpkey -algorithm ed25519 | sed -n 2p",
];

fn siblings_are_no_twins(home: &Home) {
    let cache = Cache::with_template(home);
    let line = OWN.join("; ");
    let children: Vec<_> = (0..4)
        .map(|_| cache.command(&["--timeout-seconds", "300"], &line).spawn().unwrap())
        .collect();
    let told: Vec<String> =
        children.into_iter().map(|child| resumed(&child.wait_with_output().unwrap())).collect();
    let told: Vec<Vec<&str>> = told.iter().map(|text| text.lines().collect()).collect();
    for (at, question) in OWN.iter().enumerate() {
        let mut answers: Vec<&str> = told.iter().map(|lines| lines[at].trim()).collect();
        assert!(answers.iter().all(|answer| answer.len() > 8), "{question}: {answers:?}");
        answers.sort_unstable();
        answers.dedup();
        assert_eq!(answers.len(), told.len(), "{question}: {answers:?}");
    }
    assert!(told.iter().all(|lines| lines.len() == OWN.len() && lines[2] == lines[3]), "{told:?}");
}

/// Tells when the first and the last of all processes began, then answers each line of its input
/// with its wall clock and its monotonic clock; all in seconds. The kernel's threads and the first
/// process began before the template was saved.
const CLOCKS: &str = r#"perl -MTime::HiRes=:DEFAULT,clock_gettime,CLOCK_REALTIME,CLOCK_MONOTONIC -ne 'BEGIN {
        $| = 1;
        for (glob "/proc/[0-9]*/stat") { open(F, $_) or next; ($s = <F>) =~ s/.*\)//; push @began, (split " ", $s)[19] / 100 }
        @began = sort { $a <=> $b } @began;
        printf "%.2f %.2f\n", $began[0], $began[-1];
    } printf "%.6f %.6f\n", clock_gettime(CLOCK_REALTIME), clock_gettime(CLOCK_MONOTONIC)'"#;

fn host_clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// What the guest's clock is ahead of the host's lies between two numbers, in seconds.
struct Ahead {
    at_least: f64,
    at_most: f64,
}

impl Ahead {
    fn took(&self) -> f64 {
        self.at_most - self.at_least
    }
}

/// Exchanges of which the fastest counts.
const EXCHANGES: usize = 20;

/// How far a guest's clock is off, and how long an exchange with it took at the most, in seconds.
#[derive(Debug)]
struct Met {
    error: f64,
    exchange: f64,
}

impl Met {
    /// Right within 50 ms. It was set in an exchange too, and cannot be righter than that one took:
    /// where others' guests hold this one up, that is allowed for.
    fn is_right(&self) -> bool {
        self.error < 0.05 + if is_strict() { 0.0 } else { self.exchange }
    }
}

/// Right, drift included. A host that is too busy to answer a guest in time may need another start
/// for it; a clock that stands still is wrong in all of them.
fn the_clock_is_right_after_a_resume(home: &Home) {
    let cache = Cache::with_template(home);
    for age in [Duration::ZERO, Duration::from_millis(2500)] {
        // A template's clocks stand still: the older it is, the more there is to make good.
        std::thread::sleep(age);
        let mut met: Vec<Met> = Vec::new();
        while !met.last().is_some_and(Met::is_right) {
            assert!(met.len() < 6, "{age:?}: the guest's clock is wrong by {met:?} s");
            met.push(clock_error(&cache));
        }
        println!("{age:?}: the guest's clock is wrong by {met:?} s");
    }
}

/// How far a resumed guest's clock is off at the most, at first and a second later. Its monotonic
/// clock never goes back: it is past what it told before the template was saved, when some of its
/// processes began.
fn clock_error(cache: &Cache) -> Met {
    let mut command = cache.command(&[], CLOCKS);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let began = lines.next().unwrap().unwrap();
    let (first, last) = began.split_once(' ').unwrap();
    let mut monotonic: f64 = last.parse().unwrap();
    assert!(
        first.parse::<f64>().unwrap() < monotonic,
        "no process began before the resume: {began}"
    );
    // One exchange brackets the guest's clock as narrowly as it is fast: the best of many counts.
    let mut ask = || {
        let before = host_clock();
        stdin.write_all(b"\n").unwrap();
        let answer = lines.next().unwrap().unwrap();
        let after = host_clock();
        let (wall, ticks) = answer.split_once(' ').unwrap();
        let (wall, ticks): (f64, f64) = (wall.parse().unwrap(), ticks.parse().unwrap());
        assert!(ticks > monotonic, "the monotonic clock went from {monotonic} to {ticks}");
        monotonic = ticks;
        Ahead { at_least: wall - after, at_most: wall - before }
    };
    let mut met = Met { error: 0.0, exchange: 0.0 };
    for _ in 0..2 {
        let mut exchanges: Vec<Ahead> = (0..EXCHANGES).map(|_| ask()).collect();
        exchanges.sort_by(|one, other| one.took().total_cmp(&other.took()));
        let (best, worst) = (&exchanges[0], &exchanges[EXCHANGES - 1]);
        met.error = met.error.max(-best.at_least).max(best.at_most);
        met.exchange = met.exchange.max(worst.took());
        std::thread::sleep(Duration::from_secs(1));
    }
    drop(stdin);
    resumed(&child.wait_with_output().unwrap());
    met
}
