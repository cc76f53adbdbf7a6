//! PID 1 of a pyro guest.
fn main() {}
