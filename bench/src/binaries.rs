//! The functions as they are deployed: size, start, first and later requests, and the sender's
//! memory under load.

use std::path::{Path, PathBuf};
use std::time::Duration;

use alimi::use_cases::SenderSettings;
use alimi_local::simulator::SimulatorSettings;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bed::Bed;
use crate::build::{Architecture, Builder, Profile};
use crate::function_measurements::{Emulator, Load, Start, stand_in_for_aws};
use crate::program::Failure;

/// Every function, with a sample event that makes it do the same work each time.
const FUNCTIONS: [(&str, &str); 9] = [
    ("enqueue", include_str!("../../events/enqueue/single.json")),
    ("sender", include_str!("../../events/sender/wake.json")),
    ("webhook", include_str!("../../events/webhook/unknown-refkey.json")),
    ("console", include_str!("../../events/console/list-channels.json")),
    ("trigger", include_str!("../../events/trigger/unknown-schedule.json")),
    ("planner", include_str!("../../events/planner/changed.json")),
    ("sweeper", include_str!("../../events/sweeper/tick.json")),
    ("authorizer", include_str!("../../events/authorizer/unknown-key.json")),
    ("observer", include_str!("../../events/observer/tick.json")),
];

/// The paths of the tools. `cargo xtask bench` passes them.
#[derive(Clone, Debug, clap::Args)]
pub struct Tools {
    /// The cargo-lambda program, which SAM builds with.
    #[arg(long, global = true, default_value = "cargo-lambda")]
    pub cargo_lambda: PathBuf,
    /// The SAM CLI, which contains Lambda's runtime emulator.
    #[arg(long, global = true, default_value = "sam")]
    pub sam: PathBuf,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Size {
    pub function: String,
    pub binary_bytes: u64,
    pub zip_bytes: u64,
}

/// The sizes of all functions for one architecture.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sizes {
    pub architecture: Architecture,
    pub functions: Vec<Size>,
}

/// An architecture that this machine could not build for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeftOut {
    pub architecture: Architecture,
    pub reason: String,
}

/// The start times of one function, on the machine's own architecture.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Started {
    pub function: String,
    #[serde(flatten)]
    pub start: Start,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BinariesResults {
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

/// Builds every function for every architecture, and measures those for this machine.
pub fn measure(bar: &ProgressBar, tools: &Tools) -> Result<BinariesResults, Failure> {
    let emulator = Emulator::from_sam(&tools.sam)?;
    let builder = Builder::new(&tools.cargo_lambda)?;
    let host = Architecture::of_this_machine()?;
    let names = FUNCTIONS.map(|(name, _)| name);
    bar.set_length(2 + names.len() as u64 + 1);

    let (mut sizes, mut left_out) = (Vec::new(), Vec::new());
    for architecture in Architecture::ALL {
        if let Some(reason) = architecture.missing() {
            bar.println(format!("LEFT OUT, {}: {reason}", architecture.name()));
            left_out.push(LeftOut { architecture, reason });
            bar.inc(1);
            continue;
        }
        let name = architecture.name();
        bar.set_message(format!("building for {name}, takes a quarter of an hour"));
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
    bar.set_message("the sender with as many requests in flight as it allows");
    let sender = emulator.sender_under_load(&bootstrap(&folder, "sender"))?;
    bar.inc(1);
    Ok(BinariesResults { sizes, left_out, started_on: host, starts, sender })
}

/// Builds and measures the sender with each profile. After each profile, `keep` gets all rows.
pub fn measure_profiles(
    bar: &ProgressBar,
    tools: &Tools,
    keep: impl Fn(&[ProfileRow]) -> Result<(), Failure>,
) -> Result<Vec<ProfileRow>, Failure> {
    let emulator = Emulator::from_sam(&tools.sam)?;
    let builder = Builder::new(&tools.cargo_lambda)?;
    let host = Architecture::of_this_machine()?;
    let (function, event) = FUNCTIONS[1];
    bar.set_length(Profile::ALL.len() as u64);
    let mut rows = Vec::new();
    for profile in Profile::ALL {
        bar.set_message(profile.describe());
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

/// The file that cargo-lambda builds for a function.
pub fn bootstrap(folder: &Path, function: &str) -> PathBuf {
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

/// Measures a function's starts, against a database with the example's catalog.
fn start(
    emulator: &Emulator,
    folder: &Path,
    function: &str,
    event: &str,
) -> Result<Start, Failure> {
    let bed = Bed::new(SimulatorSettings::default())?;
    bed.configure(|_| {})?;
    let aws = bed.runtime.block_on(stand_in_for_aws())?;
    let event: Value = serde_json::from_str(event)?;
    let mut requests = 0;
    let idle_timeout = SenderSettings::default().idle_timeout;
    let waits = if function == "sender" { idle_timeout } else { Duration::ZERO };
    emulator
        .start(&bootstrap(folder, function), &bed, &aws, waits, || {
            requests += 1;
            let mut event = event.clone();
            // With a new key the function does the same work again; with the old key it does none.
            if let Some(key) = event.pointer_mut("/headers/idempotency-key") {
                *key = format!("start-{requests}").into();
            }
            event
        })
        .map_err(|error| format!("{function}: {error}").into())
}
