//! `cargo xtask test`: everything, real guests included, and one closing line that counts it.

use crate::check::{self, Findings};
use crate::chroots::{self, Chroot};
use crate::qemus::{self, Offered};
use crate::times::{Clock, Times};
use crate::{Result, cargo, checkers, system, through};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Names the file that a test appends `test name: reason` to when it cannot run here, because
/// libtest hides what passing tests print.
const SKIPS_VARIABLE: &str = "PYRO_TEST_SKIPS";

/// Where `proptest` begins.
const SEED_VARIABLE: &str = "PROPTEST_RNG_SEED";

/// How many tests libtest runs at once.
const THREADS_VARIABLE: &str = "RUST_TEST_THREADS";

/// More failures than this are no noise of the machine, and are not run again.
const MAX_RERUN: usize = 5;

/// What the test binaries reported.
#[derive(Default, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
    ignored: usize,
    skips: BTreeSet<String>,
    /// Binaries that said what they are about to run, less those that said what came of it.
    unfinished: isize,
    /// Names of the tests that failed, each as often as it did.
    failures: Vec<String>,
    /// Those of them that passed when they ran again, alone.
    flaky: Vec<String>,
    /// How long each test took.
    took: Vec<(String, Duration)>,
}

/// What tests need from the network beside packages of this system.
struct Fetched {
    qemus: Vec<Offered>,
    chroots: Vec<Chroot>,
}

impl Fetched {
    fn fetch() -> Self {
        checkers::ensure();
        Self { qemus: qemus::offered(), chroots: chroots::make() }
    }
}

/// Two stages, each with two things beside each other: compiling waits for the CPU, downloads wait
/// for the network; and tests of guests mostly wait, which leaves time to build the archive.
pub(crate) fn test() -> Result {
    let mut times = Times::default();
    times.measure("packages of the system", || {
        system::prepare()?;
        checkers::packages();
        Ok::<_, String>(())
    })?;
    let mut findings = Findings::default();
    let (fetched, is_built) = thread::scope(|scope| {
        let fetching = scope.spawn(|| timed(Fetched::fetch));
        findings = times.measure("format, lints and licences", check::without_tests);
        // As `cargo test --no-run`, and the Python module, which no test links; --all-targets would
        // link a test of it too.
        let targets = ["--lib", "--bins", "--tests", "--examples"];
        let mut build = cargo::cargo(["build", "--workspace", "--locked"]);
        build.args(targets);
        let what = "building the tests";
        let built = times.measure(what, || cargo::finish(what, &mut build));
        findings.failed.extend(built.as_ref().err().cloned());
        (join(fetching), built.is_ok())
    });
    let (fetched, took) = fetched;
    times.add("checkers, other QEMUs and chroots, beside that", took);

    let mut tally = Tally::default();
    let archive = thread::scope(|scope| {
        let trying = scope.spawn(|| timed(|| chroots::test(&fetched.chroots)));
        if is_built {
            tally = times.measure("all tests", || run_settled(&["--workspace"], &[], &[]))?;
            let short = || qemus::short(&fetched.qemus, &mut tally, &mut findings.skipped);
            times.measure("the short list on other QEMUs", short)?;
        }
        Ok::<_, String>(join(trying))
    })?;
    let (found, took) = archive;
    findings.add(found);
    times.add("the archive on other releases, beside that", took);
    print!("{}", times.table(&tally.took));
    close(findings, tally)
}

/// What it gives and how long that took.
fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    (run(), started.elapsed())
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Run the tests of `targets`, all of them or those of these names, with variables of their own;
/// few that fail run once more, one at a time.
pub(crate) fn run_settled(
    targets: &[&str],
    names: &[&str],
    variables: &[(&str, &OsStr)],
) -> Result<Tally> {
    let command = |tests: &[&str]| {
        let mut command = cargo::cargo(["test", "--no-fail-fast", "--locked"]);
        command.args(targets).envs(variables.iter().copied());
        if !tests.is_empty() {
            command.args(["--", "--exact"]).args(tests);
        }
        command
    };
    let mut tally = run_tests(command(names))?;
    if tally.may_be_noise() && !is_strict() {
        println!("once more, one at a time: {}", tally.failures.join(", "));
        let again: Vec<&str> =
            tally.failures.iter().map(String::as_str).chain(["--test-threads=1"]).collect();
        let again = run_tests(command(&again))?;
        tally.settle(&again);
    }
    Ok(tally)
}

/// Whether a test may fail but once: then none is run again.
fn is_strict() -> bool {
    std::env::var_os("PYRO_TEST_STRICT").is_some_and(|value| value == "1")
}

/// Run `cargo test …`, hand its output on as it comes and count what it says.
pub(crate) fn run_tests(mut command: Command) -> Result<Tally> {
    let skips = std::env::temp_dir().join(format!("pyro-test-skips-{}", std::process::id()));
    // The same cases each time: what is new is looked for by fuzzing, not by whoever changes
    // something else.
    if std::env::var_os(SEED_VARIABLE).is_none() {
        command.env(SEED_VARIABLE, "1");
    }
    let result = run_counted(command.env(SKIPS_VARIABLE, &skips));
    let noted = std::fs::read_to_string(&skips).unwrap_or_default();
    if let Err(error) = std::fs::remove_file(&skips)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        eprintln!("xtask: {} stays behind: {error}", skips.display());
    }
    let mut tally = result?;
    tally.note_skips(&noted);
    Ok(tally)
}

/// How many tests run at once. Two that start guests leave two processors idle for more than half
/// of the time, so there are more of them, except where promised durations are held.
fn threads() -> usize {
    let asked = std::env::var(THREADS_VARIABLE).ok().and_then(|threads| threads.parse().ok());
    asked.unwrap_or_else(|| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        if is_strict() { processors } else { processors + processors.div_ceil(2) }
    })
}

fn run_counted(command: &Command) -> Result<Tally> {
    // `nohup` and background jobs hand on which signals they ignore, and tests send those to what
    // they start.
    let mut heedful = through(&["env", "--default-signal=HUP,INT,TERM"], command);
    let is_alone = command.get_args().any(|arg| arg == "--test-threads=1");
    let threads = if is_alone { 1 } else { threads() };
    heedful.env(THREADS_VARIABLE, threads.to_string());
    let started = heedful.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = started.map_err(|error| format!("cannot start cargo test: {error}"))?;
    let (mut tally, mut clock) = (Tally::default(), Clock::start(threads));
    for line in BufReader::new(child.stdout.take().expect("stdout is piped")).split(b'\n') {
        let line = line.map_err(|error| format!("cannot read what cargo test prints: {error}"))?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        tally.count(&line);
        clock.line(&line);
        if is_beginning(&line) {
            clock = Clock::start(threads);
        } else if line.starts_with("test result: ") {
            tally.took.extend(std::mem::replace(&mut clock, Clock::start(threads)).durations());
        }
    }
    let status = child.wait().map_err(|error| format!("cannot wait for cargo test: {error}"))?;
    // A binary that died took tests along that have no names.
    tally.failed += tally.unfinished.max(0).cast_unsigned();
    if !status.success() && tally.failed == 0 {
        // It did not compile, or a binary died before it could say how its tests went.
        eprintln!("xtask: cargo test failed ({status})");
        tally.failed = 1;
    }
    Ok(tally)
}

/// `running 3 tests`, which a binary says first.
fn is_beginning(line: &str) -> bool {
    line.strip_prefix("running ").is_some_and(|rest| rest.ends_with(" tests") || rest == "1 test")
}

/// Say what was skipped and what failed, and close with the line that counts.
pub(crate) fn close(findings: Findings, tally: Tally) -> Result {
    let skipped: Vec<&String> = findings.skipped.iter().chain(&tally.skips).collect();
    for skip in &skipped {
        println!("skipped: {skip}");
    }
    for name in &tally.flaky {
        println!("flaky: {name} failed among the others, and passed alone");
    }
    for failure in &findings.failed {
        println!("failed: {failure}");
    }
    println!("{}", tally.closing_line(findings.failed.len(), findings.skipped.len()));
    if findings.failed.is_empty() && tally.failed == 0 {
        Ok(())
    } else {
        Err("not everything passed".to_owned())
    }
}

impl Tally {
    /// Whether nothing failed.
    pub(crate) fn is_good(&self) -> bool {
        self.failed == 0
    }

    /// How many tests there were, those included that could not run here.
    pub(crate) fn ran(&self) -> usize {
        self.passed + self.failed + self.ignored + self.skips.len()
    }

    /// What could not run here, and why.
    pub(crate) fn skipped(&self) -> impl Iterator<Item = &String> {
        self.skips.iter()
    }

    /// Add the counts of tests that ran again under other circumstances.
    pub(crate) fn add(&mut self, other: Self, circumstances: &str) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.skips.extend(other.skips.into_iter().map(|skip| format!("{circumstances}: {skip}")));
        self.flaky.extend(other.flaky.into_iter().map(|name| format!("{circumstances}: {name}")));
    }

    /// Whether every failure has a name, and they are few.
    fn may_be_noise(&self) -> bool {
        (1..=MAX_RERUN).contains(&self.failed) && self.failures.len() == self.failed
    }

    /// Take what failed for flaky where all of it passed `again`.
    fn settle(&mut self, again: &Self) {
        if again.failed == 0 && again.passed >= self.failed {
            self.passed += std::mem::take(&mut self.failed);
            self.flaky = std::mem::take(&mut self.failures);
        }
    }

    /// Add one binary's line `test NAME ... FAILED` or
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn count(&mut self, line: &str) {
        if let Some(name) =
            line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failures.push(name.to_owned());
        }
        self.unfinished += isize::from(is_beginning(line));
        self.unfinished -= isize::from(line.starts_with("test result: "));
        let Some((_, counts)) =
            line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            match count.split_once(' ').map(|(number, what)| (number.parse().unwrap_or(0), what)) {
                Some((number, "passed")) => self.passed += number,
                Some((number, "failed")) => self.failed += number,
                Some((number, "ignored")) => self.ignored += number,
                _ => {}
            }
        }
    }

    /// A test that noted a skip returned, so libtest counted it as passed.
    fn note_skips(&mut self, noted: &str) {
        self.skips =
            noted.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        self.passed = self.passed.saturating_sub(self.skips.len());
    }

    pub(crate) fn closing_line(&self, checks_failed: usize, checks_skipped: usize) -> String {
        let failed = self.failed + checks_failed;
        let skipped = self.ignored + self.skips.len() + checks_skipped;
        let flaky = if self.flaky.is_empty() {
            String::new()
        } else {
            format!(", {} flaky", self.flaky.len())
        };
        format!("{} passed, {failed} failed, {skipped} skipped{flaky}", self.passed)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn results_of_all_binaries_add_up() {
        let mut tally = Tally::default();
        for line in [
            "running 4 tests",
            "test a ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
            "test result: nonsense",
        ] {
            tally.count(line);
        }
        tally.note_skips(
            "kvm: /dev/kvm does not open\n\nkvm: /dev/kvm does not open\nlab: no folder\n",
        );
        assert_eq!((tally.passed, tally.failed, tally.ignored, tally.skips.len()), (11, 2, 1, 2));
        assert_eq!(tally.closing_line(1, 1), "11 passed, 3 failed, 4 skipped");
    }

    #[test]
    fn what_ran_again_elsewhere_is_counted_too() {
        let told = |lines: &[&str]| {
            let mut tally = Tally::default();
            lines.iter().for_each(|line| tally.count(line));
            tally
        };
        let mut tally = told(&["test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured"]);
        let mut other = told(&["test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured"]);
        other.note_skips("kvm: no device\n");
        tally.add(other, "QEMU 10.0");
        assert!(!tally.is_good());
        assert_eq!(tally.skipped().collect::<Vec<_>>(), ["QEMU 10.0: kvm: no device"]);
        assert_eq!(tally.closing_line(0, 0), "4 passed, 1 failed, 2 skipped");
    }

    #[test]
    fn few_failures_that_pass_alone_are_flaky() {
        let told = |lines: &[&str]| {
            let mut tally = Tally::default();
            lines.iter().for_each(|line| tally.count(line));
            tally
        };
        let first = || {
            told(&[
                "test a ... ok",
                "test b::c ... FAILED",
                "test result: FAILED. 1 passed; 1 failed; 0 ignored",
            ])
        };
        let mut tally = first();
        assert!(tally.may_be_noise());
        tally.settle(&told(&["test result: ok. 1 passed; 0 failed; 0 ignored"]));
        assert_eq!(
            (tally.flaky.as_slice(), &*tally.closing_line(0, 0)),
            (&["b::c".to_owned()][..], "2 passed, 0 failed, 0 skipped, 1 flaky")
        );
        for again in [
            "test result: FAILED. 0 passed; 1 failed; 0 ignored",
            "test result: ok. 0 passed; 0 failed; 0 ignored",
        ] {
            let mut tally = first();
            tally.settle(&told(&[again]));
            assert_eq!(tally.closing_line(0, 0), "1 passed, 1 failed, 0 skipped");
        }
        let died = told(&["test result: FAILED. 1 passed; 1 failed; 0 ignored"]);
        let begun = [
            "running 1 test",
            "test a ... FAILED",
            "test result: FAILED. 0 passed; 1 failed",
            "running 3 tests",
        ];
        assert_eq!(told(&begun).unfinished, 1);
        let many = told(
            &["test a ... FAILED"; 9]
                .into_iter()
                .chain(["test result: FAILED. 0 passed; 9 failed"])
                .collect::<Vec<_>>(),
        );
        assert!(!died.may_be_noise() && !many.may_be_noise() && !Tally::default().may_be_noise());
    }
}
