//! The command line of `serve` and `demo`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::demo::teachers_max;
use crate::serve::LogLevel;

/// The default of this machine's address on Docker's bridge.
const BRIDGE: &str = "172.17.0.1";

/// All of Alimi in one process, with a simulated provider.
#[derive(Parser)]
#[command(version, propagate_version = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Sends the example's messages to the simulated provider and checks every promise.
    Demo {
        /// How many of the example's 300 teachers take part; all of them by default.
        #[arg(long, value_name = "COUNT", value_parser = teachers, allow_negative_numbers = true)]
        teachers: Option<usize>,
    },
    /// Serves the API on loopback until Ctrl-C.
    Serve(ServeArguments),
}

#[derive(Args)]
pub struct ServeArguments {
    /// The catalog file. Without it: the catalog that DIR holds already, or else the example's.
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// Keeps everything in this directory, and goes on with what it holds. Without it, everything is
    /// in memory and ends with the program.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Port of the HTTP API.
    #[arg(long, default_value_t = 9700)]
    pub port: u16,
    /// Port of the HTTP API for API keys.
    #[arg(long, default_value_t = 9701)]
    pub key_port: u16,
    /// Port of the simulated provider.
    #[arg(long, default_value_t = 9800)]
    pub provider_port: u16,
    /// Port of the embedded DynamoDB.
    #[arg(long, default_value_t = 9900)]
    pub database_port: u16,
    /// How much of the functions' log is shown. With `info`, it is what a deployed stack logs.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LogLevel::Warn)]
    pub log: LogLevel,
    /// Also listens on ADDRESS, which is this machine's address on Docker's bridge, for
    /// functions that `sam local` runs in containers: AWS's APIs on port 9600, and the
    /// simulated provider. Everything that reaches this address is permitted.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = BRIDGE)]
    pub containers: Option<IpAddr>,
}

/// Reads how many teachers take part.
fn teachers(text: &str) -> Result<usize, String> {
    let max = teachers_max();
    let count = text.parse().ok().filter(|count| (1..=max).contains(count));
    count.ok_or_else(|| format!("the number of teachers must be a whole number from 1 to {max}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &str) -> String {
        let words = std::iter::once("alimi-local").chain(line.split(' '));
        match Arguments::try_parse_from(words) {
            Ok(_) => panic!("{line} is accepted"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_number_of_teachers_that_the_example_does_not_have_is_refused_with_the_range() {
        for count in ["0", "-1", "-300", "301", "18446744073709551616", "many", "1.5"] {
            let error = error(&format!("demo --teachers {count}"));
            let range = "the number of teachers must be a whole number from 1 to 300";
            assert!(error.contains(range) && error.contains(count), "{error}");
        }
        for count in ["1", "300"] {
            let line = ["alimi-local", "demo", "--teachers", count];
            assert!(Arguments::try_parse_from(line).is_ok(), "{count}");
        }
    }

    #[test]
    fn the_program_and_its_commands_say_their_version() {
        for line in ["--version", "demo --version", "serve -V"] {
            assert!(error(line).contains(env!("CARGO_PKG_VERSION")), "{line}");
        }
    }

    #[test]
    fn a_log_level_that_does_not_exist_is_refused_with_those_that_do() {
        let error = error("serve --log loud");
        assert!(error.contains("error, warn, info, debug, trace"), "{error}");
    }
}
