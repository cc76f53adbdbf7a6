//! How far a measurement is.

use crate::environment;

/// How far a measurement is.
#[derive(Debug)]
pub enum BenchProgress {
    /// The environment is being installed.
    Installing(environment::Progress),
    /// One more measurement begins.
    Measuring {
        /// Of what.
        what: &'static str,
        /// How many were taken.
        done: u32,
        /// How many will be.
        of: u32,
    },
}
