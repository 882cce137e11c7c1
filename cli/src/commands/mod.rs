//! The commands.

mod agreement;
mod api_call;
mod apply;
mod bulk;
mod cancel;
mod channels;
mod dead_letters;
mod decision;
mod decisions;
mod diff;
mod list;
mod pages;
mod show;
mod why;

use crate::arguments::Command;
use crate::completions;
use crate::failure::Failure;
use crate::session::Session;

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
        Command::Completions { shell } => completions::print(shell, session.terminal),
    }
}
