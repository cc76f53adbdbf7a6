//! Table tests of applying.

use super::apply;
use crate::patch::budget::Budget;
use crate::patch::limits::PatchLimits;
use crate::patch::parse::parse;
use crate::patch::reject::{Note, Reason};
use crate::patch::resolution::Action;
use crate::patch::resolve::{resolve, resolve_within};
use crate::side::{ArtifactType, Content, Side};
use pyro_protocol::TreePath;
use std::collections::BTreeMap;

fn one(text: &str, source: Option<Side>) -> Result<Option<Side>, Reason> {
    let patch = parse(text.as_bytes(), &PatchLimits::default()).unwrap();
    apply(&patch.steps[0][0], source.as_ref(), &mut Budget::default())
        .map_err(|reject| reject.reason)
}

fn on_text(hunks: &str, text: &str) -> Result<String, Reason> {
    let patch = format!("--- a/f\n+++ b/f\n{hunks}");
    let side = one(&patch, Some(Side::file(0o640, text)))?.unwrap();
    assert!(matches!(side, Side::File { mode: 0o640, .. }));
    Ok(String::from_utf8(side.blob().unwrap().to_vec()).unwrap())
}

#[test]
fn hunks_apply_where_their_lines_are() {
    for (hunks, before, after) in [
        ("@@ -2,2 +2,3 @@\n 2\n+x\n 3\n", "1\n2\n3\n4\n", "1\n2\nx\n3\n4\n"),
        // Moved down, moved up, far behind the end.
        ("@@ -2,2 +2,3 @@\n 2\n+x\n 3\n", "0\n0\n1\n2\n3\n4\n", "0\n0\n1\n2\nx\n3\n4\n"),
        ("@@ -9,2 +9,3 @@\n 2\n+x\n 3\n", "2\n3\n4\n", "2\nx\n3\n4\n"),
        ("@@ -4000000000,2 +4000000000,3 @@\n 2\n+x\n 3\n", "2\n3\n4\n", "2\nx\n3\n4\n"),
        ("@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n", "a\n", "b"),
        ("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n", "a", "b\n"),
        ("@@ -1 +1 @@\n-a\r\n+b\r\n", "a\r\n", "b\r\n"),
        ("@@ -0,0 +1 @@\n+a\n", "", "a\n"),
        // Where its header says, without context after it, before it, or at all.
        ("@@ -3 +3,2 @@\n 3\n+x\n", "1\n2\n3\n4\n", "1\n2\n3\nx\n4\n"),
        ("@@ -2 +2 @@\n-2\n+x\n", "2\n2\n2\n", "2\nx\n2\n"),
        ("@@ -2,0 +3 @@\n+x\n", "1\n2\n3\n", "1\n2\nx\n3\n"),
        ("@@ -3,0 +4 @@\n+x\n", "1\n2\n3\n", "1\n2\n3\nx\n"),
        ("@@ -1 +1,2 @@\n-1\n+x\n+y\n@@ -2,0 +4 @@\n+z\n", "1\n2\n3\n", "x\ny\n2\nz\n3\n"),
        ("@@ -2 +1,0 @@\n-2\n", "1\n2\n3\n", "1\n3\n"),
        // The old numbers count: those of the new file are often wrong.
        ("@@ -2 +9 @@\n-2\n+x\n", "2\n2\n2\n", "2\nx\n2\n"),
        // By its text alone.
        ("@@\n-2\n+x\n", "1\n2\n3\n", "1\nx\n3\n"),
        ("@@ 3\n-2\n+x\n", "2\n3\n2\n", "2\n3\nx\n"),
        ("@@ nowhere\n-2\n+x\n", "1\n2\n3\n", "1\nx\n3\n"),
    ] {
        assert_eq!(on_text(hunks, before).as_deref(), Ok(after), "{hunks}");
    }
}

fn in_chunks(chunks: &str, text: &str) -> Result<String, Reason> {
    let patch = format!("*** Begin Patch\n*** Update File: f\n{chunks}*** End Patch\n");
    let side = one(&patch, Some(Side::file(0o644, text)))?.unwrap();
    Ok(String::from_utf8(side.blob().unwrap().to_vec()).unwrap())
}

#[test]
fn chunks_are_found_by_their_text() {
    for (chunks, before, after) in [
        ("@@\n-b\n+B\n", "a\nb\nc\n", "a\nB\nc\n"),
        // In order: each after the one before.
        ("@@\n-a\n+1\n@@\n-x\n+2\n", "x\na\nx\n", "x\n1\n2\n"),
        // After the lines that are named, whatever stands around them.
        (
            "@@ class B\n@@ def f\n x\n-1\n+2\n",
            "class A\n  def f\nx\n1\nclass B\n  def f\nx\n1\n",
            "class A\n  def f\nx\n1\nclass B\n  def f\nx\n2\n",
        ),
        ("-a\n+b\n*** End of File\n", "a\na\n", "a\nb\n"),
        ("+z\n*** End of File\n", "a\n", "a\nz\n"),
        // The end of the file stays as it is.
        ("@@\n-b\n+B\n", "a\nb", "a\nB"),
        ("@@\n b\n+c\n", "a\nb", "a\nb\nc"),
        ("@@ -2 +2 @@\n-a\n+b\n", "a\na\na\n", "a\nb\na\n"),
    ] {
        assert_eq!(in_chunks(chunks, before).as_deref(), Ok(after), "{chunks}");
    }
    let note = |chunks, before| match in_chunks(chunks, before) {
        Err(Reason::Hunk(reject)) => reject.note,
        other => panic!("{chunks}: {other:?}"),
    };
    assert_eq!(note("@@\n-a\n", "a\nb\na\n"), Some(Note::Several { lines: vec![1, 3] }));
    assert_eq!(note("@@ x\n-a\n", "a\nb\na\n"), Some(Note::Anchor { anchor: "x".to_owned() }));
    assert_eq!(note("@@ a\n+z\n", "a\nb\na\n"), Some(Note::NoContext));
    assert_eq!(note("-a\n+c\n*** End of File\n", "a\nb\n"), Some(Note::NotAtEnd { line: 1 }));
}

#[test]
fn a_reject_says_what_was_met() {
    let insert = "@@ -2,2 +2,3 @@\n 2\n+x\n 3\n";
    for (hunks, text, message) in [
        (
            "@@ -2,3 +2,3 @@\n 2\n-3\n+x\n 4\n",
            "1\n2\nthree\x1b\n4\n",
            "hunk 1 (@@ -2,3 +2,3 @@) does not apply at line 3: expected `3`, found `three\\u{1b}`",
        ),
        (
            insert,
            "1\n2\nx\n3\n4\n",
            "hunk 1 (@@ -2,2 +2,3 @@) does not apply at line 3: expected `3`, found `x`; its \
             result is at line 2 already: it may have been applied before",
        ),
        (
            "@@ -9 +9 @@\n-2\n+x\n",
            "1\n2\n3\n2\n",
            "hunk 1 (@@ -9 +9 @@) does not apply at line 2: expected `2`, found `2`; its lines \
             are at lines 2, 4",
        ),
        (
            "@@ -9,0 +10 @@\n+x\n",
            "1\n2\n3\n",
            "hunk 1 (@@ -9,0 +10 @@) does not apply at line 4: expected the end of the file, \
             found the end of the file; it only adds lines, and nothing says where",
        ),
        (
            "@@ -9,3 +9,3 @@\n 2\n-3\n+x\n 4\n",
            "1\r\n2\r\n3\r\n4\r\n",
            "hunk 1 (@@ -9,3 +9,3 @@) does not apply at line 2: expected `2`, found `2\\r`; the \
             file has CRLF line ends, the patch has LF",
        ),
        (
            "@@ -1 +1 @@\r\n-1\r\n+x\r\n",
            "1\n2\n",
            "hunk 1 (@@ -1 +1 @@) does not apply at line 1: expected `1\\r`, found `1`; the patch \
             has CRLF line ends, the file has LF",
        ),
        (
            "@@ -1,2 +1,2 @@\n 1\n-2\n+x\n",
            "1\n2",
            "hunk 1 (@@ -1,2 +1,2 @@) does not apply at line 2: expected `2`, found `2\\ no \
             newline`; only the newline at the end of the file differs",
        ),
        (
            "@@ -1 +1 @@\n-    if x:\n+    if y:\n",
            "a\n\tif x:\n",
            "hunk 1 (@@ -1 +1 @@) does not apply at line 2: expected `    if x:`, found `\\tif \
             x:`; only white space differs",
        ),
        (
            "@@ -1,2 +1,2 @@\n-1\n+x\n 2\n@@ -2,2 +2,2 @@\n 2\n-3\n+y\n",
            "1\n2\n3\n",
            "hunk 2 (@@ -2,2 +2,2 @@) does not apply at line 2: expected `2`, found `2`; its \
             lines at line 2 belong to an earlier hunk",
        ),
    ] {
        assert_eq!(on_text(hunks, text).unwrap_err().to_string(), message);
    }
    let Reason::Hunk(reject) = on_text(insert, "9\n9\n9\n").unwrap_err() else { panic!() };
    assert_eq!(
        (reject.line, reject.number, reject.patch_line, reject.note),
        (2, 1, 3, None::<Note>)
    );
}

#[test]
fn a_refusal_shows_what_the_file_holds() {
    let patch = "--- a/m.py\n+++ b/m.py\n@@ -3,2 +3,2 @@\n three\n-4\n+x\n";
    let patch = parse(patch.as_bytes(), &PatchLimits::default()).unwrap();
    let file = Side::file(0o644, "1\n2\n\t3\n4\n5\n6\n");
    let sides = BTreeMap::from([(TreePath::parse(b"m.py").unwrap(), file)]);
    assert_eq!(
        resolve(&patch, &sides).unwrap_err().to_string(),
        "patch does not apply, nothing was changed\n\
         m.py: hunk 1 (@@ -3,2 +3,2 @@) does not apply at line 3: expected `three`, found `\\t3`\n\
         m.py is, from line 2:\n| 2\n| \t3\n| 4\n| 5"
    );
}

#[test]
fn many_lines_are_shown_around_the_one_that_differs() {
    let lines: String = (1..=60).map(|n| format!("{n}\n")).collect();
    let old: String =
        (10..50).map(|n| if n == 40 { " forty\n".to_owned() } else { format!(" {n}\n") }).collect();
    let Err(Reason::Hunk(reject)) = on_text(&format!("@@ -10,40 +10,40 @@\n{old}+x\n"), &lines)
    else {
        panic!()
    };
    assert_eq!((reject.line, reject.excerpt_from, reject.excerpt.len()), (40, 34, 12));
}

#[test]
fn kinds_modes_and_contents_must_fit() {
    let link = || Some(Side::symlink("a"));
    let new = "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n";
    let change = "diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n";
    let gone = "--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n";
    let mode = "diff --git a/f b/f\nold mode 100644\nnew mode 100755\n";
    let new_link = "diff --git a/f b/f\nnew file mode 120000\n";
    assert_eq!(one(new, None), Ok(Some(Side::file(0o644, "a\n"))));
    assert_eq!(one(new, link()), Err(Reason::Exists { found: ArtifactType::Symlink }));
    assert_eq!(one(change, None), Err(Reason::Missing));
    let kind = |found| Err(Reason::Kind { expected: ArtifactType::File, found });
    assert_eq!(one(change, link()), kind(ArtifactType::Symlink));
    assert_eq!(one(change, Some(Side::Directory)), kind(ArtifactType::Directory));
    assert_eq!(one(change, Some(Side::Other)), kind(ArtifactType::Other));
    assert_eq!(one(gone, Some(Side::file(0o644, "a\n"))), Ok(None));
    assert_eq!(
        one("diff --git a/f b/f\ndeleted file mode 100644\n", Some(Side::file(0o644, "a"))),
        Err(Reason::NotEmpty)
    );
    assert_eq!(one(mode, Some(Side::file(0o600, "a"))), Ok(Some(Side::file(0o700, "a"))));
    assert_eq!(one(new_link, None), Err(Reason::Link));
    let large = Side::File { mode: 0o644, content: Content::Large { size: 1 << 40, id: None } };
    assert_eq!(one(mode, Some(large)), Err(Reason::TooLarge));
}

fn resolved(text: &str, sides: &[(&str, Side)]) -> Result<Vec<String>, String> {
    let patch = parse(text.as_bytes(), &PatchLimits::default()).unwrap();
    let path = |path: &str| TreePath::parse(path.as_bytes()).unwrap();
    let sides: BTreeMap<_, _> =
        sides.iter().map(|(name, side)| (path(name), side.clone())).collect();
    let resolution = resolve(&patch, &sides).map_err(|rejected| rejected.to_string())?;
    let shown = |action: &Action| match action {
        Action::Remove { path } => format!("remove {path}"),
        Action::RemoveDirectory { path } => format!("rmdir {path}"),
        Action::WriteFile { path, mode, .. } => format!("write {path} {mode:o}"),
        Action::Chmod { path, mode } => format!("chmod {path} {mode:o}"),
        Action::Symlink { path, .. } => format!("link {path}"),
    };
    Ok(resolution.actions.iter().map(shown).collect())
}

#[test]
fn a_patch_is_decided_as_a_whole() {
    let file = |mode, text: &str| Side::file(mode, text);
    let renames = "diff --git a/x b/y\nrename from x\nrename to y\ndiff --git a/y b/x\n\
                   rename from y\nrename to x\n";
    let swap = resolved(renames, &[("x", file(0o644, "1")), ("y", file(0o755, "2"))]);
    assert_eq!(swap, Ok(vec!["write x 755".to_owned(), "write y 644".to_owned()]));

    let into_directory = "diff --git a/d b/d\ndeleted file mode 100644\ndiff --git a/d/x b/d/x\n\
                          new file mode 100755\n";
    let found = resolved(into_directory, &[("d", file(0o644, ""))]);
    assert_eq!(found, Ok(vec!["remove d".to_owned(), "write d/x 755".to_owned()]));

    let onto_directory = "diff --git a/d b/d\nnew file mode 100644\ndiff --git a/d/x b/d/x\n\
                          deleted file mode 100644\n";
    let found = resolved(onto_directory, &[("d", Side::Directory), ("d/x", file(0o644, ""))]);
    assert_eq!(
        found,
        Ok(vec!["remove d/x".to_owned(), "rmdir d".to_owned(), "write d 644".to_owned()])
    );

    let bits = "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n";
    assert_eq!(resolved(bits, &[("x", file(0o640, "1"))]), Ok(vec!["chmod x 750".to_owned()]));
}

#[test]
fn each_step_of_a_series_goes_on_from_the_one_before() {
    let text = |from: &str, to: &str| format!("@@ -1 +1 @@\n-{from}\n+{to}\n");
    let new = "diff --git a/n/a b/n/a\nnew file mode 100644\n--- /dev/null\n+++ b/n/a\n\
               @@ -0,0 +1 @@\n+1\n";
    let change = format!("--- a/n/a\n+++ b/n/a\n{}", text("1", "2"));
    let moved = format!(
        "diff --git a/n/a b/n/b\nrename from n/a\nrename to n/b\n--- a/n/a\n+++ b/n/b\n{}",
        text("2", "3")
    );
    let gone = "diff --git a/n/b b/n/b\ndeleted file mode 100644\n--- a/n/b\n+++ /dev/null\n\
                @@ -1 +0,0 @@\n-3\n";
    let series = [new, &change, &moved];
    assert_eq!(resolved(&series.concat(), &[]), Ok(vec!["write n/b 644".to_owned()]));
    assert_eq!(resolved(&(series.concat() + gone), &[]), Ok(vec![]), "nothing stays");
    let file_instead = "diff --git a/n b/n\nnew file mode 100755\n";
    assert_eq!(
        resolved(&(series.concat() + gone + file_instead), &[]),
        Ok(vec!["write n 755".to_owned()])
    );
    let rejected = resolved(&(series.concat() + &change + file_instead), &[]).unwrap_err();
    assert_eq!(
        rejected,
        "patch does not apply, nothing was changed\nn: it exists already, as a directory\n\
         n/a: it does not exist"
    );
    // A directory that a step empties may become a file in the next one, and a directory again.
    let there = [("d", Side::Directory), ("d/x", Side::file(0o644, ""))];
    let empties = "diff --git a/d/x b/d/x\ndeleted file mode 100644\n";
    let (becomes, goes) = (
        "diff --git a/d b/d\nnew file mode 100644\n",
        "diff --git a/d b/d\ndeleted file mode 100644\n",
    );
    let id = "0".repeat(40);
    let commits = |parts: &[&str]| {
        parts.iter().map(|part| format!("From {id} Mon\n{part}")).collect::<String>()
    };
    let found = resolved(&commits(&[empties, becomes]), &there);
    assert_eq!(
        found,
        Ok(vec!["remove d/x".to_owned(), "rmdir d".to_owned(), "write d 644".to_owned()])
    );
    let again = "diff --git a/d/y b/d/y\nnew file mode 100644\n";
    let found = resolved(&commits(&[empties, becomes, goes, again]), &there);
    assert_eq!(found, Ok(vec!["remove d/x".to_owned(), "write d/y 644".to_owned()]));
    let found = resolved(&commits(&[becomes, empties]), &there).unwrap_err();
    assert!(found.contains("d: it exists already, as a directory"), "{found}");
}

#[test]
fn what_codex_deletes_or_moves_needs_no_content() {
    let there = [("x", Side::file(0o755, "1\n")), ("y", Side::file(0o644, "2\n"))];
    let text = "*** Begin Patch\n*** Delete File: y\n*** Update File: x\n*** Move to: d/z\n-1\n\
                +2\n*** Add File: x\n+new\n*** End Patch\n";
    let found = resolved(text, &there).unwrap();
    assert_eq!(found, ["remove y", "write d/z 755", "write x 644"]);
    let twice =
        "*** Begin Patch\n*** Update File: x\n-1\n+2\n*** Update File: x\n-2\n+3\n*** End Patch\n";
    assert_eq!(resolved(twice, &there).unwrap(), ["write x 755"]);
    let present = "*** Begin Patch\n*** Add File: x\n+new\n*** End Patch\n";
    assert!(
        resolved(present, &there).unwrap_err().contains("x: it exists already, as a regular file")
    );
}

#[test]
fn every_reject_is_told_and_nothing_is_done() {
    let new = |path: &str| format!("diff --git a/{path} b/{path}\nnew file mode 100644\n");
    let text = new("there") + &new("link/x") + &new("file/x") + &new("full") + &new("fine");
    let sides = [
        ("there", Side::file(0o644, "")),
        ("link", Side::symlink("/etc")),
        ("file", Side::file(0o644, "")),
        ("full", Side::Directory),
    ];
    assert_eq!(
        resolved(&text, &sides).unwrap_err(),
        "patch does not apply, nothing was changed\n\
         file/x: 'file' is a regular file, not a directory\n\
         full: it exists already, as a directory\n\
         link/x: 'link' is a symbolic link, not a directory\n\
         there: it exists already, as a regular file"
    );
}

#[test]
fn copies_of_a_file_are_bounded_together() {
    let copy = |to: &str| {
        format!("diff --git a/x b/{to}\nsimilarity index 100%\ncopy from x\ncopy to {to}\n")
    };
    let text = ["a", "b", "c"].map(copy).concat();
    let patch = parse(text.as_bytes(), &PatchLimits::default()).unwrap();
    let sides = BTreeMap::from([(TreePath::parse(b"x").unwrap(), Side::file(0o644, "1234"))]);
    assert_eq!(resolve_within(&patch, &sides, 12).unwrap().actions.len(), 3);
    let rejected = resolve_within(&patch, &sides, 11).unwrap_err();
    assert!(rejected.is_too_much());
    assert_eq!(rejected.rejects[0].path, TreePath::parse(b"c").unwrap());
}
