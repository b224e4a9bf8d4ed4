//! The agent alone, for a commune's own machine: what `childsync agent` runs, without what the other verbs
//! need.

fn main() -> std::process::ExitCode {
    childsync::cli::run_agent()
}
