//! `Rules`: one file of ignore rules, read and matched as git's `dir.c` does it. Pure.
//!
//! The globs themselves are matched by `gix-glob`, which follows git's `wildmatch.c`. What git does
//! around it is short and full of exceptions (what a line is, which part of a pattern is compared
//! literally), so it is written out here as git has it.

use gix_glob::wildmatch::Mode;

/// Most `**` of one pattern. Each can double the time of a match that fails; git has no such limit.
const MAX_DOUBLE_STARS: usize = 8;

/// Longest pattern, in bytes: each can be compared with every part of a path. No path is longer;
/// git has no such limit.
const MAX_PATTERN_LEN: usize = 4096;

/// The rules of one file, in its order.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    /// What it costs to judge any path by all of them, in units of one comparison of names.
    cost: u64,
    /// What it may cost beside that for each 64 bytes of the path.
    cost_by_length: u64,
}

#[derive(Debug)]
struct Rule {
    pattern: Vec<u8>,
    /// How often it may be compared: each `**` can double that.
    times: u64,
    /// Length of the part that is compared literally.
    literal: usize,
    takes_back: bool,
    only_directories: bool,
    /// Without a slash: compared with the last name of a path.
    is_name: bool,
}

impl Rules {
    /// The rules that a file holds.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let rules: Vec<Rule> = text.split(|byte| *byte == b'\n').filter_map(Rule::parse).collect();
        let cost = rules.iter().map(|rule| rule.times).sum();
        // A part of a pattern can be compared with each part of a path.
        let globs = rules.iter().filter(|rule| rule.literal < rule.pattern.len());
        let cost_by_length =
            globs.map(|rule| rule.times.saturating_mul(rule.pattern.len() as u64)).sum();
        Self { rules, cost, cost_by_length }
    }

    /// What it may cost to judge a path of this length, in units of one comparison of names:
    /// whoever wrote the rules chose it.
    #[must_use]
    pub fn cost(&self, length: usize) -> u64 {
        self.cost.saturating_add(self.cost_by_length.saturating_mul(length as u64) / 64)
    }

    /// How many rules there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rules.len()
    }

    /// Whether a path, relative to where the rules stand, is ignored; none where no rule says
    /// anything. The last rule decides.
    #[must_use]
    pub fn judge(&self, path: &[u8], is_dir: bool) -> Option<bool> {
        let name =
            path.iter().rposition(|byte| *byte == b'/').map_or(path, |slash| &path[slash + 1..]);
        let rule = self.rules.iter().rev().find(|rule| rule.matches(path, name, is_dir))?;
        Some(!rule.takes_back)
    }
}

impl Rule {
    fn parse(line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first() == Some(&b'#') {
            return None;
        }
        // For git a line is a C string.
        let end = line.iter().position(|byte| *byte == 0).unwrap_or(line.len());
        let line = without_trailing_spaces(&line[..end]);
        let (takes_back, pattern) =
            line.strip_prefix(b"!").map_or((false, line), |rest| (true, rest));
        let (only_directories, pattern) =
            pattern.strip_suffix(b"/").map_or((false, pattern), |rest| (true, rest));
        let is_name = !pattern.contains(&b'/');
        // One slash at the beginning says where the rule holds, and is no part of the path.
        let pattern = pattern.strip_prefix(b"/").unwrap_or(pattern);
        let double_stars = pattern.windows(2).filter(|pair| pair == b"**").count();
        if pattern.is_empty() || pattern.len() > MAX_PATTERN_LEN || double_stars > MAX_DOUBLE_STARS
        {
            return None;
        }
        let literal =
            pattern.iter().position(|byte| b"*?[\\".contains(byte)).unwrap_or(pattern.len());
        let times = 1 << double_stars;
        Some(Self {
            pattern: pattern.to_vec(),
            times,
            literal,
            takes_back,
            only_directories,
            is_name,
        })
    }

    fn matches(&self, path: &[u8], name: &[u8], is_dir: bool) -> bool {
        if self.only_directories && !is_dir {
            return false;
        }
        if self.is_name {
            return match self.literal < self.pattern.len() {
                true => glob(&self.pattern, name),
                false => self.pattern == name,
            };
        }
        // Git compares what stands before the first wildcard and matches only the rest: a '**'
        // behind it counts as one at the beginning.
        let (literal, rest) = self.pattern.split_at(self.literal);
        path.strip_prefix(literal)
            .is_some_and(|path| if rest.is_empty() { path.is_empty() } else { glob(rest, path) })
    }
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    gix_glob::wildmatch(pattern.into(), text.into(), Mode::NO_MATCH_SLASH_LITERAL)
}

/// Spaces at the end go, a last one after a backslash stays; tabs are part of a name.
fn without_trailing_spaces(line: &[u8]) -> &[u8] {
    let mut end = 0;
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            b' ' => at += 1,
            b'\\' => {
                // A backslash at the end keeps what stands before it, as in git.
                at += 2;
                if at > line.len() {
                    return line;
                }
                end = at;
            }
            _ => {
                at += 1;
                end = at;
            }
        }
    }
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::Rules;

    #[test]
    fn lines_are_what_they_are_for_git() {
        for (text, path, ignored) in [
            (&b"*.py{}"[..], &b"main.py"[..], None),
            (b"foo\t", b"foo", None),
            (b"foo\t", b"foo\t", Some(true)),
            (b"foo  ", b"foo", Some(true)),
            (b"foo\\ ", b"foo ", Some(true)),
            (b"\xef\xbb\xbffirst\r\nlast\r", b"first", Some(true)),
            (b"\xef\xbb\xbffirst\r\nlast\r", b"last", Some(true)),
            (b"foo\0bar", b"foo", Some(true)),
            (b"*.env\n!\n", b"prod.env", Some(true)),
            (b"key[[:digit:]].pem", b"key1.pem", Some(true)),
            (b"\\#x", b"#x", Some(true)),
            (b"\\!x", b"!x", Some(true)),
            (b"#x", b"#x", None),
            (b"[a]", b"[a]", None),
            (b"foo**/bar", b"fooa/b/bar", Some(true)),
            (b"*.log\n!keep.log", b"keep.log", Some(false)),
            (b"/", b"a", None),
            (b"\xff*", b"\xff\xfe", Some(true)),
        ] {
            let shown = (String::from_utf8_lossy(text), String::from_utf8_lossy(path));
            assert_eq!(Rules::parse(text).judge(path, false), ignored, "{shown:?}");
        }
    }

    #[test]
    fn what_a_rule_may_cost_grows_with_its_length_and_that_of_the_path() {
        let class = |len: usize| [b"*[", b"b".repeat(len).as_slice(), b"]*c"].concat();
        assert_eq!(Rules::parse(&class(8000)).count(), 0, "too long");
        let rules = Rules::parse(&class(4000));
        assert!(rules.cost(4000) > 200_000, "{}", rules.cost(4000));
        assert!(rules.cost(10) < 1000, "{}", rules.cost(10));
        assert_eq!(Rules::parse(b"a\nb\n").cost(4000), 2);
    }

    #[test]
    fn a_rule_that_would_take_for_ever_is_none_and_the_others_hold() {
        let text = [b"**/a/".repeat(40).as_slice(), b"b\nkept"].concat();
        let path = b"a/".repeat(1000);
        assert_eq!(Rules::parse(&text).judge(&path[..path.len() - 1], false), None);
        assert_eq!(Rules::parse(&text).judge(b"kept", false), Some(true));
    }
}
