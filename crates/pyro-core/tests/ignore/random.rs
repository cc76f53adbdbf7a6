//! Random trees with random rules, the same for the same seed.

use crate::git::{git, init};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const NAMES: &[&str] = &[
    "a",
    "b",
    "c",
    "foo",
    "foo.o",
    "foo.log",
    "main.py",
    "main.py{}",
    "logo.png",
    "build",
    "target",
    "x y",
    "foo\t",
    "foo ",
    "#h",
    "!n",
    "[a]",
    "a{b,c}",
    "*",
    "?",
    "\\",
    "k1",
    "K",
    "key1.pem",
    "prod.env",
    "é",
    "a.b.c",
    "-",
    "ab",
    "aab",
    ".hidden",
    "]",
    "^",
    "a\\b",
    "$x",
];

/// What patterns are made of, beside names.
const PARTS: &[&str] = &[
    "*",
    "**",
    "?",
    "/",
    "/",
    "/**/",
    "**/",
    "/**",
    "[ab]",
    "[!a]",
    "[^b]",
    "[a-c]",
    "[]]",
    "[[:digit:]]",
    "[[:alpha:]]",
    "[[:upper:]x]",
    "[[:foo:]]",
    "[a",
    "{a,b}",
    "\\*",
    "\\",
    "\\a",
    ".",
    "*.",
    "!",
    " ",
    "\\ ",
    "\t",
    "#",
    "[\\]]",
    "[a-",
    "[-a]",
    "***",
    "[[:space:]]",
];

/// Whole lines that are odd.
const LINES: &[&str] = &[
    "!",
    "/",
    "//",
    "!/",
    "*",
    "**",
    "/*",
    "!*/",
    "!*",
    "\\",
    "\\\\",
    "\\!n",
    "\\#h",
    "# foo",
    " ",
    "\t",
    "foo\t",
    "foo  ",
    "foo\\ ",
    "*.{png,jpg}",
    "*.py{}",
    "key[[:digit:]].pem",
    "*.env\r",
    "\u{feff}a",
    "a\0b",
    "/a/",
    "!a/",
    "a/*",
    "!a/b",
    "**/a",
    "a/**",
    "a/**/b",
    "foo**/b",
    "a**b",
    "**a",
    "a/**b/c",
    "!/build",
    "build/",
    "[",
    "[]",
    "[!]",
    "*[!a]*",
    "$x",
    "\\$x",
    "!$x",
];

/// A small generator: a test needs no better one, and every platform has the same.
pub(crate) struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn is_one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn of<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }
}

fn rules(random: &mut Random) -> Vec<u8> {
    let mut text = if random.is_one_in(20) { "\u{feff}".to_owned() } else { String::new() };
    for _ in 0..=random.below(6) {
        if random.is_one_in(4) {
            text += random.of(LINES);
        } else {
            text += if random.is_one_in(4) { "!" } else { "" };
            text += if random.is_one_in(4) { "/" } else { "" };
            for _ in 0..=random.below(4) {
                let parts = if random.is_one_in(2) { NAMES } else { PARTS };
                text += random.of(parts);
            }
            text += if random.is_one_in(5) { "/" } else { "" };
        }
        text += if random.is_one_in(8) { "\r\n" } else { "\n" };
    }
    if random.is_one_in(3) {
        text.pop();
    }
    text.into_bytes()
}

struct Grown {
    files: usize,
    /// Files of the outermost repository.
    own: Vec<PathBuf>,
}

/// Make a tree at `root`; how many files it has, without `.git`.
pub(crate) fn tree(root: &Path, seed: u64) -> usize {
    let mut random = Random(seed);
    let mut grown = Grown { files: 0, own: Vec::new() };
    fs::create_dir(root).unwrap();
    begin(&mut random, root);
    grow(&mut random, root, 0, &mut grown, true);
    if random.is_one_in(2) && !grown.own.is_empty() {
        let names: Vec<String> = (0..3)
            .map(|_| {
                grown.own[random.below(grown.own.len())]
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        let settings =
            [&[][..], &["-c", "index.version=4"], &["-c", "core.splitIndex=true"]][random.below(3)];
        let mut args = settings.to_vec();
        args.extend(["--literal-pathspecs", "add", "-f", "--"]);
        args.extend(names.iter().map(String::as_str));
        git(root, &args);
    }
    grown.files
}

/// A repository, with rules of its own.
fn begin(random: &mut Random, directory: &Path) {
    init(directory, random.is_one_in(10));
    if random.is_one_in(3) {
        fs::write(directory.join(".git/info/exclude"), rules(random)).unwrap();
    }
}

fn grow(random: &mut Random, directory: &Path, depth: usize, grown: &mut Grown, is_own: bool) {
    for _ in 0..random.below(6) + usize::from(depth == 0) * 2 {
        let at = directory.join(random.of(NAMES));
        if at.symlink_metadata().is_ok() {
            continue;
        }
        if depth < 4 && random.is_one_in(2) {
            fs::create_dir(&at).unwrap();
            let is_nested = random.is_one_in(8);
            if is_nested {
                begin(random, &at);
            } else if random.is_one_in(20) {
                // What is no repository is none for git either.
                match random.is_one_in(2) {
                    true => fs::create_dir(at.join(".git")).unwrap(),
                    false => fs::write(at.join(".git"), "gitdir: nowhere\n").unwrap(),
                }
            }
            grow(random, &at, depth + 1, grown, is_own && !is_nested);
            continue;
        }
        match random.is_one_in(10) {
            true => symlink("foo", &at).unwrap(),
            false => fs::write(&at, "content").unwrap(),
        }
        grown.files += 1;
        if is_own {
            grown.own.push(at);
        }
    }
    let at = directory.join(".gitignore");
    match random.below(40) {
        0 => {
            fs::write(directory.join("rules"), rules(random)).unwrap();
            symlink("rules", &at).unwrap();
            grown.files += 2;
        }
        1 => fs::create_dir(&at).unwrap(),
        2..24 => {
            fs::write(&at, rules(random)).unwrap();
            grown.files += 1;
        }
        _ => {}
    }
}

/// Every file of rules of a tree, for the message of a failure.
pub(crate) fn told(root: &Path) -> String {
    let mut told = String::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let at = entry.unwrap().path();
            if at.is_dir() && !at.is_symlink() {
                directories.push(at);
            } else if at.ends_with(".gitignore") || at.ends_with("info/exclude") {
                told += &format!(
                    "{}: {:?}\n",
                    at.display(),
                    String::from_utf8_lossy(&fs::read(&at).unwrap_or_default())
                );
            }
        }
    }
    told
}
