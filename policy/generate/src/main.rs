//! Writes the generated vocabulary.
fn main() {}
