//! `alimi completions`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Prints the script for a shell.
pub(crate) fn print(shell: Shell, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "alimi", &mut script);
    terminal.out.write_all(&script).map_err(Failure::Output)
}
