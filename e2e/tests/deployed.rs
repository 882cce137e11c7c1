//! `cargo xtask e2e`. A plain `cargo test` does not run it.

use std::process::ExitCode;

fn main() -> ExitCode {
    alimi_e2e::deployed::main()
}
