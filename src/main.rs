//! Runs the verb that the arguments name.

fn main() -> std::process::ExitCode {
    childsync::cli::run()
}
