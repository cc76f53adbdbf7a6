//! `contract.toml` as data, and how each of pyro's surfaces names what a hint leads to.
//!
//! Everything here is a pure function of the contract and of what its caller says of itself.
//! Another surface is another column of the contract and another
//! [`Wording`](pyro_core::hints::Wording); the errors in core stay as they are.

mod command_line;
mod methods;
pub mod results;
mod rows;
mod tools;

pub use command_line::CommandLine;
pub use methods::Methods;
pub use rows::{Flag, Row, rows};
pub use tools::Tools;
