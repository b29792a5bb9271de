//! `glasslink-relay`: the reference relay as a program.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
