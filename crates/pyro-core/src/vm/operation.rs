//! Operations on a vm that stays.

/// What somebody wants with a vm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Boot it, from the disk that it has.
    Start,
    /// Run a command in it.
    Exec,
    /// End the guest in order and keep its disk.
    Stop,
    /// Remove everything of it.
    Delete,
    /// Look at it.
    Status,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 5] = [Self::Start, Self::Exec, Self::Stop, Self::Delete, Self::Status];

    /// As a verb.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Exec => "exec",
            Self::Stop => "stop",
            Self::Delete => "delete",
            Self::Status => "status",
        }
    }
}
