use std::fmt::Write;

use crate::program::Failure;
use crate::records::{Measured, Records};
use crate::sweep::SweepRow;

const SWEEP: &str = "\
This measures whether a round of the sweeper costs more when more messages await their receipts.

The messages are accepted and not overdue. They are spread evenly over the channels, whose lanes are idle.
The table has the requests and the units of one round, and the median of its duration over loopback. Equal
rows mean that the number of messages does not matter.";

pub fn write(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures: rows }) = records.read::<Vec<SweepRow>>("sweep")?
    else {
        return Ok(());
    };
    writeln!(page, "## A round of the sweeper costs the same for any number of messages\n")?;
    writeln!(page, "{SWEEP}\n")?;
    writeln!(page, "{}\n", conditions.describe())?;
    writeln!(
        page,
        "| channels | messages awaiting receipts | requests | read units | write units | duration |"
    )?;
    writeln!(page, "| ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for row in &rows {
        writeln!(
            page,
            "| {} | {} | {:.1} | {:.1} | {:.1} | {:.0} ms |",
            row.channels, row.awaiting, row.requests, row.read_units, row.write_units, row.wall_ms,
        )?;
    }
    writeln!(page)?;
    Ok(())
}
