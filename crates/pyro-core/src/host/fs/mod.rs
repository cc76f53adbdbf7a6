//! Files: private directories, writes that happen whole or not at all, reads that are bounded.

mod error;
mod look;
mod private;
mod read;
mod remove;
mod write;

pub use error::{FsError, is_full};
pub use look::{Stamp, age, canonical, free_bytes, metadata, names_in, used_bytes};
pub use private::{keep_file_own, own_dir, own_file, private_dir, scratch_dir, unique_dir};
pub(super) use read::read_to_bound;
pub use read::{
    for_each_data_block, open, open_lock, open_to_write, read_bounded, read_stdin_bounded,
};
pub use remove::{remove_file, remove_tree};
pub use write::{
    rename, rename_unsynced, set_read_only, symlink, sync_all_of, sync_dir, sync_file, touch,
    write_atomic, write_first, write_new,
};
