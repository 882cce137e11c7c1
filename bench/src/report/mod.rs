//! `docs/benchmarks.md`, from the kept figures: one file for each section of the page.

mod backlog;
mod binaries;
mod cost;
mod enqueue;
mod pace;
mod priority;
mod run;
mod soak;
mod sweep;

use std::path::PathBuf;

use crate::program::Failure;
use crate::records::Records;

const HEAD: &str = "\
# Benchmarks

This page says what Alimi reaches and what it costs. `cargo xtask bench all` makes every measurement in
about an hour and a half; it writes this page, its data and its charts. `cargo xtask bench --help` lists
the single measurements. None of them is part of the tests.

One line in each section names the command, the time, the machine and the commit. “and changes” marks a
checkout with uncommitted changes.

**The machine.** Everything runs on one machine and over loopback, against a simulated provider and an
embedded DynamoDB. A speed is therefore that machine's; compare it with the goal, or with the bare puts,
beside it. The embedded database carries a few thousand operations a second, less than DynamoDB.

**No streams.** `template.yaml` gives `NotificationsTable` and `CatalogTable` a stream each. In every
measurement but `cost`, the embedded database has the template's tables and indexes without these
streams. In the embedded database, each write to a table with a stream takes longer the more records the
stream holds. No speed on this page includes the writing of streams. `cost` counts units instead of time,
and its database has the streams.

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
    binaries::write(records, &mut page)?;
    let path = records.page();
    std::fs::write(&path, page)?;
    Ok(path)
}
