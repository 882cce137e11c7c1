//! The commands.

mod api_call;
mod apply;
mod bulk;
mod cancel;
mod channels;
mod dead_letters;
mod decisions;
mod diff;
mod list;
mod pages;
mod show;
mod why;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::api::{Api, encoded};
use crate::arguments::{Arguments, Command, OneArguments};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// What every command needs.
pub(crate) struct Session<'a, 't> {
    pub(crate) api: Api,
    /// Whether the result is for programs.
    pub(crate) json: bool,
    /// Whether the person reads Korean.
    pub(crate) korean: bool,
    pub(crate) terminal: &'a mut Terminal<'t>,
}

pub(crate) async fn execute(
    command: Command,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list::run(arguments, session).await,
        Command::Show(arguments) => show::run(&arguments, session).await,
        Command::Why(arguments) => why::run(&arguments, session).await,
        Command::Pause(arguments) => {
            channels::run(arguments, channels::Action::Pause, session).await
        }
        Command::Resume(arguments) => {
            channels::run(arguments, channels::Action::Resume, session).await
        }
        Command::Resend(arguments) => decisions::resend(arguments, session).await,
        Command::Settle(arguments) => decisions::settle(arguments, session).await,
        Command::Cancel(arguments) => cancel::run(arguments, session).await,
        Command::DeadLetters(arguments) => dead_letters::run(arguments, session).await,
        Command::Apply(arguments) => apply::run(&arguments, session).await,
        Command::Diff(arguments) => diff::run(&arguments, session).await,
        Command::Api(arguments) => api_call::run(arguments, session).await,
        Command::Completions { shell } => completions(shell, session.terminal),
    }
}

/// Prints the script for a shell.
pub(crate) fn completions(shell: Shell, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "alimi", &mut script);
    terminal.out.write_all(&script).map_err(Failure::Output)
}

/// The path of a notification: the operators' one, unless the caller is a producer.
fn path_of(arguments: &OneArguments, session: &Session<'_, '_>) -> String {
    let OneArguments { id, own } = arguments;
    let part = if *own || session.api.target.is_producer() { "" } else { "ops/" };
    format!("/v1/{part}notifications/{}", encoded(id))
}
