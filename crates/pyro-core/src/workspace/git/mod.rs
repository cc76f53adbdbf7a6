//! git's vocabulary: paths, quoted names, modes, blob ids, base85.

pub mod base85;
pub mod blob;
pub mod config;
pub mod inert;
pub mod mode;
pub mod path;
pub mod quote;
pub mod text;
