//! What can go wrong with a workspace's secrets. No message holds a value.

use crate::host::path::HostPathError;
use crate::redaction::MIN_VALUE_LEN;
use crate::vm::secrets::MAX_VALUES_LEN;
use std::path::PathBuf;

/// Most bytes of a value.
pub const MAX_VALUE_LEN: usize = 65_536;

/// A failure of a workspace's secrets.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The name is none.
    #[error("{name:?} is no name of a secret: up to 64 letters, digits and '_', no digit first")]
    Name {
        /// It, cut where it is long.
        name: String,
    },
    /// There is a name or a value, and nobody can say which.
    #[error("a secret is given without a value")]
    NoValue,
    /// A name is given twice.
    #[error("secret {name} is given twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// The value is empty.
    #[error("secret {name} is empty")]
    Empty {
        /// Its name.
        name: String,
    },
    /// The value cannot be kept out of outputs without making them unreadable.
    #[error(
        "secret {name} is too short to be kept out of outputs: it needs {MIN_VALUE_LEN} characters beside blanks"
    )]
    Short {
        /// Its name.
        name: String,
    },
    /// The value is longer than one may be.
    #[error("secret {name} has {len} bytes; it may have {MAX_VALUE_LEN}")]
    Long {
        /// Its name.
        name: String,
        /// Bytes of the value.
        len: usize,
    },
    /// All values are longer than they may be.
    #[error("the secrets have {len} bytes together; they may have {MAX_VALUES_LEN}")]
    TooMany {
        /// Bytes of all values.
        len: usize,
    },
    /// The value is none that a variable can have.
    #[error("secret {name} is no text without NUL characters in UTF-8")]
    NoText {
        /// Its name.
        name: String,
    },
    /// A variable of the caller's is not there.
    #[error("secret {name}: variable {variable} is not set")]
    NoVariable {
        /// Its name.
        name: String,
        /// The variable.
        variable: String,
    },
    /// The file of a value cannot be read.
    #[error("cannot read the file {} of secret {name}", path.display())]
    File {
        /// Its name.
        name: String,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: HostPathError,
    },
    /// The workspace has no secret of this name.
    #[error("the workspace has no secret {name:?}{}", has(known))]
    Unknown {
        /// As asked for.
        name: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// Commands run on the host.
    #[error(
        "a workspace on the host cannot have secrets: the user's other processes could read them"
    )]
    OnHost,
    /// What is kept of them cannot be understood.
    #[error("the secrets of the workspace cannot be read back")]
    Broken,
}

fn has(known: &[String]) -> String {
    match known {
        [] => "; it has none".to_owned(),
        known => format!("; it has {}", known.join(", ")),
    }
}
