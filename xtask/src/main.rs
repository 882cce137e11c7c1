//! `cargo xtask`. Everything is in the library, whose documentation the gate checks.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::main()
}
