//! Staged changes put in force: as a whole or not at all.

use crate::site::{self, Site, failed, guest, seen, step, within};
use crate::{list, seed};
use pyro_core::testing::guest::{stage, tree};
use pyro_protocol::files::{Commit, Into, Recovered, Stage};
use pyro_protocol::message::FailureKind;
use pyro_protocol::tree::{Action, Expect, Kind, Step, Time};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A tree, and what is staged for it.
fn make(root: &Path, staged: &Path) {
    fs::create_dir_all(root.join("sub/deep")).unwrap();
    for (name, text) in
        [("keep", "keep"), ("old", "old"), ("gone", "gone"), ("sub/f", "f"), ("sub/deep/x", "x")]
    {
        fs::write(root.join(name), text).unwrap();
    }
    std::os::unix::fs::symlink("sub", root.join("link")).unwrap();
    fs::create_dir_all(staged.join("newdir/in")).unwrap();
    fs::create_dir_all(staged.join("sub")).unwrap();
    fs::create_dir_all(staged.join("link")).unwrap();
    for (name, text) in
        [("old", "new"), ("newdir/in/f", "nf"), ("sub/deep", "now a file"), ("link/x", "no")]
    {
        fs::write(staged.join(name), text).unwrap();
    }
}

#[tokio::test]
async fn a_plan_is_done_as_a_whole_or_not_at_all() {
    let site = Site::start().await;
    let (tree_root, staged) = (site.path("w"), site.path("staged"));
    make(&tree_root, &staged);
    let area = guest(&site.path(".pyro"));
    let manifest =
        within(tree::manifest(site.stream().await, list(&tree_root), 100)).await.unwrap();
    let same = |path: &str| {
        Expect::same(
            &manifest.iter().find(|entry| entry.path.as_bytes() == path.as_bytes()).unwrap().meta,
        )
    };
    let before = seen(&tree_root);
    let good = vec![
        step("old", same("old"), Action::Put),
        step("newdir", Expect::Absent, Action::Put),
        step("sub/deep", Expect::Kind(Kind::Directory), Action::Put),
        step("gone", same("gone"), Action::Delete),
        step(
            "keep",
            same("keep"),
            Action::Set { mode: Some(0o600), mtime: Some(Time { seconds: 7, nanoseconds: 9 }) },
        ),
    ];
    let with = |extra: Step| good.iter().cloned().chain([extra]).collect::<Vec<_>>();
    let stale = Expect::Same { kind: Kind::File, ino: 1, size: 1, mtime: Time::default() };
    let cases = [
        (with(step("sub/f", stale, Action::Delete)), FailureKind::Conflict, "sub/f"),
        (with(step("sub/f", Expect::Absent, Action::Delete)), FailureKind::Conflict, "sub/f"),
        (with(step("link/x", Expect::Any, Action::Put)), FailureKind::Conflict, "link/x"),
        (
            with(step("missing/x", Expect::Kind(Kind::File), Action::Delete)),
            FailureKind::Conflict,
            "missing/x",
        ),
        (
            with(step("sub/f", Expect::Any, Action::Put)),
            FailureKind::InvalidInput,
            "sub/f is not staged",
        ),
        (
            with(step("newdir/in", Expect::Any, Action::Delete)),
            FailureKind::InvalidInput,
            "below newdir",
        ),
        (with(step("", Expect::Any, Action::Delete)), FailureKind::InvalidInput, "root"),
    ];
    for (id, (steps, kind, words)) in (1..).zip(cases) {
        let into = Stage { area: area.clone(), id };
        seed(&site, &staged, Into::Stage(into.clone())).await.unwrap();
        let request = Commit { stage: into, root: guest(&tree_root) };
        let failure = failed(within(stage::commit(site.stream().await, request, &steps)).await);
        assert!(failure.kind == kind && failure.message.contains(words), "{failure:?}");
        assert_eq!(seen(&tree_root), before, "{words}");
    }
    let into = Stage { area: area.clone(), id: 99 };
    seed(&site, &staged, Into::Stage(into.clone())).await.unwrap();
    within(stage::commit(
        site.stream().await,
        Commit { stage: into, root: guest(&tree_root) },
        &good,
    ))
    .await
    .unwrap();
    let text = |name: &str| fs::read_to_string(tree_root.join(name)).ok();
    assert_eq!(text("old").unwrap(), "new");
    assert_eq!(text("newdir/in/f").unwrap(), "nf");
    assert_eq!(text("sub/deep").unwrap(), "now a file");
    assert_eq!((text("gone"), text("keep").unwrap()), (None, "keep".into()));
    let keep = fs::metadata(tree_root.join("keep")).unwrap();
    assert_eq!((keep.mode() & 0o7777, keep.mtime(), keep.mtime_nsec()), (0o600, 7, 9));
    site::until(|| fs::read_dir(site.path(".pyro")).unwrap().count() == 0).await;
    // What is staged and never committed goes with the next recovery.
    seed(&site, &staged, Into::Stage(Stage { area: area.clone(), id: 100 })).await.unwrap();
    let recovered = within(stage::recover(site.stream().await, area.clone())).await.unwrap();
    assert_eq!(recovered, Recovered { finished: 0, removed: 1, set_aside: Vec::new() });
    let none =
        within(stage::recover(site.stream().await, guest(&site.path("no/area")))).await.unwrap();
    assert_eq!(none, Recovered { finished: 0, removed: 0, set_aside: Vec::new() });
    site.end().await;
}

/// Marks a file so that not even root renames it, and takes the mark away again.
struct Immutable(std::path::PathBuf);

impl Immutable {
    fn mark(path: &Path) -> Option<Self> {
        let done = std::process::Command::new("chattr").arg("+i").arg(path).output();
        done.is_ok_and(|out| out.status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        let _ = std::process::Command::new("chattr").arg("-i").arg(&self.0).output();
    }
}

#[tokio::test]
async fn a_step_that_fails_in_the_middle_is_undone_with_all_before_it() {
    let site = Site::start().await;
    let (root, staged) = (site.path("w"), site.path("staged"));
    fs::create_dir_all(&root).unwrap();
    fs::create_dir_all(staged.join("fresh")).unwrap();
    for name in ["a", "gone", "stuck"] {
        fs::write(root.join(name), name).unwrap();
    }
    for name in ["a", "fresh/f"] {
        fs::write(staged.join(name), "new").unwrap();
    }
    let Some(mark) = Immutable::mark(&root.join("stuck")) else {
        assert!(
            std::env::var_os("PYRO_TEST_STRICT").is_none_or(|strict| strict != "1"),
            "cannot mark a file"
        );
        println!("skipped: only root on a filesystem with immutable files can make a rename fail");
        return;
    };
    let before = seen(&root);
    let into = Stage { area: guest(&site.path(".pyro")), id: 1 };
    seed(&site, &staged, Into::Stage(into.clone())).await.unwrap();
    let steps = [
        step("a", Expect::Any, Action::Put),
        step("fresh", Expect::Absent, Action::Put),
        step("gone", Expect::Any, Action::Delete),
        step("stuck", Expect::Any, Action::Delete),
    ];
    let request = Commit { stage: into, root: guest(&root) };
    let failure = failed(within(stage::commit(site.stream().await, request, &steps)).await);
    drop(mark);
    assert!(failure.message.contains("stuck"), "{failure:?}");
    // The root's own time is that of the renames; all that it holds is as it was.
    assert_eq!(seen(&root)[1..], before[1..]);
    let recovered =
        within(stage::recover(site.stream().await, guest(&site.path(".pyro")))).await.unwrap();
    assert_eq!(recovered.finished, 0, "the plan that failed is not in force");
    site.end().await;
}

#[tokio::test]
async fn a_stage_that_cannot_be_mended_lies_aside() {
    let site = Site::start().await;
    let area = site.path(".pyro");
    for (id, make) in [(1_u64, "damaged"), (2, "no file"), (3, "fine")] {
        let stage = area.join(Stage { area: guest(&area), id }.name());
        fs::create_dir_all(&stage).unwrap();
        match make {
            "damaged" => fs::write(stage.join("plan"), "nonsense").unwrap(),
            "no file" => fs::create_dir(stage.join("plan")).unwrap(),
            _ => {}
        }
    }
    let recovered = within(stage::recover(site.stream().await, guest(&area))).await.unwrap();
    assert_eq!(
        (recovered.finished, recovered.removed, recovered.set_aside.len()),
        (0, 1, 2),
        "{recovered:?}"
    );
    assert!(
        recovered.set_aside.iter().all(|told| told.starts_with("aside-stage-")),
        "{recovered:?}"
    );
    let again = within(stage::recover(site.stream().await, guest(&area))).await.unwrap();
    assert_eq!(again, Recovered { finished: 0, removed: 0, set_aside: Vec::new() });
    assert_eq!(fs::read_dir(&area).unwrap().count(), 2);
    site.end().await;
}
