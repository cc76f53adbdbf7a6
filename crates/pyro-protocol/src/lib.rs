//! Messages between host and guest, their limits and their framing; no I/O.
//!
//! The channel carries, in this order:
//!
//! 1. *greeting frames* ([`hello`]): the agent says [`hello::Greeting::Ready`] once its port is
//!    open, the host says [`hello::Hello`] with a fresh nonce, the agent answers
//!    [`hello::Greeting::Welcome`] with that nonce; before that the host may say
//!    [`hello::Prepare`], which the agent answers with [`hello::Greeting::Prepared`];
//! 2. a `yamux` session, the host as client. Each operation is one stream: the host sends one
//!    [`message::Request`] in a frame, then frames flow both ways until the agent's last
//!    [`message::Reply`].
//!
//! Every frame is `length (u32, big endian) | kind (u8) | payload`, `length` counting kind and
//! payload; no length above [`limits::MAX_FRAME_LEN`] is ever accepted, by either side. The wire is
//! append-only: fields and variants are added, never renamed or removed.

pub mod files;
pub mod frame;
pub mod hello;
pub mod limits;
pub mod message;
pub mod path;
pub mod secret;
pub mod tree;
pub mod tree_path;
pub mod user;
pub mod variable;

pub use frame::{Frame, FrameDecoder, FrameError, FrameKind};
pub use path::GuestPath;
pub use secret::Secret;
pub use tree_path::TreePath;
pub use user::User;
