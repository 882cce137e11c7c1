//! The command line `alimi`.

use std::io::{self, BufReader, IsTerminal};
use std::process::ExitCode;

use alimi_cli::{Terminal, Variables, run};
use jiff::tz::TimeZone;

#[tokio::main]
async fn main() -> ExitCode {
    let variables = Variables::of_this_process();
    let mut input = BufReader::new(io::stdin());
    let (mut out, mut notes) = (io::stdout(), io::stderr());
    let can_ask = io::stdin().is_terminal() && notes.is_terminal();
    let mut terminal = Terminal {
        input: if can_ask { Some(&mut input) } else { None },
        pipe: &mut io::stdin(),
        out: &mut out,
        notes: &mut notes,
        // Without the signal's handler Ctrl-C ends the program.
        stopped: Box::pin(async {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        }),
        zone: TimeZone::system(),
    };
    ExitCode::from(run(std::env::args_os(), &variables, &mut terminal).await)
}
