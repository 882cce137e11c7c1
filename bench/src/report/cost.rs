use std::fmt::Write;

use crate::cost::CostRow;
use crate::program::Failure;
use crate::records::{Measured, Records};

const COST: &str = "\
This counts the DynamoDB units of a delivered notification.

The embedded database names each request's units in its answer (`ConsumedCapacity`, by DynamoDB's rules).
The table adds them up over enqueue, claim, response and receipt. Failed conditional writes would add
their own units; there are none here. The lane's fixed costs (lease, heads of the queue, channel) are
included, at 40 messages a second. Dollars are DynamoDB's alone, on demand, in us-east-1: $0.625 for a
million write units, and $0.125 for a million read units.

The goal is 9 write units for a standalone message, and 10 for one with a group: a tag, or the run that made
it. The message itself takes 9 or 10; the lane's lease adds the rest. Texts are not stored, so a body of
2 KB costs as much as a short one.";

pub fn write(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures: rows }) = records.read::<Vec<CostRow>>("cost")? else {
        return Ok(());
    };
    writeln!(page, "## What a delivered notification costs\n\n{COST}\n")?;
    writeln!(page, "{}\n", conditions.describe())?;
    writeln!(
        page,
        "| kind | largest item as JSON | write units: enqueue | write units: claim to receipt | write units: total | read units | requests | dollars a million |"
    )?;
    writeln!(page, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for row in &rows {
        writeln!(
            page,
            "| {} | {} B | {:.2} | {:.2} | **{:.2}** | {:.2} | {:.2} | {:.2} |",
            row.kind,
            row.item_bytes,
            row.enqueue_write_units,
            row.later_write_units,
            row.write_units(),
            row.read_units,
            row.requests,
            row.dollars_a_million(),
        )?;
    }
    writeln!(page)?;
    Ok(())
}
