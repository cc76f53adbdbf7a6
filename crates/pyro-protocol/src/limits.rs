//! The bounds that both sides hold each other to.

/// Version of the wire; the agent refuses a hello of another one.
pub const PROTOCOL_VERSION: u32 = 1;

/// Largest `length` field of a frame, in bytes: kind and payload. It bounds what one peer can make
/// the other buffer.
pub const MAX_FRAME_LEN: usize = 1024 * 1024;

/// Largest encoded [`crate::message::Request`], [`crate::message::Reply`] or greeting, in bytes
/// (MAX_FRAME_LEN less the kind).
pub const MAX_MESSAGE_LEN: usize = MAX_FRAME_LEN - 1;

/// Payload of a data frame as both sides send it, in bytes; larger ones are valid up to
/// [`MAX_FRAME_LEN`].
pub const DATA_CHUNK_LEN: usize = 128 * 1024;

/// Streams that the host may have open at once on one channel.
pub const MAX_STREAMS: usize = 256;

/// Streams that either side's multiplexer puts up with before it gives the channel up: those whose
/// host is gone and whose command is still being killed count as well.
pub const MAX_KNOWN_STREAMS: usize = 4 * MAX_STREAMS;

/// Longest guest path, in bytes (Linux `PATH_MAX` less the final NUL).
pub const MAX_PATH_LEN: usize = 4095;

/// Name of the virtio-serial port, as found in `/sys/class/virtio-ports/*/name`.
pub const PORT_NAME: &str = "org.pyro.agent";

/// Longest name of a user or a group, in bytes (Linux `LOGIN_NAME_MAX` less the final NUL).
pub const MAX_ACCOUNT_NAME_LEN: usize = 255;

/// Greatest id of a user or a group; the kernel takes the number behind it for "leave it as it is".
pub const MAX_ACCOUNT_ID: u32 = u32::MAX - 1;

/// Commands whose background output the agent keeps.
pub const MAX_BACKGROUND_COMMANDS: usize = 64;

/// Longest tail of one command's background output, in bytes.
pub const MAX_BACKGROUND_TAIL_LEN: usize = 64 * 1024;

/// Longest text of a command that left something in the background, in bytes.
pub const MAX_BACKGROUND_COMMAND_LEN: usize = 1024;

/// Most bytes that are taken of an answer on a connection from within the guest.
pub const MAX_DIALLED_LEN: u32 = 4096;
