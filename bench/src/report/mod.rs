//! `docs/benchmarks.md`, from the kept figures: one file for each section of the page.

mod backlog;
mod binaries;
mod cost;
mod enqueue;
mod estimate;
mod outage;
mod pace;
mod priority;
mod quota;
mod run;
mod serve;
mod soak;
mod sweep;

use std::path::PathBuf;

use crate::program::Failure;
use crate::records::Records;

const HEAD: &str = "\
# Benchmarks

This page says what Alimi reaches and what it costs. `cargo xtask bench all` makes every measurement in
about two and a half hours; it writes this page, its data and its charts. `cargo xtask bench --help` lists
the single measurements. None of them is part of the tests.

One line in each section names the command, the time, the machine and the commit. “and changes” marks a
checkout with uncommitted changes.

**The machine.** Everything runs on one machine and over loopback, against a simulated provider and an
embedded DynamoDB. A speed is therefore that machine's; compare it with the goal, or with the bare puts,
beside it. The embedded database carries a few thousand operations a second, less than DynamoDB.

**Change feeds.** `template.yaml` gives `NotificationsTable` and `CatalogTable` a stream each. The local
stack captures the changes of these tables itself, which adds a fixed time to each write. `serve` and `cost`
have these feeds. In every other measurement the embedded database has the template's tables and indexes
alone, so no other speed on this page includes the writing of streams.

";

/// Writes the page and its charts. A part without kept figures is left out.
pub fn write(records: &Records) -> Result<PathBuf, Failure> {
    let mut page = String::from(HEAD);
    pace::write(records, &mut page)?;
    priority::write(records, &mut page)?;
    backlog::write(records, &mut page)?;
    cost::write(records, &mut page)?;
    soak::write(records, &mut page)?;
    enqueue::write(records, &mut page)?;
    run::write(records, &mut page)?;
    sweep::write(records, &mut page)?;
    outage::write(records, &mut page)?;
    estimate::write(records, &mut page)?;
    serve::write(records, &mut page)?;
    binaries::write(records, &mut page)?;
    quota::write(records, &mut page)?;
    let path = records.page();
    std::fs::write(&path, page)?;
    Ok(path)
}
