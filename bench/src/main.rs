//! What Alimi reaches and costs: `cargo xtask bench`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to people")]

mod backlog;
mod bed;
mod binaries;
mod build;
mod chart;
mod cost;
mod emulator;
mod enqueue;
mod measure;
mod pace;
mod priority;
mod report;
mod run;
mod soak;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use bed::Failure;
use binaries::{ProfileRow, Tools};
use report::{Conditions, Report};

/// Measures, keeps the figures in docs/benchmarks, and writes docs/benchmarks.md from them.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Part,
    #[command(flatten)]
    tools: Tools,
}

#[derive(Clone, Subcommand)]
enum Part {
    /// Everything, one after the other: about an hour and a half.
    All,
    /// Utilisation and violations of the limit: a quarter of an hour.
    Pace {
        /// Only this variant; the rows of the others are kept.
        #[arg(long)]
        only: Option<pace::Variant>,
    },
    /// Real-time messages during a large batch: three minutes.
    Priority,
    /// The sender's cost by length of the queue: five minutes.
    Backlog,
    /// Units and dollars for each delivered notification: a minute.
    Cost,
    /// A long run with faults.
    Soak {
        /// How long notifications are taken in.
        #[arg(long, default_value_t = 30)]
        minutes: u64,
    },
    /// Notifications taken in a second: a minute.
    Enqueue,
    /// A run over 100,000 members: three minutes.
    Run,
    /// What `run` does in a process of its own.
    #[command(hide = true)]
    RunWorker {
        #[arg(long)]
        endpoint: String,
        #[arg(long)]
        members: usize,
    },
    /// Size, start and memory of the functions as they are deployed: half an hour at first.
    Binaries,
    /// The sender built with other profiles than the one that is released: half an hour.
    Profiles,
    /// Only writes the page, from the figures that are kept.
    Report,
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
    let report = Report::open()?;
    let parts = match part {
        Part::All => vec![
            Part::Cost,
            Part::Enqueue,
            Part::Run,
            Part::Priority,
            Part::Backlog,
            Part::Pace { only: None },
            Part::Binaries,
            Part::Profiles,
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
        | Part::Binaries
        | Part::Profiles) => vec![one],
    };
    for part in parts {
        match part {
            Part::Pace { only } => {
                let known = report.pace_rows()?;
                let conditions = Conditions::now("cargo xtask bench pace");
                let kept = |rows: &[pace::Row]| report.keep("pace", conditions.clone(), rows);
                keep(&report, "pace", "pace", |bar| pace::measure(bar, only, known, kept))?;
            }
            Part::Priority => keep(&report, "priority", "priority", priority::measure)?,
            Part::Backlog => keep(&report, "backlog", "backlog", backlog::measure)?,
            Part::Cost => keep(&report, "cost", "cost", cost::measure)?,
            Part::Soak { minutes } => {
                let command = format!("soak --minutes {minutes}");
                keep(&report, "soak", &command, |bar| soak::measure(bar, minutes))?;
            }
            Part::Enqueue => keep(&report, "enqueue", "enqueue", enqueue::measure)?,
            Part::Run => keep(&report, "run", "run", run::measure)?,
            Part::Binaries => {
                let conditions = binaries::conditions("cargo xtask bench binaries");
                let figures = measured("binaries", |bar| binaries::measure(bar, tools))?;
                report.keep("binaries", conditions, figures)?;
            }
            Part::Profiles => {
                let conditions = binaries::conditions("cargo xtask bench profiles");
                let kept = |rows: &[ProfileRow]| report.keep("profiles", conditions.clone(), rows);
                measured("profiles", |bar| binaries::measure_profiles(bar, tools, kept))?;
            }
            Part::All | Part::Report | Part::RunWorker { .. } => {}
        }
    }
    println!("{}", report.write()?.display());
    Ok(())
}

fn keep<T: Serialize>(
    report: &Report,
    part: &str,
    command: &str,
    measure: impl FnOnce(&ProgressBar) -> Result<T, Failure>,
) -> Result<(), Failure> {
    let conditions = Conditions::now(&format!("cargo xtask bench {command}"));
    report.keep(part, conditions, measured(part, measure)?)
}

fn measured<T>(
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
