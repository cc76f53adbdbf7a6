//! A program that installing takes and the host lacks.

/// A program that the host lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingProgram {
    /// Its name.
    pub program: &'static str,
    /// The Debian package that holds it.
    pub package: &'static str,
}
