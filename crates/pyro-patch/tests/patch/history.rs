//! A history of hundreds of commits, made from a fixed seed: each commit and the whole series, by
//! us and by `git apply`.

use super::disk::{git, git_ok, read, scratch, write};
use super::imported::{import, split};
use super::trees::{Tree, differing, patched};
use pyro_patch::Side;
use pyro_patch::TreePath;
use std::collections::BTreeMap;

const COMMITS: usize = 520;

/// Commits that one `git apply` takes.
const BATCH: usize = 20;

/// Numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

const DIRECTORIES: &[&str] = &["", "src/", "src/deep/er/", "docs and more/", "t\u{e9}sts/"];

fn fresh_path(dice: &mut Dice, tree: &Tree) -> TreePath {
    loop {
        let name = format!(
            "{}f{}{}",
            dice.one(DIRECTORIES),
            dice.below(60),
            dice.one(&["", ".txt", " x"])
        );
        let path = TreePath::parse(name.as_bytes()).unwrap();
        if !tree.contains_key(&path) {
            return path;
        }
    }
}

fn line(dice: &mut Dice, end: &str) -> String {
    let word =
        dice.one(&["let x = ", "\treturn ", "", "}", "-- ", "++ ", "@@ -1 +1 @@ ", "# ", "    "]);
    format!("{word}{}{end}", dice.below(40))
}

/// A text of LF or CRLF lines, binary content, or nothing.
fn content(dice: &mut Dice) -> Vec<u8> {
    let end = dice.one(&["\n", "\n", "\r\n"]);
    let mut bytes: Vec<u8> = match dice.below(8) {
        0 | 1 => (0..dice.below(600))
            .map(|_| u8::try_from(dice.below(256)).unwrap())
            .chain([0])
            .collect(),
        2 => Vec::new(),
        _ => (0..dice.below(60)).flat_map(|_| line(dice, end).into_bytes()).collect(),
    };
    if dice.below(6) == 0 {
        bytes.pop();
    }
    bytes
}

fn edited(dice: &mut Dice, bytes: &[u8]) -> Vec<u8> {
    let end = if bytes.windows(2).any(|two| two == b"\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<Vec<u8>> =
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    for _ in 0..=dice.below(4) {
        let at = dice.below(lines.len() + 1);
        match dice.below(3) {
            0 if at < lines.len() => _ = lines.remove(at),
            1 if at < lines.len() => lines[at] = line(dice, end).into_bytes(),
            _ => lines.insert(at, line(dice, end).into_bytes()),
        }
    }
    lines.concat()
}

fn toggled(mode: u32) -> u32 {
    if mode == 0o644 { 0o755 } else { 0o644 }
}

/// Do one thing to a tree, and count it.
fn change(dice: &mut Dice, tree: &mut Tree, done: &mut BTreeMap<&'static str, usize>) {
    let paths: Vec<TreePath> = tree.keys().cloned().collect();
    let what = if paths.len() < 5 { 0 } else { dice.below(20) };
    let path = if paths.is_empty() {
        fresh_path(dice, tree)
    } else {
        paths[dice.below(paths.len())].clone()
    };
    let file = match tree.get(&path) {
        Some(Side::File { mode, content: pyro_patch::Content::Held(bytes) }) => {
            Some((*mode, bytes.clone()))
        }
        _ => None,
    };
    let name = match (what, file) {
        (0..4, _) => {
            let path = fresh_path(dice, tree);
            let mode = dice.one(&[0o644, 0o644, 0o755]);
            tree.insert(path, Side::file(mode, content(dice)));
            "created"
        }
        (4..11, Some((mode, bytes))) => {
            let is_binary = bytes.contains(&0);
            let bytes = if is_binary { content(dice) } else { edited(dice, &bytes) };
            tree.insert(path, Side::file(mode, bytes));
            if is_binary { "binary changed" } else { "edited" }
        }
        (11..13, Some((mode, bytes))) => {
            tree.insert(path, Side::file(toggled(mode), bytes));
            "mode"
        }
        (13..17, Some((mode, bytes))) => {
            tree.remove(&path);
            let to = fresh_path(dice, tree);
            let bytes = if dice.below(2) == 0 { bytes } else { edited(dice, &bytes) };
            tree.insert(
                to,
                Side::file(if dice.below(5) == 0 { toggled(mode) } else { mode }, bytes),
            );
            "moved"
        }
        (17, _) => {
            tree.insert(path, Side::symlink(format!("to/{}", dice.below(9))));
            "link"
        }
        (18, Some((mode, bytes))) => {
            let of_unix: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
            let of_dos = || {
                of_unix.split_inclusive(|byte| *byte == b'\n').flat_map(|line| {
                    match line.strip_suffix(b"\n") {
                        Some(text) => [text, b"\r\n"].concat(),
                        None => line.to_vec(),
                    }
                })
            };
            let bytes = if of_unix == bytes { of_dos().collect() } else { of_unix };
            tree.insert(path, Side::file(mode, bytes));
            "line ends"
        }
        _ => {
            tree.remove(&path);
            "deleted"
        }
    };
    *done.entry(name).or_default() += 1;
}

fn history() -> (Vec<Tree>, BTreeMap<&'static str, usize>) {
    let mut dice = Dice(20_261_130);
    let mut done = BTreeMap::new();
    let mut trees = vec![Tree::new()];
    while trees.len() <= COMMITS {
        let last = &trees[trees.len() - 1];
        let mut next = last.clone();
        for _ in 0..=dice.below(4) {
            change(&mut dice, &mut next, &mut done);
        }
        if next != *last {
            trees.push(next);
        }
    }
    (trees, done)
}

#[test]
fn a_history_of_five_hundred_commits_makes_what_git_apply_makes() {
    let (trees, done) = history();
    println!("{COMMITS} commits: {done:?}");
    assert!(done.values().all(|count| *count >= 20) && done.len() == 8, "{done:?}");
    let home = scratch();
    let repo = home.path().join("repo");
    import(&repo, trees.iter().map(|tree| ("main".to_owned(), tree)));
    let series =
        git_ok(&repo, &["format-patch", "--stdout", "--binary", "-M", "main~520..main"], b"");
    let begins =
        |line: &[u8]| line.starts_with(b"From ") && line.ends_with(b" Mon Sep 17 00:00:00 2001\n");
    let mails = split(&series, begins);
    assert_eq!(mails.len(), COMMITS);

    // Each commit by itself, by us.
    for (at, mail) in mails.iter().enumerate() {
        let found = patched(&trees[at], mail)
            .unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(mail)));
        let wanted = &trees[at + 1];
        assert!(
            found == *wanted,
            "{:?}\n{}",
            differing(&found, wanted),
            String::from_utf8_lossy(mail)
        );
    }
    // One after the other by git apply.
    let root = home.path().join("tree");
    std::fs::create_dir(&root).unwrap();
    write(&trees[0], &root);
    for (at, mail) in mails.iter().enumerate() {
        std::fs::write(home.path().join(at.to_string()), mail).unwrap();
    }
    for (batch, mails) in mails.chunks(BATCH).enumerate() {
        let end = batch * BATCH + mails.len();
        let names: Vec<_> = (batch * BATCH..end).map(|at| format!("../{at}")).collect();
        let arguments: Vec<_> = ["apply", "--whitespace=nowarn"]
            .into_iter()
            .chain(names.iter().map(String::as_str))
            .collect();
        let output = git(&root, &arguments, b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found = read(&root);
        assert!(found == trees[end], "{:?}", differing(&found, &trees[end]));
    }
    // All of them as one patch: the mails of git format-patch, and git log -p.
    let log = git_ok(&repo, &["log", "-p", "--reverse", "--binary", "-M", "main~520..main"], b"");
    for series in [series, log] {
        let found = patched(&trees[0], &series).unwrap();
        let last = &trees[COMMITS];
        assert!(found == *last, "{:?}", differing(&found, last));
    }
}
