//! `Budget`: how much work a patch may make, so that no patch makes the host search for ever.

/// Steps that are left; a step compares two lines, or moves one.
#[derive(Debug)]
pub(crate) struct Budget(u64);

/// The work is used up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spent;

impl Default for Budget {
    /// Under a second on a slow host.
    fn default() -> Self {
        Self(1 << 27)
    }
}

impl Budget {
    /// A budget of so many steps.
    #[must_use]
    pub(crate) fn new(steps: u64) -> Self {
        Self(steps)
    }

    /// Take steps.
    ///
    /// # Errors
    /// [`Spent`] when there are not as many.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), Spent> {
        self.0 = self.0.checked_sub(steps as u64).ok_or(Spent)?;
        Ok(())
    }
}
