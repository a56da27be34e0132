//! `tracehound-local-agent`: listens where a Datadog agent would, and prints the traces it gets.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
