use std::fmt::Write;

use crate::chart::{self, Lines};
use crate::priority::{Case, GOAL_P50_MS, GOAL_P99_MS, PriorityResults};
use crate::program::Failure;
use crate::records::{Measured, Records};

const PRIORITY: &str = "\
This measures how long real-time messages wait while a batch of 100,000 messages leaves at 50/s, and how
long they wait alone.

Producers post real-time messages at random moments, five a second on average. A wait lasts from
acceptance (the time stamped before the notification is stored) to the arrival at the provider. No receipts
come. A slot is the time between two departures, here 20.5 ms. Behind the batch, the goal is 40 ms for the
median and 100 ms for the 99th percentile.

Behind a batch, the sender reads the first real-time messages before each slot. Alone, it reads them ten
times a second, so a message waits longer. The last columns have the senders' requests to DynamoDB and
their read units. The recipients of the last batch are in 300 time zones, so the lane has 300 window
classes, which are all open.";

pub fn write(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures }) = records.read::<PriorityResults>("priority")?
    else {
        return Ok(());
    };
    // Figures of an earlier version have no rows.
    if figures.rows.is_empty() {
        return Ok(());
    }
    writeln!(page, "## Real-time messages overtake\n\n{PRIORITY}\n")?;
    writeln!(page, "{}\n", conditions.describe())?;
    writeln!(
        page,
        "| behind | real-time messages | p50 | p95 | p99 | longest | never sent | share of the limit | sliding seconds over the limit | requests a second | read units a second |"
    )?;
    writeln!(
        page,
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for row in &figures.rows {
        let share =
            row.utilisation.map_or("–".to_owned(), |used| format!("{:.1} %", 100.0 * used));
        writeln!(
            page,
            "| {} | {} | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms | {} | {share} | {} | {:.0} | {:.0} |",
            row.case.describe(),
            row.real_time,
            row.p50_ms,
            row.p95_ms,
            row.p99_ms,
            row.longest_ms,
            row.unsent,
            row.seconds_over,
            row.requests_a_second,
            row.read_units_a_second,
        )?;
    }
    let behind_batch = figures.rows.iter().find(|row| row.case == Case::Batch);
    if let Some(row) = behind_batch {
        let is_met = row.p50_ms <= GOAL_P50_MS && row.p99_ms <= GOAL_P99_MS;
        let verdict = if is_met { "met" } else { "not met" };
        writeln!(page, "\nThe goal behind 100,000 messages is {verdict}.")?;
    }
    writeln!(page, "\n![Waits of real-time messages](benchmarks/priority.svg)\n")?;
    let series = figures.rows.iter().map(|row| {
        let count = row.waits_ms.len() as f64;
        let points = row.waits_ms.iter().enumerate();
        let points = points.map(|(rank, wait)| (100.0 * (rank + 1) as f64 / count, *wait));
        (format!("behind {}", row.case.describe()), points.collect())
    });
    chart::lines(
        &records.chart("priority"),
        &Lines {
            title: "Accepted → arrived",
            x: "percent of the real-time messages",
            y: "ms",
            series: series.collect(),
            limit: Some(("goal for p99".to_owned(), GOAL_P99_MS)),
        },
    )
}
