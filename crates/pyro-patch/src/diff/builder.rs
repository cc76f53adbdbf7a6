//! `DiffBuilder`: changes one at a time, a bounded patch of all of them at the end.

use super::changes::Effort;
use super::compare::diff_path;
use super::entry::{Entry, Form};
use super::left_out;
use super::options::DiffOptions;
use super::renames;
use crate::side::Side;
use pyro_protocol::TreePath;

/// Every change of a tree.
#[derive(Debug)]
pub struct Diff {
    /// The changed paths, sorted by their bytes.
    pub entries: Vec<Entry>,
}

/// Collects the changes of a tree.
pub struct DiffBuilder {
    options: DiffOptions,
    entries: Vec<Entry>,
    bytes: usize,
    effort: Effort,
}

impl DiffBuilder {
    /// Nothing yet.
    #[must_use]
    pub fn new(options: DiffOptions) -> Self {
        Self { options, entries: Vec::new(), bytes: 0, effort: Effort::default() }
    }

    /// Compare the two sides of a path; each path comes once, in any order.
    pub fn push(&mut self, path: &TreePath, old: Option<&Side>, new: Option<&Side>) {
        let Some(mut entry) = diff_path(path, old, new, &self.options, &mut self.effort) else {
            return;
        };
        if self.bytes + entry.patch.len() > self.options.patch_bytes {
            entry.leave_out();
        }
        self.bytes += entry.patch.len();
        self.entries.push(entry);
    }

    /// The changes, sorted, with renames found where they were asked for.
    #[must_use]
    pub fn finish(mut self) -> Diff {
        // As git sorts them: by the bytes of whole paths, not name by name.
        self.entries.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        let mut entries =
            if self.options.renames { renames::pair(self.entries) } else { self.entries };
        left_out::spread(&mut entries);
        Diff { entries }
    }
}

impl Diff {
    /// The patch, which `git apply` takes. Where it is not [complete](Self::is_complete), it lacks
    /// whole files.
    #[must_use]
    pub fn patch(&self) -> String {
        self.entries.iter().map(|entry| entry.patch.as_str()).collect()
    }

    /// Whether the patch carries every change that git could carry.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.left_out().next().is_none()
    }

    /// The changes that the patch lacks.
    pub fn left_out(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.form == Form::Named)
    }
}

#[cfg(test)]
mod tests {
    use super::{Diff, DiffBuilder};
    use crate::diff::{DiffOptions, Form, Status};
    use crate::side::{Content, Side};
    use pyro_protocol::TreePath;

    fn diff(options: DiffOptions, changes: &[(&str, Option<Side>, Option<Side>)]) -> Diff {
        let mut builder = DiffBuilder::new(options);
        for (path, old, new) in changes {
            builder.push(&TreePath::parse(path.as_bytes()).unwrap(), old.as_ref(), new.as_ref());
        }
        builder.finish()
    }

    fn file(mode: u32, bytes: &[u8]) -> Option<Side> {
        Some(Side::file(mode, bytes))
    }

    #[test]
    fn each_change_is_written_as_git_writes_it() {
        let link = || Some(Side::symlink("to"));
        for (path, old, new, patch) in [
            (
                "n",
                None,
                file(0o644, b"a\n"),
                "diff --git a/n b/n\nnew file mode 100644\nindex 0000000..7898192\n--- /dev/null\n\
                 +++ b/n\n\
                 @@ -0,0 +1 @@\n+a\n",
            ),
            (
                "e",
                None,
                file(0o755, b""),
                "diff --git a/e b/e\nnew file mode 100755\nindex 0000000..e69de29\n",
            ),
            (
                "d d",
                file(0o755, b"a\n"),
                None,
                "diff --git a/d d b/d d\ndeleted file mode 100755\nindex 7898192..0000000\n\
                 --- a/d d\t\n\
                 +++ /dev/null\n@@ -1 +0,0 @@\n-a\n",
            ),
            (
                "m",
                file(0o600, b"a\n"),
                file(0o700, b"a\n"),
                "diff --git a/m b/m\nold mode 100644\nnew mode 100755\n",
            ),
            (
                "é",
                file(0o644, b"a\n"),
                file(0o644, b"b"),
                "diff --git \"a/\\303\\251\" \"b/\\303\\251\"\nindex 7898192..63d8dbd 100644\n\
                 --- \"a/\\303\\251\"\n+++ \"b/\\303\\251\"\n@@ -1 +1 @@\n-a\n+b\n\
                 \\ No newline at end of file\n",
            ),
            (
                "t",
                file(0o644, b"a\n"),
                link(),
                "diff --git a/t b/t\ndeleted file mode 100644\nindex 7898192..0000000\n--- a/t\n\
                 +++ /dev/null\n\
                 @@ -1 +0,0 @@\n-a\ndiff --git a/t b/t\nnew file mode 120000\n\
                 index 0000000..788636f\n\
                 --- /dev/null\n+++ b/t\n@@ -0,0 +1 @@\n+to\n\\ No newline at end of file\n",
            ),
        ] {
            assert_eq!(diff(DiffOptions::default(), &[(path, old, new)]).patch(), patch);
        }
    }

    #[test]
    fn odd_things_are_listed_and_never_in_the_way() {
        let found = diff(
            DiffOptions::default(),
            &[
                ("pipe", None, Some(Side::Other)),
                ("empty", None, Some(Side::Directory)),
                (".git/HEAD", file(0o644, b"a"), file(0o644, b"b")),
                ("same", Some(Side::Other), Some(Side::Other)),
                ("only-bits", file(0o644, b"a"), file(0o600, b"a")),
                ("was-pipe", Some(Side::Other), file(0o644, b"a\n")),
            ],
        );
        let listed: Vec<_> =
            found.entries.iter().map(|e| (e.path.to_string(), e.status, e.form)).collect();
        assert_eq!(
            listed,
            [
                (".git/HEAD".to_owned(), Status::Modified, Form::None),
                ("empty".to_owned(), Status::Added, Form::None),
                ("pipe".to_owned(), Status::Added, Form::None),
                ("was-pipe".to_owned(), Status::TypeChanged, Form::Text),
            ]
        );
        assert!(found.is_complete());
        assert!(
            found.patch().starts_with("diff --git a/was-pipe b/was-pipe\nnew file mode 100644\n")
        );
    }

    #[test]
    fn what_is_too_large_is_left_out() {
        let large =
            |size| Some(Side::File { mode: 0o644, content: Content::Large { size, id: None } });
        let options = DiffOptions { literal_bytes: 10, patch_bytes: 160, ..DiffOptions::default() };
        let found = diff(
            options,
            &[
                ("huge", large(1), large(1)),
                ("bin", None, file(0o644, &[0; 11])),
                ("late", None, file(0o644, &[b'x'; 200])),
            ],
        );
        assert!(!found.is_complete());
        assert!(found.entries.iter().all(|entry| entry.form == Form::Named));
        assert_eq!((found.left_out().count(), found.patch().as_str()), (3, ""));
    }

    #[test]
    fn what_cannot_be_beside_a_file_that_is_left_out_is_left_out_too() {
        let large = || {
            Some(Side::File { mode: 0o644, content: Content::Large { size: 1 << 30, id: None } })
        };
        let changes = [
            // A large file becomes a directory; a directory with a large file becomes a file.
            ("a", large(), Some(Side::Directory)),
            ("a/x", None, file(0o644, b"x\n")),
            ("a-b", None, file(0o644, b"y\n")),
            ("d", Some(Side::Directory), file(0o644, b"d\n")),
            ("d/e/large", large(), None),
            ("d/small", file(0o644, b"s\n"), None),
            // What moves below the large file stays where it was, and so on.
            ("m", file(0o644, b"moved\n"), None),
            ("m/n", None, file(0o644, b"n\n")),
            ("a/m", None, file(0o644, b"moved\n")),
        ];
        let found = diff(DiffOptions { renames: true, ..DiffOptions::default() }, &changes);
        let left: Vec<_> = found.left_out().map(|entry| entry.path.to_string()).collect();
        assert_eq!(left, ["a", "a/m", "a/x", "d", "d/e/large", "m/n"]);
        assert!(
            found.patch().contains("diff --git a/a-b b/a-b\n")
                && found.patch().contains("diff --git a/d/small")
        );
    }

    #[test]
    fn a_long_chain_of_what_is_left_out_is_followed_in_no_time() {
        const LEN: usize = 20_000;
        // Each file moves to below where the next one was; the first one must stay. Their names
        // fall, as bad for a search from the beginning as can be.
        let name = |number: usize| format!("{:06}", LEN - number);
        let content = |number: usize| file(0o644, format!("{number}\n").as_bytes());
        let mut changes = vec![(
            name(0),
            Some(Side::File { mode: 0o644, content: Content::Large { size: 1 << 30, id: None } }),
            Some(Side::Directory),
        )];
        for number in 1..LEN {
            changes.push((name(number), content(number), None));
            changes.push((format!("{}/x", name(number - 1)), None, content(number)));
        }
        changes.sort_by(|one, other| one.0.cmp(&other.0));
        let changes: Vec<_> = changes
            .iter()
            .map(|(path, old, new)| (path.as_str(), old.clone(), new.clone()))
            .collect();
        let started = std::time::Instant::now();
        let found = diff(DiffOptions { renames: true, ..DiffOptions::default() }, &changes);
        assert_eq!(found.left_out().count(), LEN);
        assert!(started.elapsed() < std::time::Duration::from_secs(60), "{:?}", started.elapsed());
    }

    #[test]
    fn renames_need_the_very_same_content() {
        let options = DiffOptions { renames: true, ..DiffOptions::default() };
        let changes = [
            ("a", file(0o644, b"x\n"), None),
            ("b", None, file(0o755, b"x\n")),
            ("c", None, file(0o644, b"x\n")),
            ("d", file(0o644, b""), None),
            ("e", None, file(0o644, b"")),
        ];
        let found = diff(options, &changes);
        let listed: Vec<_> =
            found.entries.iter().map(|entry| (entry.path.to_string(), entry.status)).collect();
        let expected = [
            ("b", Status::Renamed),
            ("c", Status::Added),
            ("d", Status::Deleted),
            ("e", Status::Added),
        ];
        assert_eq!(listed, expected.map(|(path, status)| (path.to_owned(), status)));
        assert_eq!(
            found.entries[0].patch,
            "diff --git a/a b/b\nold mode 100644\nnew mode 100755\nsimilarity index 100%\n\
             rename from a\nrename to b\n"
        );
    }
}
