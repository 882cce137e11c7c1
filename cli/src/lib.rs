//! The command line `alimi`: a client of the HTTP API for people who operate Alimi.
//!
//! [`run`] is the whole program. It takes what differs between a person's terminal and a test:
//! the words of the command, the environment's variables, and the input and output.

mod api;
mod arguments;
mod catalog;
mod commands;
mod completions;
mod credentials;
mod failure;
mod printable;
mod profiles;
mod refusal;
mod session;
mod signing;
mod tables;
mod target;
mod terminal;
mod variables;

use std::ffi::OsString;

use clap::Parser as _;

use self::api::Api;
use self::arguments::{Arguments, Command};
use self::failure::Failure;
use self::session::Session;
use self::target::Target;
pub use self::terminal::Terminal;
pub use self::variables::Variables;

/// Runs one command. The result is the program's exit code.
pub async fn run(
    words: impl IntoIterator<Item = OsString>,
    variables: &Variables,
    terminal: &mut Terminal<'_>,
) -> u8 {
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(shown) => return show(&shown, terminal),
    };
    let json = arguments.json;
    match execute(arguments, variables, terminal).await {
        Ok(()) => 0,
        Err(failure) => report(&failure, json, terminal),
    }
}

/// Tells the person why the command failed, and returns the exit code.
fn report(failure: &Failure, json: bool, terminal: &mut Terminal<'_>) -> u8 {
    let written = if json && let Failure::Refused(refusal) = failure {
        writeln!(terminal.notes, "{:#}", refusal.as_json())
    } else {
        writeln!(terminal.notes, "error: {failure}")
    };
    match written {
        Ok(()) => failure.exit_code(),
        // Nobody can be told.
        Err(_) => failure.exit_code().max(failure::REFUSED),
    }
}

/// The help, the version, or what is wrong with the words.
fn show(shown: &clap::Error, terminal: &mut Terminal<'_>) -> u8 {
    let to: &mut dyn std::io::Write =
        if shown.use_stderr() { &mut *terminal.notes } else { &mut *terminal.out };
    match write!(to, "{}", shown.render()) {
        Ok(()) => u8::try_from(shown.exit_code()).unwrap_or(failure::USAGE),
        Err(_) => failure::USAGE,
    }
}

async fn execute(
    arguments: Arguments,
    variables: &Variables,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let Arguments { profile, url, json, command } = arguments;
    if let Command::Completions { shell } = command {
        return completions::print(shell, terminal);
    }
    let target = Target::find(profile.as_deref(), url.as_deref(), variables)?;
    let api = Api::new(target, variables)?;
    let mut session = Session { api, json, korean: variables.asks_for_korean(), terminal };
    commands::execute(command, &mut session).await
}
