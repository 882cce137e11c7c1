//! The section about the sender's share of a processor.

use std::fmt::Write as _;

use crate::program::Failure;
use crate::quota::QuotaRow;
use crate::records::{Measured, Records};

const TEXT: &str = "\
## The sender's share of a processor

This shows how much memory the sender needs for its highest limits, because Lambda gives a function a share
of a processor by its memory: a whole one at 1,769 MB.

The released sender runs under Lambda's runtime emulator, in a control group with that share as its quota in
each 20 ms; the emulator is in the group too. It sends for one invocation. The provider answers in 300 ms.
The database and the provider run outside the group. Connections have no TLS.

| column | means |
| --- | --- |
| utilisation | requests a second, divided by N/(1+J) |
| share used | the function's processor time, divided by what its memory gives it |
| throttled | the part of the time in which the group had used up its quota, and waited |
";

pub fn write(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures }) = records.read::<Vec<QuotaRow>>("quota")? else {
        return Ok(());
    };
    writeln!(page, "{TEXT}\n{}\n", conditions.describe())?;
    writeln!(
        page,
        "| memory | limit | requests | utilisation | busiest sliding second | sliding seconds over the limit | share used | throttled | processor time for each message |"
    )?;
    writeln!(page, "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for row in &figures {
        writeln!(
            page,
            "| {} MB | {}/s | {} | {:.1} % | {} | {} | {:.0} % | {:.1} % | {:.0} µs |",
            row.memory_mb,
            row.per_second,
            row.requests,
            100.0 * row.utilisation,
            row.busiest_second,
            row.seconds_over,
            100.0 * row.processor_share,
            100.0 * row.throttled_share,
            row.cpu_us_each,
        )?;
    }
    writeln!(page)?;
    Ok(())
}
