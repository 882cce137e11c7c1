use std::fmt::Write;

use crate::enqueue::EnqueueResults;
use crate::program::Failure;
use crate::records::{Measured, Records};

const ENQUEUE: &str = "\
This measures how many notifications a second `enqueue` stores, compared with bare conditional puts.

The function's handler works against the embedded database over loopback. The bare puts store the very
same items, with the AWS client alone and on the same condition. Sixteen single requests, or sixteen puts,
are in flight at once; a bulk request stores sixteen of its items at once by itself. The three take turns,
and each figure is the median of five rounds.

A single request also reads the idempotency record, the template and the channel. Each of these reads is a
request to the database like the put itself.";

pub fn write(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures }) = records.read::<EnqueueResults>("enqueue")? else {
        return Ok(());
    };
    writeln!(page, "## Accepting notifications\n\n{ENQUEUE}\n")?;
    writeln!(page, "{}\n", conditions.describe())?;
    writeln!(page, "| | notifications a second | share of bare puts |\n| --- | ---: | ---: |")?;
    let mut row = |what: &str, rate: f64| {
        let share = 100.0 * rate / figures.bare_puts;
        writeln!(page, "| {what} | {rate:.0} | {share:.0} % |")
    };
    row("bare conditional puts of the same items", figures.bare_puts)?;
    row("`POST /v1/notifications`, one each", figures.single)?;
    row("`POST /v1/notifications`, 100 each", figures.bulk)?;
    writeln!(page)?;
    Ok(())
}
