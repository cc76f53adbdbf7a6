//! Table tests of the parser.

use super::parse;
use crate::git::GitMode;
use crate::patch::error::ParseError;
use crate::patch::limits::PatchLimits;
use crate::patch::model::{Body, Change, Mark, Place};
use crate::patch::path::PathError;
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
    Ok(patch.files().map(|file| shown(&file.change)).collect())
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
        ("--- ./x\n+++ ./x\n", "modify x"),
        ("--- ./b/x\n+++ ./b/x\n", "modify b/x"),
        ("--- ./a/x\n+++ ./b/x\n", "modify x"),
        ("--- a/./x/./y\n+++ b/./x/./y\n", "modify x/y"),
        ("--- x\n+++ ./x\n", "modify x"),
        ("--- ./x.orig\n+++ ./x\n", "modify x"),
        ("--- ./old/src/x\n+++ ./new/src/x\n", "modify src/x"),
        ("--- \"./\\303\\251\"\n+++ \"./\\303\\251\"\n", "modify é"),
        ("diff --git a/./x b/./x\nindex 1..2 100644\n--- a/./x\n+++ b/./x\n", "modify x"),
        ("diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n", "modify x"),
        ("diff --git a/s p b/s p\nindex 1..2\n--- a/s p\t\n+++ b/s p\t\n", "modify s p"),
        ("diff --git a/b b/b b/b b/b\nindex 1..2\n--- a/b b/b\t\n+++ b/b b/b\t\n", "modify b b/b"),
        ("diff --git i/x w/x\nindex 1..2\n--- i/x\n+++ w/x\n", "modify x"),
        ("diff --git x/y x/y\nindex 1..2\n--- x/y\n+++ x/y\n", "modify x/y"),
        ("Some words.\ndiff --git is great\n\n--- a/x\n+++ b/x\n", "modify x"),
        (
            "diff --git a/x b/y\nsimilarity index 90%\nrename from x\nrename to y\nindex 1..2\n\
             --- a/x\n+++ b/y\n",
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
            &format!(
                "--- a/x\t1970-01-01 01:00:00.000000000 +0100\n\
                 +++ b/x\t2026-01-01 01:00:00 +0100\n{ADD}"
            ),
            "create x",
        ),
        ("--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", "delete x"),
    ] {
        assert_eq!(changes(text), Ok(vec![change.to_owned()]), "{text}");
    }
}

#[test]
fn lines_that_look_like_headers_stay_in_their_hunk() {
    let text = "--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@ fn main\n--- a/y\n+++ b/y\n form\x0cfeed\r\n\n\
                -last\n\\ No newline at end of file\n+last\n";
    let patch = parse(text.as_bytes(), &PatchLimits::default()).unwrap();
    let Body::Text(hunks) = &patch.steps[0][0].body else { panic!("{patch:?}") };
    let lines: Vec<_> = hunks[0].old_lines().map(|line| (line.text, line.newline)).collect();
    assert_eq!(
        lines,
        [(&b"-- a/y"[..], true), (b"form\x0cfeed\r", true), (b"", true), (b"last", false)]
    );
    assert_eq!(hunks[0].header, "@@ -1,4 +1,4 @@");
    assert_eq!(patch.files().count(), 1);
}

#[test]
fn a_mail_is_read_between_its_header_and_its_signature() {
    let text = format!(
        "From 1 Mon Sep 17 00:00:00 2001\nSubject: x\n\nText\n---\n x | 2 +-\n\n\
         diff --git a/x b/x\nindex 1..2 100755\n\
         --- a/x\n+++ b/x\n{HUNK}-- \n2.47.3\n\ndiff --git a/y b/y\nold mode 100755\n\
         new mode 100644\n"
    );
    assert_eq!(changes(&text), Ok(vec!["modify x".to_owned(), "modify y".to_owned()]));
    let patch = parse(text.as_bytes(), &PatchLimits::default()).unwrap();
    let modes: Vec<_> = patch.files().map(|file| (file.old_mode, file.new_mode)).collect();
    assert_eq!(
        modes,
        [(Some(GitMode::Executable), None), (Some(GitMode::Executable), Some(GitMode::File))]
    );
}

#[test]
fn what_is_no_patch_is_refused_with_its_line() {
    let path = |name: &str, why| ParseError::Path { line: 1, name: name.to_owned(), why };
    let header = |why| ParseError::Header { line: 1, why };
    let labels = |name: &str| format!("--- a/{name}\n+++ b/{name}\n{HUNK}");
    for (text, error) in [
        (String::new(), ParseError::Nothing),
        ("just words\n".to_owned(), ParseError::Nothing),
        (labels("../x"), path("../x", PathError::NotNormal)),
        (labels("x/../../y"), path("x/../../y", PathError::NotNormal)),
        (labels("/etc/passwd"), path("/etc/passwd", PathError::Absolute)),
        (labels(""), path("", PathError::Empty)),
        (
            labels("sub/.GIT/hooks/x"),
            ParseError::GitDirectory { line: 1, name: "sub/.GIT/hooks/x".to_owned() },
        ),
        (
            format!("--- a/x\n+++ b/y\n{HUNK}"),
            ParseError::TwoNames { line: 1, old: "x".to_owned(), new: "y".to_owned() },
        ),
        (HUNK.to_owned(), ParseError::NoFile { line: 1 }),
        ("--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n".to_owned(), ParseError::EmptyHunk { line: 3 }),
        (
            "--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n-a\n@@ -5 +5 @@\n".to_owned(),
            ParseError::EmptyHunk { line: 5 },
        ),
        (
            "--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-a\n\\ No newline at end of file\n b\n".to_owned(),
            ParseError::AfterLast { line: 5 },
        ),
        (
            "diff --git a/x b/x\nnew file mode 040000\n".to_owned(),
            ParseError::Mode { line: 2, mode: "040000".to_owned() },
        ),
        (
            "diff --git a/x b/x\nindex 1..2\nBinary files a/x and b/x differ\n".to_owned(),
            header("is binary, and the patch only names it (git diff --binary carries it)"),
        ),
        (
            "diff --git a/x b/x\nindex 1..2 100644\n".to_owned(),
            header("has no hunks and changes nothing"),
        ),
        (
            "diff --git a/x b/x\nold mode 100644\nnew mode 120000\n".to_owned(),
            header("turns a file into a link or back without deleting it"),
        ),
        (
            "diff --git a/x b/y\nrename from x\n".to_owned(),
            header("is renamed or copied, but one name is missing"),
        ),
        (format!("--- /dev/null\n+++ b/x\n{HUNK}"), header("is new, but has lines to remove")),
        (
            "diff --git a/x b/x\nindex 1..2\nGIT binary patch\nliteral 1\nA0\n\n".to_owned(),
            ParseError::Binary {
                line: 3,
                why: "needs an index line with full ids (git diff --binary)",
            },
        ),
    ] {
        assert_eq!(changes(&text), Err(error), "{text}");
    }
}

#[test]
fn every_size_is_bounded() {
    let limits =
        PatchLimits { patch_bytes: 200, line_bytes: 50, files: 1, hunks: 1, binary_bytes: 10 };
    let error = |text: &str| parse(text.as_bytes(), &limits).unwrap_err();
    let file = |name: &str| format!("--- a/{name}\n+++ b/{name}\n{HUNK}");
    assert_eq!(error(&"x".repeat(201)), ParseError::TooLarge { max: 200 });
    assert_eq!(
        error(&("\n".to_owned() + &"x".repeat(51))),
        ParseError::LineTooLong { line: 2, max: 50 }
    );
    assert_eq!(error(&(file("x") + HUNK)), ParseError::TooMany { what: "hunks", max: 1 });
    let modes = "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n";
    assert_eq!(
        error(&(modes.to_owned() + &modes.replace('x', "y"))),
        ParseError::TooMany { what: "files", max: 1 }
    );
    let id = "0".repeat(40);
    let wide = PatchLimits { patch_bytes: 999, line_bytes: 99, ..limits };
    let bomb =
        format!("diff --git a/x b/x\nindex {id}..{id}\nGIT binary patch\nliteral 11\nA00000\n\n");
    let found = parse(bomb.as_bytes(), &wide).unwrap_err();
    assert_eq!(found, ParseError::Binary { line: 4, why: "is too large" });
}

/// The hunks of the only file, each as its place and its marks.
fn hunks(text: &str) -> Vec<(Place<'_>, String)> {
    let patch = parse(text.as_bytes(), &PatchLimits::default()).unwrap();
    let (Body::Text(hunks) | Body::Chunks(hunks)) = &patch.steps[0][0].body else {
        panic!("{patch:?}")
    };
    let mark = |mark: &Mark| match mark {
        Mark::Context => ' ',
        Mark::Removed => '-',
        Mark::Added => '+',
    };
    hunks
        .iter()
        .map(|hunk| (hunk.place.clone(), hunk.lines.iter().map(|(which, _)| mark(which)).collect()))
        .collect()
}

#[test]
fn wrong_lengths_are_counted_again() {
    let by_line = |start, count| Place::Line { start, count };
    for (body, found) in [
        ("@@ -1,2 +1 @@\n-a\n+b\n", vec![(by_line(1, 2), "-+")]),
        ("@@ -1 +1 @@\n-a\n+b\n+c\n d\n", vec![(by_line(1, 1), "-++ ")]),
        (
            "@@ -1,9 +1,9 @@\n a\n-b\n\n\n@@ -20 +20 @@\n-c\n\\ No newline\n",
            vec![(by_line(1, 9), " -"), (by_line(20, 1), "-")],
        ),
        // The next file, the signature of a mail, and other text end a hunk.
        (
            "@@ -1,9 +1,9 @@\n a\n+b\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n",
            vec![(by_line(1, 9), " +")],
        ),
        ("@@ -1,9 +1,9 @@\n a\n+b\n-- \n2.39.5\n", vec![(by_line(1, 9), " +")]),
        ("@@ -1,9 +1,9 @@\n a\n-- \n+b\n```\n", vec![(by_line(1, 9), " -+")]),
    ] {
        let text = format!("--- a/x\n+++ b/x\n{body}");
        let expected: Vec<_> =
            found.into_iter().map(|(place, marks)| (place, marks.to_owned())).collect();
        assert_eq!(hunks(&text), expected, "{text}");
    }
}

#[test]
fn headers_without_numbers_leave_the_place_to_the_text() {
    for (header, anchor) in [
        ("@@", None),
        ("@@ @@", None),
        ("@@ ... @@", None),
        ("@@ -XX,YY +XX,YY @@", None),
        ("@@ -99999999999 +1 @@", None),
        ("@@ def f():", Some("def f():")),
        ("@@ ... @@ def f():", Some("def f():")),
        ("@@     def f(): @@", Some("    def f():")),
    ] {
        let anchors = anchor.iter().map(|anchor| anchor.as_bytes()).collect();
        let place = Place::Text { anchors, at_end: false };
        assert_eq!(
            hunks(&format!("--- a/x\n+++ b/x\n{header}\n-a\n+b\n")),
            [(place, "-+".to_owned())],
            "{header}"
        );
    }
}

/// The changes of each step.
fn steps(text: &str) -> Vec<usize> {
    parse(text.as_bytes(), &PatchLimits::default()).unwrap().steps.iter().map(Vec::len).collect()
}

#[test]
fn a_series_is_read_in_steps() {
    let file = |name: &str| format!("--- a/{name}\n+++ b/{name}\n{HUNK}");
    let id = "0123456789abcdef".repeat(3)[..40].to_owned();
    let mail = |body: &str| {
        format!(
            "From {id} Mon Sep 17 00:00:00 2001\nSubject: [PATCH] x\n\n---\n{body}-- \n2.39.5\n\n"
        )
    };
    assert_eq!(steps(&(file("x") + &file("y"))), [2]);
    assert_eq!(steps(&(file("x") + &file("x") + &file("y"))), [1, 2], "the same file again");
    assert_eq!(steps(&(mail(&file("x")) + &mail(&file("y")))), [1, 1]);
    assert_eq!(
        steps(&format!("commit {id}\n\n{}commit {id} (HEAD)\n\n{}", file("x"), file("y"))),
        [1, 1]
    );
    let rename = "diff --git a/x b/z\nrename from x\nrename to z\n";
    assert_eq!(steps(&(file("x") + rename)), [1, 1], "what is renamed was changed before");
    let kind =
        "diff --git a/x b/x\ndeleted file mode 100644\ndiff --git a/x b/x\nnew file mode 120000\n";
    assert_eq!(steps(kind), [2], "a change of kind");
}

#[test]
fn submodules_are_skipped_and_named() {
    let (one, two) = ("1".repeat(40), "2".repeat(40));
    let bump = format!("@@ -1 +1 @@\n-Subproject commit {one}\n+Subproject commit {two}\n");
    let new = format!("@@ -0,0 +1 @@\n+Subproject commit {one}\n");
    for text in [
        format!("diff --git a/v b/v\nindex 1111111..2222222 160000\n--- a/v\n+++ b/v\n{bump}"),
        format!("diff --git a/v b/v\nindex 1111111..2222222\n--- a/v\n+++ b/v\n{bump}"),
        format!("--- a/v\n+++ b/v\n{bump}"),
        format!(
            "diff --git a/v b/v\nnew file mode 160000\nindex 0000000..1111111\n--- /dev/null\n\
             +++ b/v\n{new}"
        ),
        format!(
            "diff --git a/v b/v\ndeleted file mode 160000\nindex 1111111..0000000\n--- a/v\n\
             +++ /dev/null\n\
             @@ -1 +0,0 @@\n-Subproject commit {one}\n"
        ),
        "Submodule v 1111111..2222222:\n  > words\n".to_owned(),
        "Submodule v 1111111...2222222 (commits not present)\n".to_owned(),
    ] {
        for text in [
            text.clone(),
            text.clone() + "--- a/x\n+++ b/x\n" + HUNK,
            "--- a/x\n+++ b/x\n".to_owned() + HUNK + &text,
        ] {
            let patch = parse(text.as_bytes(), &PatchLimits::default()).unwrap();
            let names: Vec<_> = patch.submodules.iter().map(ToString::to_string).collect();
            assert_eq!(
                (names, patch.files().count()),
                (vec!["v".to_owned()], usize::from(text.contains("a/x"))),
                "{text}"
            );
        }
    }
}

#[test]
fn the_form_of_codex_is_read() {
    let text = "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: n/e w\n+a\n+\n\
                *** Delete File: ./gone\n\
                *** Update File: old\n*** Move to: new\n@@ class A\n@@     def f(self):\n a\n-b\n\
                +c\n\n@@\n-d\n*** End of File\n\n\
                *** Update File: moved\n*** Move to: away\n*** Update File: bare\n\n-a\n+b\n\
                *** End Patch\nEOF\n";
    assert_eq!(
        changes(text).unwrap(),
        ["create n/e w", "delete gone", "rename old new", "rename moved away", "modify bare"]
    );
    let patch = parse(text.as_bytes(), &PatchLimits::default()).unwrap();
    let bodies: Vec<_> = patch.files().map(|file| &file.body).collect();
    assert_eq!((bodies[1], bodies[3]), (&Body::Dropped, &Body::Unchanged));
    let Body::Chunks(chunks) = bodies[2] else { panic!() };
    let places: Vec<_> = chunks.iter().map(|chunk| (&chunk.place, chunk.lines.len())).collect();
    let first = Place::Text { anchors: vec![b"class A", b"    def f(self):"], at_end: false };
    assert_eq!(places, [(&first, 3), (&Place::Text { anchors: vec![], at_end: true }, 1)]);
    let codex = |line, found: &str| match changes(&format!("*** Begin Patch\n{found}")) {
        Err(ParseError::Codex { line: at, .. }) => assert_eq!(at, line, "{found}"),
        other => panic!("{found}: {other:?}"),
    };
    codex(2, "words\n*** End Patch\n");
    codex(3, "*** Add File: x\nwords\n*** End Patch\n");
    codex(4, "*** Update File: x\n@@\nwords\n*** End Patch\n");
    assert_eq!(
        changes("*** Begin Patch\n*** Add File: x\n+a\n"),
        Err(ParseError::NoEnd { line: 1 })
    );
    assert!(matches!(
        changes("*** Update File: ../x\n-a\n*** End Patch\n"),
        Err(ParseError::Path { .. })
    ));
    assert!(matches!(
        changes("*** Add File: .git/x\n+a\n*** End Patch\n"),
        Err(ParseError::GitDirectory { .. })
    ));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(lines in prop::collection::vec(prop::sample::select(&[
        "diff --git a/x b/x", "--- a/x", "+++ b/x", "--- /dev/null", "@@ -1 +1 @@",
        "@@ -0,0 +1,2 @@", "-a", "+a", " a", "", "\\ No newline", "new file mode 100644",
        "rename from x", "rename to \"y\\\"", "GIT binary patch", "literal 3", "index 0..1", "-- ",
        "@@ -99999999999 +1 @@", "Binary files x and y differ", "@@", "@@ def f():",
        "index 1111111..2222222 160000", "From 0123456789012345678901234567890123456789 Mon",
        "*** Begin Patch", "*** Update File: x", "*** Add File: y", "*** Delete File: z",
        "*** Move to: y", "*** End of File", "*** End Patch",
    ][..]), 0..20)) {
        // What matters is that it returns.
        let _ = parse(lines.join("\n").as_bytes(), &PatchLimits::default());
    }
}
