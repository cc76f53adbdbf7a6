//! The agent killed before each system call of a commit: after a recovery the tree is the old one
//! or the new one, whole.

use crate::site::{Site, guest, seen, step, within};
use pyro_core::testing::guest::{archive, stage};
use pyro_core::testing::{HostTreeError, host_tree};
use pyro_protocol::files::{Commit, Into, Stage, Unpack};
use pyro_protocol::tree::{Action, Expect};
use std::fs;
use std::path::Path;

fn prepare(root: &Path, staged: &Path) {
    fs::create_dir_all(root.join("d")).unwrap();
    for name in ["a", "b", "d/x", "gone"] {
        fs::write(root.join(name), format!("old {name}")).unwrap();
    }
    fs::create_dir_all(staged.join("d")).unwrap();
    fs::create_dir_all(staged.join("n/m")).unwrap();
    for name in ["a", "b", "d/x", "d/y", "n/m/f"] {
        fs::write(staged.join(name), format!("new {name}")).unwrap();
    }
}

/// Names and contents, which say all of old and new here.
fn state(root: &Path) -> Vec<String> {
    seen(root)
        .into_iter()
        .map(|seen| {
            format!("{seen:?}").split("mtime").next().unwrap().to_owned()
                + &format!(
                    "{:?}",
                    fs::read(root.join(String::from_utf8_lossy(seen.path.as_bytes()).as_ref()))
                        .ok()
                )
        })
        .collect()
}

/// A stage, made by an agent that lives.
async fn stage_made(dir: tempfile::TempDir, staged: &Path) -> (tempfile::TempDir, Stage) {
    let site = Site::start_under(dir, &[]).await;
    let into = Stage { area: guest(&site.path(".pyro")), id: 7 };
    let request = Unpack { into: Into::Stage(into.clone()), owners: false };
    let from = staged.to_owned();
    within(archive::unpack(site.stream().await, request, move |outlet| {
        host_tree::send(&from, None, |batch| {
            outlet.send(batch).map_err(|_| HostTreeError::Refused(vec![], 0))
        })
    }))
    .await
    .unwrap();
    (site.end().await, into)
}

#[tokio::test]
async fn a_commit_that_is_cut_off_anywhere_is_done_or_not_done() {
    if !Path::new("/usr/bin/strace").exists() {
        assert!(
            std::env::var_os("PYRO_TEST_STRICT").is_none_or(|strict| strict != "1"),
            "strace is needed"
        );
        println!("skipped: strace is needed to cut the agent off at each system call");
        return;
    }
    let calls =
        ["renameat2", "renameat", "unlinkat", "syncfs", "fsync", "mkdirat", "utimensat", "chmod"];
    let (mut old_seen, mut new_seen) = (0, 0);
    for call in calls {
        for when in 1.. {
            let dir = tempfile::tempdir().unwrap();
            let (root, staged) = (dir.path().join("w"), dir.path().join("staged"));
            prepare(&root, &staged);
            let old = state(&root);
            let (dir, into) = stage_made(dir, &staged).await;
            let wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e"].map(str::to_owned);
            let inject = [
                format!("trace={call}"),
                "-e".into(),
                format!("inject={call}:signal=KILL:when={when}"),
            ];
            let wrapper: Vec<String> = wrapper.into_iter().chain(inject).collect();
            let site = Site::start_under(dir, &wrapper).await;
            let set = Action::Set {
                mode: Some(0o600),
                mtime: Some(pyro_protocol::tree::Time::default()),
            };
            let steps = [
                step("a", Expect::Any, Action::Put),
                step("d/y", Expect::Absent, Action::Put),
                step("gone", Expect::Any, Action::Delete),
                step("d/x", Expect::Any, Action::Put),
                step("n", Expect::Absent, Action::Put),
                step("b", Expect::Any, set),
            ];
            let request = Commit { stage: into, root: guest(&root) };
            let done = within(stage::commit(site.stream().await, request, &steps)).await;
            let dir = site.end().await;
            // Mended by the next one.
            let site = Site::start_under(dir, &[]).await;
            let area = guest(&site.path(".pyro"));
            within(stage::recover(site.stream().await, area)).await.unwrap();
            let now = state(&root);
            let text = |name: &str| fs::read_to_string(root.join(name)).unwrap_or_default();
            let words =
                [text("a"), text("d/x"), text("d/y"), text("n/m/f"), text("gone"), text("b")];
            if now == old {
                assert!(done.is_err(), "{call} {when}: said to be done and is not");
                old_seen += 1;
            } else {
                assert_eq!(
                    words,
                    ["new a", "new d/x", "new d/y", "new n/m/f", "", "old b"],
                    "{call} {when}: half a plan"
                );
                let mode =
                    std::os::unix::fs::MetadataExt::mode(&fs::metadata(root.join("b")).unwrap());
                assert_eq!(mode & 0o777, 0o600, "{call} {when}");
                new_seen += 1;
            }
            assert_eq!(
                fs::read_dir(site.path(".pyro")).unwrap().count(),
                0,
                "{call} {when}: a stage is left"
            );
            site.end().await;
            if done.is_ok() {
                break;
            }
            assert!(when < 100, "{call} never came to its end");
        }
    }
    // Both sides of the moment at which the plan is in force were met; few calls come before it.
    assert!(old_seen >= 3 && new_seen > calls.len(), "{old_seen} old, {new_seen} new");
}
