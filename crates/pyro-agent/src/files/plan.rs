//! The plan: what a commit will do, as it lies in the stage while it is in force. Pure.
//!
//! It names the nodes by their inode numbers, so that after a crash it is known of each step
//! whether it was done.

use pyro_protocol::GuestPath;
use pyro_protocol::tree::{Action, Batch, Record, Records, Step};
use std::collections::BTreeMap;

/// First bytes of a plan.
const MAGIC: &[u8; 8] = b"pyroplan";

/// Longest plan, in bytes.
pub(super) const MAX_LEN: usize = 256 * 1024 * 1024;

/// Most steps of a plan.
pub(super) const MAX_STEPS: usize = 1_000_000;

/// A step, and the nodes that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// The step.
    pub(super) step: Step,
    /// Inode of what is put; 0 when nothing is.
    pub(super) staged_ino: u64,
    /// Inode of what is there before; 0 when nothing is.
    pub(super) old_ino: u64,
}

/// A whole plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The tree that is changed.
    pub(super) root: GuestPath,
    /// Its steps, in the order in which they are done.
    pub(super) steps: Vec<Planned>,
}

/// What a list of steps is not allowed to be.
pub(super) fn check(steps: &[Step]) -> Result<(), String> {
    let mut sorted: BTreeMap<_, &Step> = BTreeMap::new();
    for step in steps {
        if sorted.insert(&step.path, step).is_some() {
            return Err(format!("{} is in the plan twice", step.path));
        }
        if step.path.is_root() && !matches!(step.action, Action::Set { .. }) {
            return Err("the tree's root itself cannot be replaced".to_owned());
        }
    }
    // In the order of a walk all that lies below a path follows it at once.
    let mut above: Option<&Step> = None;
    for step in sorted.into_values() {
        match above {
            Some(above) if step.path.is_within(&above.path) => {
                return Err(format!(
                    "{} lies below {}, which goes as a whole",
                    step.path, above.path
                ));
            }
            _ => above = (!matches!(step.action, Action::Set { .. })).then_some(step),
        }
    }
    Ok(())
}

/// Puts and deletes come first: they change the times of the directories that are then set.
pub(super) fn order(steps: &mut [Step]) {
    steps.sort_by_key(|step| matches!(step.action, Action::Set { .. }));
}

impl Plan {
    /// As it lies in the stage.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let root = self.root.as_bytes();
        bytes.extend_from_slice(&(root.len() as u64).to_le_bytes());
        bytes.extend_from_slice(root);
        bytes.extend_from_slice(&(self.steps.len() as u64).to_le_bytes());
        let mut batch = Batch::default();
        for planned in &self.steps {
            bytes.extend_from_slice(&planned.staged_ino.to_le_bytes());
            bytes.extend_from_slice(&planned.old_ino.to_le_bytes());
            batch.step(&planned.step);
        }
        bytes.extend_from_slice(batch.payload());
        bytes
    }

    /// The plan in these bytes; `None` when they are not exactly one.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let number = |rest: &mut &[u8]| {
            let (number, after) = rest.split_first_chunk::<8>()?;
            *rest = after;
            Some(u64::from_le_bytes(*number))
        };
        let root_len = usize::try_from(number(&mut rest)?).ok()?;
        let (root, after) = rest.split_at_checked(root_len)?;
        rest = after;
        let count = usize::try_from(number(&mut rest)?).ok().filter(|count| *count <= MAX_STEPS)?;
        let mut inodes = Vec::new();
        for _ in 0..count {
            inodes.push((number(&mut rest)?, number(&mut rest)?));
        }
        let mut steps = Vec::new();
        for (record, (staged_ino, old_ino)) in Records::new(rest).zip(&inodes) {
            let Ok(Record::Step(step)) = record else { return None };
            steps.push(Planned { step, staged_ino: *staged_ino, old_ino: *old_ino });
        }
        let whole = steps.len() == count && Records::new(rest).nth(count).is_none();
        let root = GuestPath::parse(root).ok()?;
        whole.then_some(Self { root, steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::TreePath;
    use pyro_protocol::tree::{Expect, Time};

    fn step(path: &str, action: Action) -> Step {
        Step { path: TreePath::parse(path.as_bytes()).unwrap(), expect: Expect::Absent, action }
    }

    const SET: Action =
        Action::Set { mode: Some(0o600), mtime: Some(Time { seconds: -1, nanoseconds: 5 }) };

    #[test]
    fn a_plan_comes_back_whole_or_not_at_all() {
        let steps = [step("a/b", Action::Put), step("c", Action::Delete), step("", SET)];
        let steps = steps.into_iter().zip(1..).map(|(step, staged_ino)| Planned {
            step,
            staged_ino,
            old_ino: 9,
        });
        let plan = Plan { root: GuestPath::parse(b"/w").unwrap(), steps: steps.collect() };
        let bytes = plan.encode();
        assert_eq!(Plan::decode(&bytes), Some(plan));
        for len in 0..bytes.len() {
            assert_eq!(Plan::decode(&bytes[..len]), None, "{len}");
        }
        assert_eq!(Plan::decode(&[bytes.as_slice(), &[0]].concat()), None);
    }

    #[test]
    fn steps_that_are_in_each_others_way_are_refused() {
        let cases = [
            (vec![step("a", Action::Put), step("a", Action::Delete)], Some("twice")),
            (vec![step("a/b", Action::Put), step("a", Action::Put)], Some("a/b lies below a")),
            (vec![step("a", Action::Delete), step("a/b/c", SET)], Some("a/b/c lies below a")),
            (vec![step("", Action::Delete)], Some("root itself")),
            (vec![step("a", SET), step("a/b", Action::Put), step("a-b", Action::Put)], None),
            (
                vec![step("a", Action::Put), step("a-b", Action::Put), step("a/b", SET)],
                Some("a/b lies below a"),
            ),
        ];
        for (steps, words) in cases {
            match (check(&steps), words) {
                (Ok(()), None) => {}
                (Err(text), Some(words)) => assert!(text.contains(words), "{text}"),
                (met, expected) => panic!("{met:?}, expected {expected:?}"),
            }
        }
    }
}
