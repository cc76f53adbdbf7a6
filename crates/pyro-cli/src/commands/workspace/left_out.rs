//! Lines on stderr for what did not come into a workspace, or out of it, with the rest.

use super::summary::one_line;
use crate::printer;
use pyro_core::LeftOut;
use std::collections::BTreeMap;

/// Names that one line shows.
const MAX_SHOWN: usize = 5;

/// Say what was left out; `topic` begins each line. `count` is that of all, also of those that are
/// not named.
pub(super) fn say(topic: &str, named: &[LeftOut], count: u64) {
    for line in lines(topic, named, count) {
        printer::talk(&line);
    }
}

fn lines(topic: &str, named: &[LeftOut], count: u64) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in named {
        reasons.entry(&one.why).or_default().push(one_line(&one.path));
    }
    let (mut lines, mut shown) = (Vec::new(), 0);
    for (why, paths) in &reasons {
        let first = &paths[..paths.len().min(MAX_SHOWN)];
        shown += first.len() as u64;
        lines.push(format!("[{topic}] {}: {why}", first.join(", ")));
    }
    if count > shown {
        lines.push(format!("[{topic}] {} more were left out, or not carried whole", count - shown));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_first_few_of_each_kind() {
        let left_out =
            |path: &str, why: &str| LeftOut { path: path.to_owned(), why: why.to_owned() };
        let pipe = "left out: it is a named pipe";
        let mut named: Vec<_> =
            ["a", "b", "c", "d", "e", "f\n"].iter().map(|path| left_out(path, pipe)).collect();
        named.push(left_out("s", "left out: it is a socket"));
        let expected = [
            "[x] a, b, c, d, e: left out: it is a named pipe",
            "[x] s: left out: it is a socket",
            "[x] 34 more were left out, or not carried whole",
        ];
        assert_eq!(lines("x", &named, 40), expected);
        assert_eq!(lines("x", &named[..1], 1), ["[x] a: left out: it is a named pipe"]);
        assert!(lines("x", &[], 0).is_empty());
    }
}
