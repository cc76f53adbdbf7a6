//! What a dead process leaves of a vm: found, judged by one table, and put away or removed by the
//! next command.

pub mod clear;
pub mod reap;
pub mod reconcile;
