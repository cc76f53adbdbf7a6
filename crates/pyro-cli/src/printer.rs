//! The one place that prints: stdout is data, stderr is talk.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the printer")]

use pyro_core::{ErrorKind, PyroError};
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

/// How many writes began and ended: odd while one is under way.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// The status of an output that cannot be written.
static FAILED: AtomicI32 = AtomicI32::new(crate::exit::FAILED);

/// Whether the last line on stderr, or on the stdout that is the same file, has not ended yet.
static LINE_IS_OPEN: AtomicBool = AtomicBool::new(false);

/// Let it be `status`, where this command has one of its own for what pyro itself cannot do.
pub(crate) fn fail_with(status: i32) {
    FAILED.store(status, Ordering::Relaxed);
}

/// The write that is under way and may wait for its reader; none where there is none.
pub(crate) fn write_under_way() -> Option<u64> {
    let writes = WRITES.load(Ordering::Relaxed);
    (writes % 2 == 1).then_some(writes)
}

/// Write, and let it be known meanwhile.
fn written(write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    WRITES.fetch_add(1, Ordering::Relaxed);
    let result = write();
    WRITES.fetch_add(1, Ordering::Relaxed);
    result
}

/// Text without what steers a terminal: names, commands and causes may be a guest's, or a model's.
fn harmless(text: &str) -> String {
    text.chars().filter(|one| matches!(one, '\n' | '\t') || !one.is_control()).collect()
}

/// A guest's bytes: as they are where a program reads them, harmless where a person does.
fn shown(bytes: &[u8], to_person: bool) -> Cow<'_, [u8]> {
    if to_person {
        harmless(&String::from_utf8_lossy(bytes)).into_bytes().into()
    } else {
        bytes.into()
    }
}

/// Print a line of data; a reader that went away ends the process quietly, as it does any filter.
pub(crate) fn data(text: &str) {
    let mut stdout = io::stdout().lock();
    written(|| writeln!(stdout, "{}", harmless(text)).and_then(|()| stdout.flush()))
        .unwrap_or_else(|error| unwritten(&error));
}

/// End the process: what it has to say cannot be said.
fn unwritten(error: &io::Error) -> ! {
    if error.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(crate::exit::CLOSED_OUTPUT);
    }
    talk(&format!("error: cannot write standard output: {error}"));
    std::process::exit(FAILED.load(Ordering::Relaxed))
}

/// Whether stdout and stderr are one file, such as the same terminal.
static IS_ONE_FILE: LazyLock<bool> = LazyLock::new(|| {
    let (out, err) = (rustix::fs::fstat(io::stdout()), rustix::fs::fstat(io::stderr()));
    matches!((out, err), (Ok(out), Ok(err)) if (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino))
});

/// Note what was written to stdout.
pub(crate) fn note_stdout(bytes: &[u8]) {
    if *IS_ONE_FILE {
        note_stderr(bytes);
    }
}

/// Note what was written to stderr: what is said next begins on a line of its own.
pub(crate) fn note_stderr(bytes: &[u8]) {
    if let Some(last) = bytes.last() {
        LINE_IS_OPEN.store(*last != b'\n', Ordering::Relaxed);
    }
}

/// Print bytes of data as they are.
pub(crate) fn raw(bytes: &[u8]) {
    note_stdout(bytes);
    let mut stdout = io::stdout().lock();
    written(|| stdout.write_all(bytes).and_then(|()| stdout.flush()))
        .unwrap_or_else(|error| unwritten(&error));
}

/// Print a guest's bytes: as they are where a program reads them, without what steers a terminal
/// where a person does.
pub(crate) fn content(bytes: &[u8]) {
    raw(&shown(bytes, io::stdout().is_terminal()));
}

/// As [`content`], on stderr; talk that nobody hears is no reason to stop.
pub(crate) fn content_on_stderr(bytes: &[u8]) {
    let bytes = shown(bytes, is_watched());
    note_stderr(&bytes);
    let _ = written(|| io::stderr().lock().write_all(&bytes));
}

/// JSON whose every character is one of printable ASCII, or ends a line: what is not can only stand
/// in a string, where it may be escaped. Without it a guest's text could steer the terminal by C1
/// controls, which JSON leaves as they are.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && character != '\u{7f}' {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

/// Print one JSON object: two spaces of indent, keys sorted, all beyond ASCII escaped, as the
/// reference does.
pub(crate) fn json(value: &impl Serialize) {
    // `serde_json::Value` keeps its keys sorted.
    let text = serde_json::to_value(value).and_then(|value| serde_json::to_string_pretty(&value));
    match text {
        Ok(text) => data(&ascii(&text)),
        Err(error) => talk(&format!("error: cannot write JSON: {error}")),
    }
}

/// Say something to the person at the terminal, on a line of its own.
pub(crate) fn talk(text: &str) {
    let before = if LINE_IS_OPEN.swap(false, Ordering::Relaxed) { "\n" } else { "" };
    let _ = written(|| writeln!(io::stderr().lock(), "{before}{}", harmless(text)));
}

/// End the line that is open on stderr, where one is.
pub(crate) fn end_line() {
    if LINE_IS_OPEN.swap(false, Ordering::Relaxed) {
        let _ = written(|| io::stderr().lock().write_all(b"\n"));
    }
}

/// Tell a failure: words on stderr, or one object on stdout.
pub(crate) fn failure(error: &PyroError, hint: Option<&str>, as_json: bool) {
    if as_json {
        return refusal(error.kind(), &error.to_string(), &error.causes(), hint);
    }
    talk(&format!("error: {error}"));
    for cause in error.causes() {
        talk(&format!("  caused by: {}", cause.replace('\n', "\n    ")));
    }
    if let Some(hint) = hint {
        talk(&format!("hint: {hint}"));
    }
}

/// Tell a failure as one object.
pub(crate) fn refusal(kind: ErrorKind, error: &str, causes: &[String], hint: Option<&str>) {
    json(&serde_json::json!({
        "ok": false,
        "error": error,
        "kind": kind.name(),
        "causes": causes,
        "hint": hint,
    }));
}

/// Whether a person watches stderr.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::{ascii, shown};
    use serde_json::{Value, json};

    #[test]
    fn what_a_person_is_shown_steers_no_terminal() {
        let guest = b"\x1b]0;title\x07\x1b[2Jred\r\xc2\x9b31m\x08\x7f\ttab\nline \xff\n";
        assert_eq!(
            shown(guest, true).as_ref(),
            "]0;title[2Jred31m\ttab\nline \u{fffd}\n".as_bytes()
        );
        assert_eq!(shown(guest, false).as_ref(), guest);
    }

    #[test]
    fn json_is_ascii_and_says_the_same() {
        let guest = "\u{1b}[2J\u{9b}31mred\u{7f}\u{0}\n\t\"\\ä€𝄞\u{202e}\u{fffd}";
        let value = json!({ "stdout": guest, "ключ": [guest, 1.5, null] });
        let text = ascii(&serde_json::to_string_pretty(&value).unwrap());
        assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{text}");
        assert!(text.contains("\\u009b31mred\\u007f") && text.contains("\\ud834\\udd1e"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
