use std::fmt::Write;

use crate::backlog::BacklogRow;
use crate::program::Failure;
use crate::records::{Measured, Records};

const BACKLOG: &str = "\
This measures whether a message costs the sender more when the queue is longer.

The sender works on the first thousand messages of a queue, at 100/s. The table has the sender's requests
to DynamoDB, its read and write units, and its processor time, each for one message. The lane's fixed
costs (lease, heads of the queue, channel) are included. No receipts come. Equal rows mean that the length
of the queue does not matter.";

pub fn write(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures: rows }) =
        records.read::<Vec<BacklogRow>>("backlog")?
    else {
        return Ok(());
    };
    writeln!(page, "## A long queue costs no more than a short one\n\n{BACKLOG}\n")?;
    writeln!(page, "{}\n", conditions.describe())?;
    writeln!(
        page,
        "| queued messages | sent messages | requests | read units | write units | processor time |"
    )?;
    writeln!(page, "| ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for row in &rows {
        writeln!(
            page,
            "| {} | {} | {:.2} | {:.2} | {:.2} | {:.0} µs |",
            row.backlog,
            row.sent,
            row.requests_each,
            row.read_units_each,
            row.write_units_each,
            row.cpu_us_each,
        )?;
    }
    writeln!(page)?;
    Ok(())
}
