use std::fmt::Write;

use crate::chart::{self, Lines};
use crate::priority::PriorityResults;
use crate::program::Failure;
use crate::records::{Measured, Records};

const PRIORITY: &str = "\
This measures how long real-time messages wait while a batch of 100,000 messages leaves at 50/s.

Producers post real-time messages at random moments, five a second on average. A wait lasts from
acceptance (the time stamped before the notification is stored) to departure. No receipts come. The goal
for the 99th percentile is two slots and 150 ms. A slot is the time between two departures, here 20.5 ms.";

pub fn write(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures }) = records.read::<PriorityResults>("priority")?
    else {
        return Ok(());
    };
    writeln!(page, "## Real-time messages overtake\n\n{PRIORITY}\n")?;
    writeln!(page, "{}\n", conditions.describe())?;
    writeln!(
        page,
        "| queued messages | limit | real-time messages | p50 | p95 | p99 | longest | never sent | goal for p99 | sliding seconds over the limit |"
    )?;
    writeln!(page, "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    writeln!(
        page,
        "| {} | {}/s | {} | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms | {} | {:.0} ms | {} |\n",
        figures.backlog,
        figures.per_second,
        figures.real_time,
        figures.p50_ms,
        figures.p95_ms,
        figures.p99_ms,
        figures.longest_ms,
        figures.unsent,
        figures.goal_p99_ms,
        figures.seconds_over,
    )?;
    writeln!(page, "![Waits of real-time messages](benchmarks/priority.svg)\n")?;
    let count = figures.waits_ms.len() as f64;
    let points = figures.waits_ms.iter().enumerate();
    let points = points.map(|(rank, wait)| (100.0 * (rank + 1) as f64 / count, *wait));
    chart::lines(
        &records.chart("priority"),
        &Lines {
            title: "Accepted → departed with 100,000 messages queued",
            x: "percent of the real-time messages",
            y: "ms",
            series: vec![("wait".to_owned(), points.collect())],
            limit: Some(("goal for p99".to_owned(), figures.goal_p99_ms)),
        },
    )
}
