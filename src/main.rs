//! Parses arguments, runs the verb, gives its exit code.

fn main() {}
