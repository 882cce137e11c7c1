//! The functions as they are deployed: size, start, first and later requests, and the sender's
//! memory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use alimi::delivery::DrainSettings;
use alimi_local::simulator::SimulatorSettings;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bed::{Bed, Failure};
use crate::build::{Architecture, Builder, Profile};
use crate::emulator::{Emulator, Load, Start, stand_in_for_aws};
use crate::report::Conditions;

/// Every function, with a sample event that does the same work each time it comes.
const FUNCTIONS: [(&str, &str); 7] = [
    ("enqueue", include_str!("../../events/enqueue/single.json")),
    ("sender", include_str!("../../events/sender/wake.json")),
    ("webhook", include_str!("../../events/webhook/unknown-refkey.json")),
    ("console", include_str!("../../events/console/list-channels.json")),
    ("trigger", include_str!("../../events/trigger/unknown-schedule.json")),
    ("planner", include_str!("../../events/planner/changed.json")),
    ("sweeper", include_str!("../../events/sweeper/tick.json")),
];

/// Where the tools are, as `cargo xtask bench` says it.
#[derive(Clone, Debug, clap::Args)]
pub struct Tools {
    /// cargo-lambda, which SAM builds with.
    #[arg(long, global = true, default_value = "cargo-lambda")]
    pub cargo_lambda: PathBuf,
    /// The SAM CLI, which brings Lambda's runtime emulator.
    #[arg(long, global = true, default_value = "sam")]
    pub sam: PathBuf,
}

/// What one function weighs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Size {
    pub function: String,
    pub binary_bytes: u64,
    pub zip_bytes: u64,
}

/// All functions for one architecture.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sizes {
    pub architecture: Architecture,
    pub functions: Vec<Size>,
}

/// An architecture that was not built for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeftOut {
    pub architecture: Architecture,
    pub reason: String,
}

/// How one function starts, on the machine's own architecture.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Started {
    pub function: String,
    #[serde(flatten)]
    pub start: Start,
}

/// All of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figures {
    pub sizes: Vec<Sizes>,
    pub left_out: Vec<LeftOut>,
    pub started_on: Architecture,
    pub starts: Vec<Started>,
    pub sender: Load,
}

/// The sender, built with one profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProfileRow {
    pub profile: Profile,
    pub size: Size,
    pub start: Start,
    pub load: Load,
}

/// Builds and measures every function.
pub fn measure(bar: &ProgressBar, tools: &Tools) -> Result<Figures, Failure> {
    let emulator = Emulator::of(&tools.sam)?;
    let builder = Builder::new(&tools.cargo_lambda)?;
    let host = Architecture::of_this_machine()?;
    let names = FUNCTIONS.map(|(name, _)| name);
    bar.set_length(2 + names.len() as u64 + 1);

    let (mut sizes, mut left_out) = (Vec::new(), Vec::new());
    for architecture in Architecture::ALL {
        if let Some(reason) = architecture.missing() {
            bar.println(format!("LEFT OUT, {}: {reason}", architecture.words()));
            left_out.push(LeftOut { architecture, reason });
            bar.inc(1);
            continue;
        }
        bar.set_message(format!("building for {}: a quarter of an hour", architecture.words()));
        let folder = builder.build(architecture, Profile::Release, &names)?;
        let functions = names.iter().map(|name| size(&folder, name)).collect::<Result<_, _>>()?;
        sizes.push(Sizes { architecture, functions });
        bar.inc(1);
    }

    let folder = builder.folder(host, Profile::Release);
    let mut starts = Vec::new();
    for (function, event) in FUNCTIONS {
        bar.set_message(function);
        let start = start(&emulator, &folder, function, event)?;
        starts.push(Started { function: function.to_owned(), start });
        bar.inc(1);
    }
    bar.set_message("the sender with as many requests under way as it allows itself");
    let sender = emulator.sender_under_load(&bootstrap(&folder, "sender"))?;
    bar.inc(1);
    Ok(Figures { sizes, left_out, started_on: host, starts, sender })
}

/// Builds the sender with each profile, and measures it. `keep` is told after each.
pub fn measure_profiles(
    bar: &ProgressBar,
    tools: &Tools,
    keep: impl Fn(&[ProfileRow]) -> Result<(), Failure>,
) -> Result<Vec<ProfileRow>, Failure> {
    let emulator = Emulator::of(&tools.sam)?;
    let builder = Builder::new(&tools.cargo_lambda)?;
    let host = Architecture::of_this_machine()?;
    let (function, event) = FUNCTIONS[1];
    bar.set_length(Profile::ALL.len() as u64);
    let mut rows = Vec::new();
    for profile in Profile::ALL {
        bar.set_message(profile.words());
        let folder = builder.build(host, profile, &[function])?;
        rows.push(ProfileRow {
            profile,
            size: size(&folder, function)?,
            start: start(&emulator, &folder, function, event)?,
            load: emulator.sender_under_load(&bootstrap(&folder, function))?,
        });
        keep(&rows)?;
        bar.inc(1);
    }
    Ok(rows)
}

/// Conditions that name the compiler.
pub fn conditions(command: &str) -> Conditions {
    Conditions::now(command).with_compiler()
}

/// Where cargo-lambda puts a function.
fn bootstrap(folder: &Path, function: &str) -> PathBuf {
    folder.join(function).join("bootstrap")
}

fn size(folder: &Path, function: &str) -> Result<Size, Failure> {
    let binary = bootstrap(folder, function);
    Ok(Size {
        function: function.to_owned(),
        binary_bytes: std::fs::metadata(&binary)?.len(),
        zip_bytes: crate::build::zip_bytes(&binary)?,
    })
}

/// Starts a function against a database with the example's catalog.
fn start(
    emulator: &Emulator,
    folder: &Path,
    function: &str,
    event: &str,
) -> Result<Start, Failure> {
    let bed = Bed::new(SimulatorSettings::default())?;
    bed.configure(|_| {})?;
    let aws = bed.world.block_on(stand_in_for_aws())?;
    let event: Value = serde_json::from_str(event)?;
    let mut asked = 0;
    let lingers = DrainSettings::default().linger;
    let waits = if function == "sender" { lingers } else { Duration::ZERO };
    emulator
        .start(&bootstrap(folder, function), &bed, &aws, waits, || {
            asked += 1;
            let mut event = event.clone();
            // The same request with another key is the same work; with the same one it is none.
            if let Some(key) = event.pointer_mut("/headers/idempotency-key") {
                *key = format!("start-{asked}").into();
            }
            event
        })
        .map_err(|error| format!("{function}: {error}").into())
}
