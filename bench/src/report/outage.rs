use std::fmt::Write;

use crate::outage::OutageRow;
use crate::program::Failure;
use crate::records::{Measured, Records};

const OUTAGE: &str = "\
This measures how long the real-time messages of a healthy channel wait while the providers of 20 other
channels are away.

Half of these refuse connections; the others accept them and never answer. Each gets a new message every
12 s. Four senders may run at once, which is the template's default, and fewer than the channels. The
sweeper runs every minute. The healthy channel gets two messages a second at random moments; its limit is
50/s. A wait lasts from acceptance to arrival at the provider. The goal for the 99th percentile, once the
circuits are open, is at most twice that of the channel alone.";

pub fn write(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures: rows }) = records.read::<Vec<OutageRow>>("outage")?
    else {
        return Ok(());
    };
    writeln!(page, "## Providers that are away delay no other channel\n")?;
    writeln!(page, "{OUTAGE}\n")?;
    writeln!(page, "{}\n", conditions.describe())?;
    writeln!(page, "| beside | messages | p50 | p95 | p99 | longest | never sent |")?;
    writeln!(page, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for row in &rows {
        writeln!(
            page,
            "| {} | {} | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms | {} |",
            row.case.describe(),
            row.messages,
            row.p50_ms,
            row.p95_ms,
            row.p99_ms,
            row.longest_ms,
            row.unsent,
        )?;
    }
    writeln!(page)?;
    Ok(())
}
