//! git's vocabulary: quoted names, modes, blob ids, base85, settings.

pub mod base85;
pub mod blob;
pub mod config;
pub mod dir;
pub mod inert;
pub mod mode;
pub mod quote;
pub mod text;
