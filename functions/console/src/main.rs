//! The `console` function.
fn main() {}
