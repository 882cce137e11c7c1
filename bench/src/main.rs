//! Measures the speed and the cost of Alimi: `cargo xtask bench`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program prints")]

mod backlog;
mod bare_puts;
mod bed;
mod binaries;
mod build;
mod chart;
mod conditions;
mod cost;
mod cpu_quota;
mod emulated_function;
mod enqueue;
mod estimate;
mod function_measurements;
mod outage;
mod pace;
mod priority;
mod program;
mod quota;
mod records;
mod report;
mod requests;
mod run;
mod serve;
mod served_stack;
mod soak;
mod statistics;
mod sweep;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use binaries::{ProfileRow, Tools};
use conditions::Conditions;
use program::Failure;
use records::Records;

/// Measures, keeps the figures in docs/benchmarks, and writes docs/benchmarks.md from them.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    part: Part,
    #[command(flatten)]
    tools: Tools,
}

#[derive(Clone, Subcommand)]
enum Part {
    /// Every measurement, one after another. Takes about two and a half hours.
    All,
    /// How much of the limit is used, and whether it is exceeded. Takes a quarter of an hour.
    Pace {
        /// Measures only this variant; the figures of the other variants are kept.
        #[arg(long)]
        only: Option<pace::Variant>,
    },
    /// The waits of real-time messages alone and during large batches. Takes ten minutes.
    Priority,
    /// The sender's cost for queues of different lengths. Takes five minutes.
    Backlog,
    /// DynamoDB units and dollars for each delivered notification. Takes a minute.
    Cost,
    /// A long run with faults.
    Soak {
        /// For how many minutes requests come in.
        #[arg(long, default_value_t = 30)]
        minutes: u64,
    },
    /// How many notifications a second are accepted. Takes a minute.
    Enqueue,
    /// Runs of a schedule over up to 100,000 members. Takes three minutes.
    Run,
    /// The part of `run` that needs a process of its own.
    #[command(hide = true)]
    RunWorker {
        #[arg(long)]
        endpoint: String,
        #[arg(long)]
        members: usize,
    },
    /// A round of the sweeper while up to 100,000 messages await their receipts. Takes a minute.
    Sweep,
    /// The waits of a channel's real-time messages while other channels' providers are away. Takes
    /// twelve minutes.
    Outage,
    /// The departures a second of `cargo xtask serve` until half a million writes. Takes an hour.
    Serve {
        /// Measures only the load of so many messages a second; the figures of the other are kept.
        #[arg(long, value_name = "PER_SECOND", value_parser = load)]
        only: Option<u32>,
        /// How many writes to the notifications table end the measurement of a load.
        #[arg(long, default_value_t = WRITES)]
        writes: u64,
        /// The longest time for a load.
        #[arg(long, value_parser = clap::value_parser!(u64).range(2..=600))]
        minutes: Option<u64>,
    },
    /// How far off the estimates of when a message leaves are, over a simulated day. Takes some minutes.
    Estimate,
    /// Size, start and memory of the deployed functions. Takes half an hour the first time.
    Binaries,
    /// The sender, built with other profiles than the released one. Takes half an hour.
    Profiles,
    /// The sender with the share of a processor that its memory gives it. Needs root. Takes ten minutes
    /// the first time.
    Quota,
    /// Only writes the page from the kept figures.
    Report,
}

/// The writes that end a measurement of `serve`.
const WRITES: u64 = 500_000;

/// Reads a load of `serve`.
fn load(text: &str) -> Result<u32, String> {
    let known = serve::LOADS.map(|load| load.per_second);
    let asked = text.parse().ok().filter(|asked| known.contains(asked));
    asked.ok_or_else(|| format!("must be one of {known:?}"))
}

fn main() -> ExitCode {
    let Arguments { part, tools } = Arguments::parse();
    match run(part, &tools) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(part: Part, tools: &Tools) -> Result<(), Failure> {
    let records = Records::open()?;
    let parts = match part {
        Part::All => vec![
            Part::Cost,
            Part::Enqueue,
            Part::Run,
            Part::Sweep,
            Part::Outage,
            Part::Estimate,
            Part::Serve { only: None, writes: WRITES, minutes: None },
            Part::Priority,
            Part::Backlog,
            Part::Pace { only: None },
            Part::Binaries,
            Part::Profiles,
            Part::Quota,
            Part::Soak { minutes: 30 },
        ],
        Part::Report => vec![],
        Part::RunWorker { endpoint, members } => {
            println!("{}", serde_json::to_string(&run::work(&endpoint, members)?)?);
            return Ok(());
        }
        one @ (Part::Pace { .. }
        | Part::Priority
        | Part::Backlog
        | Part::Cost
        | Part::Soak { .. }
        | Part::Enqueue
        | Part::Run
        | Part::Sweep
        | Part::Outage
        | Part::Estimate
        | Part::Serve { .. }
        | Part::Binaries
        | Part::Profiles
        | Part::Quota) => vec![one],
    };
    for part in parts {
        match part {
            Part::Pace { only } => {
                let known = records.read::<Vec<pace::PaceRow>>("pace")?;
                let known = known.map(|measured| measured.figures).unwrap_or_default();
                let conditions = Conditions::now("cargo xtask bench pace");
                let keep = |rows: &[pace::PaceRow]| records.keep("pace", conditions.clone(), rows);
                let measure = |bar: &ProgressBar| pace::measure(bar, only, known, keep);
                measure_part(&records, "pace", "pace", measure)?;
            }
            Part::Priority => measure_part(&records, "priority", "priority", priority::measure)?,
            Part::Backlog => measure_part(&records, "backlog", "backlog", backlog::measure)?,
            Part::Cost => measure_part(&records, "cost", "cost", cost::measure)?,
            Part::Soak { minutes } => {
                let command = format!("soak --minutes {minutes}");
                measure_part(&records, "soak", &command, |bar| soak::measure(bar, minutes))?;
            }
            Part::Enqueue => measure_part(&records, "enqueue", "enqueue", enqueue::measure)?,
            Part::Run => measure_part(&records, "run", "run", run::measure)?,
            Part::Sweep => measure_part(&records, "sweep", "sweep", sweep::measure)?,
            Part::Outage => measure_part(&records, "outage", "outage", outage::measure)?,
            Part::Estimate => measure_part(&records, "estimate", "estimate", estimate::measure)?,
            Part::Serve { only, writes, minutes } => {
                let known = records.read::<Vec<serve::ServeRow>>("serve")?;
                let known = known.map(|measured| measured.figures).unwrap_or_default();
                let limit =
                    minutes.map_or(String::new(), |minutes| format!(" --minutes {minutes}"));
                let conditions = Conditions::now(&format!("cargo xtask bench serve{limit}"));
                let keep =
                    |rows: &[serve::ServeRow]| records.keep("serve", conditions.clone(), rows);
                let time = minutes.map(|minutes| Duration::from_secs(60 * minutes));
                let measure =
                    |bar: &ProgressBar| serve::measure(bar, only, writes, time, known, keep);
                with_progress("serve", measure)?;
            }
            Part::Binaries => {
                let conditions = Conditions::now("cargo xtask bench binaries").with_compiler();
                let figures = with_progress("binaries", |bar| binaries::measure(bar, tools))?;
                records.keep("binaries", conditions, figures)?;
            }
            Part::Profiles => {
                let conditions = Conditions::now("cargo xtask bench profiles").with_compiler();
                let keep = |rows: &[ProfileRow]| records.keep("profiles", conditions.clone(), rows);
                with_progress("profiles", |bar| binaries::measure_profiles(bar, tools, keep))?;
            }
            Part::Quota => {
                let conditions = Conditions::now("cargo xtask bench quota").with_compiler();
                let figures = with_progress("quota", |bar| quota::measure(bar, tools))?;
                records.keep("quota", conditions, figures)?;
            }
            Part::All | Part::Report | Part::RunWorker { .. } => {}
        }
    }
    println!("{}", report::write(&records)?.display());
    Ok(())
}

fn measure_part<T: Serialize>(
    records: &Records,
    part: &str,
    command: &str,
    measure: impl FnOnce(&ProgressBar) -> Result<T, Failure>,
) -> Result<(), Failure> {
    let conditions = Conditions::now(&format!("cargo xtask bench {command}"));
    records.keep(part, conditions, with_progress(part, measure)?)
}

fn with_progress<T>(
    part: &str,
    measure: impl FnOnce(&ProgressBar) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let bar = ProgressBar::new(1);
    let style = ProgressStyle::with_template("{prefix:>9} {bar:30} {pos}/{len} {elapsed} {msg}")?;
    bar.set_style(style);
    bar.set_prefix(part.to_owned());
    let figures = measure(&bar)?;
    bar.finish_with_message("measured");
    Ok(figures)
}
