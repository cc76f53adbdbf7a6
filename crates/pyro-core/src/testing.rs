//! What the project's own tests, examples and fuzz targets need beyond the surface. It changes
//! without notice.

pub use crate::bench::BenchError;
pub use crate::disk::DiskFault;
pub use crate::engine::{Accel, EngineError};
pub use crate::environment::{
    Agent, EnvironmentError, EnvironmentStore, Installed, MissingProgram,
};
pub use crate::guest::agent::executable as agent_executable;
pub use crate::guest::boot::{Identity, Port};
pub use crate::guest::client::{ClientError, FrameReader, send_message};
pub use crate::guest::transport::{Channel, GuestStream};
pub use crate::host::async_thread::ThreadError;
pub use crate::host::fs::Stamp;
pub use crate::host::lock::FileLock;
pub use crate::host::output::{Output, OutputFileError};
pub use crate::host::process::boot_id;
pub use crate::host::tree::{Allowance, HostTreeError, Receiver};
pub use crate::redaction::Redactor;
pub use crate::store::Store;
pub use crate::store::layer::NewLayer;
pub use crate::store::vm::VmKind;
pub use crate::store::workspace::{WorkspaceChange, WorkspaceRecord};
pub use crate::vm::VmError;
pub use crate::vm::control::client::SupervisorClient;
pub use crate::vm::exec::{ExecIo, ExecRequest, exec};
pub use crate::vm::failure::{Failure, Stage};
pub use crate::vm::lifecycle::open as open_vm;
pub use crate::vm::lifecycle::start::start_on;
pub use crate::vm::operation::Operation;
pub use crate::vm::output::OutputError;
pub use crate::vm::paths::layer as layer_path;
pub use crate::workspace::WorkspaceError;
pub use crate::workspace::files::FileError;
pub use crate::workspace::files::source::{Ignore, Source, SourceError};
pub use crate::workspace::ignore::host::ignored;
pub use crate::workspace::label::LabelError;
pub use crate::workspace::secret_error::SecretError;
pub use crate::workspace::shell_error::ShellError;

/// Tar files.
pub mod tar {
    pub use crate::archive::{Sent, TarError, TarWriter, send};
}

/// Trees of the host.
pub mod host_tree {
    pub use crate::host::tree::{list, measure, send};
}

/// What is asked of a guest's agent.
pub mod guest {
    /// Whole trees.
    pub mod archive {
        pub use crate::guest::archive::{TransferError, pack, unpack};
    }

    /// Single files.
    pub mod file {
        pub use crate::guest::file::{mkdir, read, write};
    }

    /// Frozen filesystems.
    pub mod freeze {
        pub use crate::guest::freeze::freeze;
    }

    /// Staged plans.
    pub mod stage {
        pub use crate::guest::stage::{commit, recover};
    }

    /// Listings and digests.
    pub mod tree {
        pub use crate::guest::tree::{digest, list, manifest, stat};
    }
}
