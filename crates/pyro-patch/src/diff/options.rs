//! What a diff shows, and how much work and text it may take.

/// Bounds and choices of a diff; the defaults are git's where git has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffOptions {
    /// Unchanged lines around a change.
    pub context: usize,
    /// Largest file, in bytes, that is compared line by line.
    pub text_bytes: usize,
    /// Most lines of a file that is compared line by line.
    pub text_lines: usize,
    /// Largest file, in bytes, whose content goes into the patch although it is not text; above, it
    /// is only named.
    pub literal_bytes: usize,
    /// Most bytes of patch text in all; what comes after is only named.
    pub patch_bytes: usize,
    /// Whether a deleted and an added file of the same content are one renamed file.
    pub renames: bool,
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self {
            context: 3,
            text_bytes: 16 << 20,
            text_lines: 1 << 20,
            literal_bytes: 4 << 20,
            patch_bytes: 64 << 20,
            renames: false,
        }
    }
}
