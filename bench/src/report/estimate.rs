use std::fmt::Write;

use crate::estimate::{EstimateResults, EstimateRow};
use crate::program::Failure;
use crate::records::{Measured, Records};

const ESTIMATE: &str = "\
This measures how far `leaves_at` of `GET /v1/ops/notifications/{id}/why` is from the moment at which the message
left, over 25 hours of one channel with a limit of 40/s. The clock is simulated, so the machine does not matter.

The day has real-time messages, batches of several priorities to persons in three time zones, messages with a
`not_before`, and sequences. One batch does not fit into its window. An operator pauses the channel for 10 minutes, the
provider refuses connections for 25 minutes, and once it answers 429 and asks for a pause of a minute. The estimate is
asked for when a message is stored, and at random times while it waits. An estimate assumes that nothing overtakes the
message. *Unforeseen* rows have the messages for which the pause, the outage or the 429 came after the estimate.";

pub fn write(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures }) = records.read::<EstimateResults>("estimate")?
    else {
        return Ok(());
    };
    let EstimateResults { messages, rows, without_time } = figures;
    writeln!(page, "## The estimate of when a message leaves\n")?;
    writeln!(page, "{ESTIMATE}\n")?;
    writeln!(page, "{}\n", conditions.describe())?;
    writeln!(
        page,
        "| the message waited for | estimates | given so long before (median) | off by: median | p95 | longest | left later |"
    )?;
    writeln!(page, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for row in &rows {
        writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {:.0} % |",
            described(row),
            row.estimates,
            time(row.ahead_median_s),
            time(row.error_median_s),
            time(row.error_p95_s),
            time(row.error_longest_s),
            100.0 * row.later_share,
        )?;
    }
    let without: Vec<String> =
        without_time.iter().map(|(kind, count)| format!("{count} × `{kind}`")).collect();
    writeln!(
        page,
        "\n{messages} messages. Answers without a time, because that depended on an event: {}.\n",
        without.join(", ")
    )?;
    Ok(())
}

fn described(row: &EstimateRow) -> String {
    let kind = match row.waited_for.as_str() {
        "all" => "**all**".to_owned(),
        kind => format!("`{kind}`"),
    };
    if row.unforeseen { format!("{kind}, unforeseen") } else { kind }
}

fn time(seconds: f64) -> String {
    if seconds < 10.0 {
        format!("{seconds:.2} s")
    } else if seconds < 600.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min", seconds / 60.0)
    }
}
