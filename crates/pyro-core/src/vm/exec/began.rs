//! `Began`: whether a command may have begun to run.

use std::sync::atomic::{AtomicU8, Ordering};

/// The guest was not asked to run it, or refused.
const NO: u8 = 0;
/// The guest was asked, and may have taken it up.
const ASKED: u8 = 1;
/// The guest said that it runs.
const RUNS: u8 = 2;

/// Whether a command may have begun to run; at first it has not.
#[derive(Debug, Default)]
pub struct Began(AtomicU8);

impl Began {
    /// The guest is asked to run it: what was sent may be taken up, whatever becomes of the
    /// connection.
    pub(super) fn ask(&self) {
        self.0.store(ASKED, Ordering::Relaxed);
    }

    /// The guest said that it runs.
    pub(super) fn runs(&self) {
        self.0.store(RUNS, Ordering::Relaxed);
    }

    /// The guest refused to run it.
    pub(super) fn refused(&self) {
        self.0.store(NO, Ordering::Relaxed);
    }

    /// Whether it has certainly not begun.
    pub(crate) fn is_impossible(&self) -> bool {
        self.0.load(Ordering::Relaxed) == NO
    }

    /// True and false where it is known; none where nobody can say.
    pub(crate) fn may_have_run(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            NO => Some(false),
            RUNS => Some(true),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Began;

    #[test]
    fn only_an_answer_makes_it_certain() {
        let began = Began::default();
        assert_eq!(began.may_have_run(), Some(false));
        began.ask();
        assert_eq!((began.may_have_run(), began.is_impossible()), (None, false));
        began.runs();
        assert_eq!(began.may_have_run(), Some(true));
        began.refused();
        assert!(began.is_impossible());
    }
}
