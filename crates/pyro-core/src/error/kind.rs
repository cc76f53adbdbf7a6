//! `ErrorKind`: what a caller may branch on.

super::named::named! {
    /// What a caller may branch on; JSON, MCP and Python use its name.
    pub enum ErrorKind {
        /// What was asked for is not valid in itself.
        InvalidInput = "invalid_input",
        /// The thing named does not exist.
        NotFound = "not_found",
        /// It exists already.
        AlreadyExists = "already_exists",
        /// It is not in a state for this.
        WrongState = "wrong_state",
        /// Somebody else is at it.
        Busy = "busy",
        /// It changed in between.
        Conflict = "conflict",
        /// This host lacks what it takes, for now.
        Unavailable = "unavailable",
        /// This pyro cannot do it.
        Unsupported = "unsupported",
        /// It took too long.
        Timeout = "timeout",
        /// The guest failed.
        Guest = "guest",
        /// A file of pyro's is not what it was.
        Corrupt = "corrupt",
        /// It was not granted.
        Denied = "denied",
        /// The host's files, network or processes failed.
        Io = "io",
        /// A fault of pyro's own.
        Internal = "internal",
    }
}
