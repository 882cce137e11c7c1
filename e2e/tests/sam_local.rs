//! `cargo xtask sam-local`. A target of its own, not run by a plain `cargo test`.

use std::process::ExitCode;

fn main() -> ExitCode {
    alimi_e2e::sam_local::main()
}
