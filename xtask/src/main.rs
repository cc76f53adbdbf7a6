//! Everyday commands of the project.
fn main() {}
