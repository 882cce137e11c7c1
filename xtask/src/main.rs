//! `cargo xtask`. All code is in the library, because the gate checks only the docs of libraries.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::main()
}
