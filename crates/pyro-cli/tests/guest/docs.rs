//! The pages of `docs/`: every block of `bash` and `python` is executed as it stands there, and so
//! are the calls of tools in `json`; they print what the `text` blocks of their page say.

use crate::home::{Home, PYRO, stderr, stdout};
use crate::mcp::in_home;
use crate::python::Package;
use std::fmt::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

/// Pages whose blocks are executed elsewhere: `xtask/src/wheel.rs` and `xtask/src/chroots.rs`
/// install what a release is made of.
const ELSEWHERE: [&str; 1] = ["install.md"];

/// Pages that are written from what other tests hold.
const WRITTEN: [&str; 2] = ["python-api.md", "benchmarks.md"];

/// Longest run of a page, in seconds.
const LIMIT: &str = "600";

/// Makes the calls of a block.
const CALLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guest/calls.py");

/// What ends a program in Python, or calls of tools; no block has such a line.
const END: &str = "END_OF_THE_BLOCK";

/// A fenced block.
struct Block {
    language: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut open) = (Vec::new(), None::<Block>);
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                open = Some(Block { language: language.to_owned(), text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block has no end");
    blocks
}

/// All blocks of a page as one script of a shell that stops where one fails.
fn script(blocks: &[Block]) -> String {
    let mut script = "set -eo pipefail\n".to_owned();
    for block in blocks {
        match block.language.as_str() {
            "bash" => script.push_str(&block.text),
            "python" => writeln!(script, "python3 - <<'{END}'\n{}{END}", block.text).unwrap(),
            "json" => writeln!(script, "python3 {CALLS} <<'{END}'\n{}{END}", block.text).unwrap(),
            "text" => {}
            other => panic!("a block of {other:?} is not executed: is it text?"),
        }
    }
    script
}

/// A web server: `GET /A+B` gives what `./slug` makes of it.
const SERVE: &str = r#"#!/usr/bin/perl
use IO::Socket::INET;
$| = 1;
$SIG{PIPE} = "IGNORE";
my @at = (LocalAddr => "127.0.0.1", LocalPort => 8080, ReuseAddr => 1);
my $server = IO::Socket::INET->new(Listen => 9, @at) or die "cannot listen: $!\n";
while (my $client = $server->accept) {
    my ($title) = (<$client> // "") =~ m{^GET /(\S*)};
    while (my $header = <$client>) { last if $header eq "\r\n" }
    $title =~ tr/+/ /;
    open my $slug, "-|", "./slug", $title or die "cannot start ./slug: $!\n";
    print "asked for $title\n";
    print $client "HTTP/1.0 200 OK\r\n\r\n", <$slug>;
    close $client;
}
"#;

/// The checkout that pages work on.
fn project(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    for (name, text) in [
        ("slug", "#!/bin/sh\necho \"$1\" | tr 'A-Z ' 'a-z-'\n"),
        ("check", "#!/bin/sh\ntest \"$(./slug \"A B\")\" = a-b && echo ok\n"),
        ("serve", SERVE),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let commit = "git init -q . && git add -A && git -c user.name=a -c user.email=a@b commit -qm a";
    let made = Command::new("sh").args(["-c", commit]).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{}", stderr(&made));
}

fn read(page: &Path) -> Vec<Block> {
    blocks(&std::fs::read_to_string(page).unwrap())
}

/// Execute pages, each in a checkout of its own.
fn pages(home: &Home, pages: &[PathBuf]) {
    let Some(package) = Package::new() else { return };
    let bin = home.path().join("pyro-bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(PYRO, bin.join("pyro")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    for page in pages {
        let name = page.strip_prefix(DOCS).unwrap().display().to_string();
        let blocks = read(page);
        let folder = home.path().join(name.replace('/', "-"));
        project(&folder);
        let mut shell = in_home(home, "timeout");
        shell.args([LIMIT, "bash", "-c", &script(&blocks)]).current_dir(&folder);
        shell.env("PATH", &path).env("PYRO_PROGRAM", PYRO);
        shell.env("PYTHONPATH", package.path()).env("PYTHONDONTWRITEBYTECODE", "1");
        let output = shell.output().unwrap();
        let (printed, told) = (stdout(&output), stderr(&output));
        assert!(output.status.success(), "{name}: {}\n{printed}\n{told}", output.status);
        for block in blocks.iter().filter(|block| block.language == "text") {
            assert!(printed.contains(&block.text), "{name}: {}\n{printed}", block.text);
        }
    }
}

fn in_folder(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(DOCS).join(folder)).unwrap().flatten();
    let mut pages: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    pages.retain(|page| {
        let name = page.file_name().unwrap().to_str().unwrap();
        name.ends_with(".md") && !ELSEWHERE.contains(&name) && !WRITTEN.contains(&name)
    });
    pages.sort();
    assert!(pages.len() > 4, "{pages:?}");
    pages
}

#[test]
fn the_pages_do_what_they_say() {
    pages(&Home::tcg(), &in_folder(""));
}

#[test]
fn the_use_cases_do_what_they_say() {
    pages(&Home::tcg(), &in_folder("use-cases"));
}

#[test]
fn links_of_pages_lead_somewhere() {
    for folder in ["", "use-cases"] {
        for page in std::fs::read_dir(Path::new(DOCS).join(folder)).unwrap().flatten() {
            if page.path().extension().is_none_or(|end| end != "md") {
                continue;
            }
            let text = std::fs::read_to_string(page.path()).unwrap();
            for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let link = link.split('#').next().unwrap();
                if link.is_empty() || link.contains("://") {
                    continue;
                }
                let target = page.path().parent().unwrap().join(link);
                assert!(target.exists(), "{}: {link}", page.path().display());
            }
        }
    }
}
