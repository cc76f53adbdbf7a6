//! Table tests of the parser.

use super::parse;
use crate::workspace::git::mode::GitMode;
use crate::workspace::git::path::PathError;
use crate::workspace::patch::error::ParseError;
use crate::workspace::patch::limits::PatchLimits;
use crate::workspace::patch::model::{Body, Change};
use proptest::prelude::*;

fn changes(text: &str) -> Result<Vec<String>, ParseError> {
    let patch = parse(text.as_bytes(), &PatchLimits::default())?;
    let shown = |change: &Change| match change {
        Change::Create(path) => format!("create {path}"),
        Change::Delete(path) => format!("delete {path}"),
        Change::Modify { path, may_create: false } => format!("modify {path}"),
        Change::Modify { path, may_create: true } => format!("modify or create {path}"),
        Change::Rename { from, to } => format!("rename {from} {to}"),
        Change::Copy { from, to } => format!("copy {from} {to}"),
    };
    Ok(patch.files.iter().map(|file| shown(&file.change)).collect())
}

const HUNK: &str = "@@ -1 +1 @@\n-a\n+b\n";
const ADD: &str = "@@ -0,0 +1 @@\n+a\n";

#[test]
fn names_are_found_in_every_form() {
    for (head, change) in [
        ("--- a/x/y\n+++ b/x/y\n", "modify x/y"),
        ("--- x/y\n+++ x/y\n", "modify x/y"),
        ("--- /workspace/x\n+++ /workspace/x\n", "modify x"),
        ("--- a/x\t2026-01-01 00:00:00\n+++ b/x\twhatever\n", "modify x"),
        ("--- a/x 2026-01-01 00:00:00.0 +0000\n+++ b/x 2026-01-01 00:00:01 +0000\n", "modify x"),
        ("--- a/x\r\n+++ b/x\r\n", "modify x"),
        ("--- \"a/\\303\\251\"\n+++ \"b/\\303\\251\"\n", "modify é"),
        ("--- old/src/x\n+++ new/src/x\n", "modify src/x"),
        ("--- x.orig\n+++ x\n", "modify x"),
        ("--- a/a/x\n+++ b/a/x\n", "modify a/x"),
        ("--- a/x\n+++ a/x\n", "modify a/x"),
        ("diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n", "modify x"),
        ("diff --git a/s p b/s p\nindex 1..2\n--- a/s p\t\n+++ b/s p\t\n", "modify s p"),
        ("diff --git a/b b/b b/b b/b\nindex 1..2\n--- a/b b/b\t\n+++ b/b b/b\t\n", "modify b b/b"),
        ("diff --git i/x w/x\nindex 1..2\n--- i/x\n+++ w/x\n", "modify x"),
        ("diff --git x/y x/y\nindex 1..2\n--- x/y\n+++ x/y\n", "modify x/y"),
        ("Some words.\ndiff --git is great\n\n--- a/x\n+++ b/x\n", "modify x"),
        (
            "diff --git a/x b/y\nsimilarity index 90%\nrename from x\nrename to y\nindex 1..2\n--- a/x\n+++ b/y\n",
            "rename x y",
        ),
    ] {
        let text = format!("{head}{HUNK}");
        assert_eq!(changes(&text), Ok(vec![change.to_owned()]), "{text}");
    }
}

#[test]
fn changes_without_hunks_and_new_files() {
    for (text, change) in [
        ("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n", "modify x"),
        ("diff --git a/x b/x\nnew file mode 100644\nindex 0000000..e69de29\n", "create x"),
        ("diff --git a/x b/x\ndeleted file mode 100644\n", "delete x"),
        ("diff --git \"a/\\001\" \"b/\\001\"\ndeleted file mode 100644\n", "delete \\u{1}"),
        ("diff --git a/x b/y\ncopy from x\ncopy to y\n", "copy x y"),
        (&format!("--- /dev/null\n+++ b/x\n{ADD}"), "create x"),
        (&format!("--- a/x\n+++ b/x\n{ADD}"), "modify or create x"),
        (
            &format!("--- a/x\t1970-01-01 01:00:00.000000000 +0100\n+++ b/x\t2026-01-01 01:00:00 +0100\n{ADD}"),
            "create x",
        ),
        ("--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", "delete x"),
    ] {
        assert_eq!(changes(text), Ok(vec![change.to_owned()]), "{text}");
    }
}

#[test]
fn lines_that_look_like_headers_stay_in_their_hunk() {
    let text = "--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@ fn main\n--- a/y\n+++ b/y\n form\x0cfeed\r\n\n-last\n\\ No newline at end of file\n+last\n";
    let patch = parse(text.as_bytes(), &PatchLimits::default()).unwrap();
    let Body::Text(hunks) = &patch.files[0].body else { panic!("{patch:?}") };
    let lines: Vec<_> = hunks[0].old_lines().map(|line| (line.text, line.newline)).collect();
    assert_eq!(lines, [(&b"-- a/y"[..], true), (b"form\x0cfeed\r", true), (b"", true), (b"last", false)]);
    assert_eq!(hunks[0].header, "@@ -1,4 +1,4 @@");
    assert_eq!(patch.files.len(), 1);
}

#[test]
fn a_mail_is_read_between_its_header_and_its_signature() {
    let text = format!(
        "From 1 Mon Sep 17 00:00:00 2001\nSubject: x\n\nText\n---\n x | 2 +-\n\ndiff --git a/x b/x\nindex 1..2 100755\n\
         --- a/x\n+++ b/x\n{HUNK}-- \n2.47.3\n\ndiff --git a/y b/y\nold mode 100755\nnew mode 100644\n"
    );
    assert_eq!(changes(&text), Ok(vec!["modify x".to_owned(), "modify y".to_owned()]));
    let patch = parse(text.as_bytes(), &PatchLimits::default()).unwrap();
    assert_eq!(patch.files[0].old_mode, Some(GitMode::Executable));
    assert_eq!(patch.files[1].new_mode, Some(GitMode::File));
}

#[test]
fn what_is_no_patch_is_refused_with_its_line() {
    let path = |name: &str, why| ParseError::Path { line: 1, name: name.to_owned(), why };
    let counts = |old, new, old_found, new_found, next: &str| ParseError::HunkCounts {
        line: 3,
        old,
        new,
        old_found,
        new_found,
        next: next.to_owned(),
    };
    let header = |why| ParseError::Header { line: 1, why };
    let labels = |name: &str| format!("--- a/{name}\n+++ b/{name}\n{HUNK}");
    for (text, error) in [
        (String::new(), ParseError::Nothing),
        ("just words\n".to_owned(), ParseError::Nothing),
        (labels("../x"), path("../x", PathError::NotNormal)),
        (labels("x/../../y"), path("x/../../y", PathError::NotNormal)),
        (labels("/etc/passwd"), path("/etc/passwd", PathError::Absolute)),
        (labels(""), path("", PathError::Empty)),
        (labels("sub/.GIT/hooks/x"), ParseError::GitDirectory { line: 1, name: "sub/.GIT/hooks/x".to_owned() }),
        (
            format!("--- a/x\n+++ b/y\n{HUNK}"),
            ParseError::TwoNames { line: 1, old: "x".to_owned(), new: "y".to_owned() },
        ),
        (HUNK.to_owned(), ParseError::NoFile { line: 1 }),
        ("--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-a\n+b\n".to_owned(), counts(2, 1, 1, 1, "the end")),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n+c\n d\n".to_owned(), counts(1, 1, 2, 3, "+c")),
        ("--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n-a\n@@ -5 +5 @@\n".to_owned(), counts(1, 2, 1, 0, "@@ -5 +5 @@")),
        (
            "--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-a\n\\ No newline at end of file\n b\n".to_owned(),
            ParseError::AfterLast { line: 5 },
        ),
        (labels("x") + &labels("x"), ParseError::Twice { path: "x".to_owned(), line: 6 }),
        (
            "diff --git a/x b/x\nnew file mode 160000\n".to_owned(),
            ParseError::Mode { line: 2, mode: "160000".to_owned() },
        ),
        (
            "diff --git a/x b/x\nindex 1..2\nBinary files a/x and b/x differ\n".to_owned(),
            header("is binary, and the patch only names it (git diff --binary carries it)"),
        ),
        ("diff --git a/x b/x\nindex 1..2 100644\n".to_owned(), header("has no hunks and changes nothing")),
        (
            "diff --git a/x b/x\nold mode 100644\nnew mode 120000\n".to_owned(),
            header("turns a file into a link or back without deleting it"),
        ),
        ("diff --git a/x b/y\nrename from x\n".to_owned(), header("is renamed or copied, but one name is missing")),
        (format!("--- /dev/null\n+++ b/x\n{HUNK}"), header("is new, but has lines to remove")),
        (
            "diff --git a/x b/x\nindex 1..2\nGIT binary patch\nliteral 1\nA0\n\n".to_owned(),
            ParseError::Binary { line: 3, why: "needs an index line with full ids (git diff --binary)" },
        ),
    ] {
        assert_eq!(changes(&text), Err(error), "{text}");
    }
}

#[test]
fn every_size_is_bounded() {
    let limits = PatchLimits { patch_bytes: 200, line_bytes: 50, files: 1, hunks: 1, binary_bytes: 10 };
    let error = |text: &str| parse(text.as_bytes(), &limits).unwrap_err();
    let file = |name: &str| format!("--- a/{name}\n+++ b/{name}\n{HUNK}");
    assert_eq!(error(&"x".repeat(201)), ParseError::TooLarge { max: 200 });
    assert_eq!(error(&("\n".to_owned() + &"x".repeat(51))), ParseError::LineTooLong { line: 2, max: 50 });
    assert_eq!(error(&(file("x") + HUNK)), ParseError::TooMany { what: "hunks", max: 1 });
    let modes = "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n";
    assert_eq!(error(&(modes.to_owned() + &modes.replace('x', "y"))), ParseError::TooMany { what: "files", max: 1 });
    let id = "0".repeat(40);
    let wide = PatchLimits { patch_bytes: 999, line_bytes: 99, ..limits };
    let bomb = format!("diff --git a/x b/x\nindex {id}..{id}\nGIT binary patch\nliteral 11\nA00000\n\n");
    let found = parse(bomb.as_bytes(), &wide).unwrap_err();
    assert_eq!(found, ParseError::Binary { line: 4, why: "is too large" });
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(lines in prop::collection::vec(prop::sample::select(&[
        "diff --git a/x b/x", "--- a/x", "+++ b/x", "--- /dev/null", "@@ -1 +1 @@", "@@ -0,0 +1,2 @@", "-a", "+a", " a", "",
        "\\ No newline", "new file mode 100644", "rename from x", "rename to \"y\\\"", "GIT binary patch", "literal 3",
        "index 0..1", "-- ", "@@ -99999999999 +1 @@", "Binary files x and y differ",
    ][..]), 0..20)) {
        // What matters is that it returns.
        let _ = parse(lines.join("\n").as_bytes(), &PatchLimits::default());
    }
}
