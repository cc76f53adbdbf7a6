//! Trees as commits of a repository, written in one go.

use super::disk::{git_ok, run};
use super::trees::Tree;
use pyro_patch::Side;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// Make a bare repository with these commits, each as its branch and its tree; the first on a
/// branch has no parent. Their ids, in order.
pub(crate) fn import<'t>(
    at: &Path,
    commits: impl Iterator<Item = (String, &'t Tree)>,
) -> Vec<String> {
    std::fs::create_dir(at).unwrap();
    git_ok(at, &["init", "-q", "--bare"], b"");
    let mut stream = Vec::new();
    let mut count = 0;
    for (branch, tree) in commits {
        count += 1;
        let head = format!(
            "commit refs/heads/{branch}\nmark :{count}\ncommitter t <t@t> {count} +0000\ndata 1\n\
             x\ndeleteall\n"
        );
        stream.extend_from_slice(head.as_bytes());
        for (path, side) in tree {
            let blob = side.blob().unwrap();
            let mode = match side {
                Side::Symlink { .. } => "120000",
                Side::File { mode: 0o755, .. } => "100755",
                _ => "100644",
            };
            let quoted = path.as_bytes().iter().fold(String::new(), |mut text, byte| {
                write!(text, "\\{byte:03o}").unwrap();
                text
            });
            stream.extend_from_slice(
                format!("M {mode} inline \"{quoted}\"\ndata {}\n", blob.len()).as_bytes(),
            );
            stream.extend_from_slice(blob);
            stream.push(b'\n');
        }
    }
    let output = run(
        Command::new("git").args(["-c", "fastimport.unpackLimit=0"]),
        at,
        &["fast-import", "--quiet", "--export-marks=marks"],
        &stream,
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut ids = vec![String::new(); count];
    for line in std::fs::read_to_string(at.join("marks")).unwrap().lines() {
        let (mark, id) = line.split_once(' ').unwrap();
        ids[mark[1..].parse::<usize>().unwrap() - 1] = id.to_owned();
    }
    ids
}

/// The parts of a text that begin with lines such as these.
pub(crate) fn split(text: &[u8], begins: impl Fn(&[u8]) -> bool) -> Vec<&[u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if begins(line) {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
}
