//! How large a patch may be, and what it makes of a file.

/// Bounds of a patch, checked while it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatchLimits {
    /// The patch itself, in bytes.
    pub patch_bytes: usize,
    /// One line of it, in bytes.
    pub line_bytes: usize,
    /// Files that it changes.
    pub files: usize,
    /// Hunks of all of them.
    pub hunks: usize,
    /// Unpacked binary data of all of them, in bytes.
    pub binary_bytes: usize,
}

/// Largest file that a patch reads or makes, in bytes.
pub const FILE_BYTES: usize = 64 << 20;

/// Most bytes of all files that one patch reads, and of all that it makes.
pub const TOTAL_BYTES: usize = 256 << 20;

/// Most lines of a file that a hunk is looked for in.
pub(crate) const FILE_LINES: usize = 4 << 20;

impl Default for PatchLimits {
    fn default() -> Self {
        Self {
            patch_bytes: 64 << 20,
            line_bytes: 16 << 20,
            files: 20_000,
            hunks: 200_000,
            binary_bytes: 128 << 20,
        }
    }
}
