//! `cargo xtask e2e`.

use std::process::ExitCode;

fn main() -> ExitCode {
    alimi_e2e::main()
}
