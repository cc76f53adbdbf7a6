//! The MCP surface: pyro's operations as tools for a model, over stdio and HTTP.
//!
//! Start at [`Server`]. It acts for a model: what a call may reach was granted when the server
//! started ([`Grants`]).

mod answer;
mod arguments;
mod batch;
mod bounds;
mod brief;
pub mod contract;
mod ending;
pub mod function;
mod grants;
pub mod hosts;
pub mod http;
mod instructions;
mod lines;
mod message;
mod output;
mod progress;
mod refusal;
mod resources;
mod roots;
mod schema;
pub mod serve;
mod server;
mod state;
pub mod stdio;
mod tools;
mod turn;

pub use contract::Profile;
pub use ending::Ending;
pub use grants::{Grants, project};
pub use refusal::Refusal;
pub use server::Server;
pub use state::Settings;
