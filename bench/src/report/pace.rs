use std::fmt::Write;

use crate::chart::{self, Bars, Lines};
use crate::pace::{Latency, PaceRow, Variant};
use crate::program::Failure;
use crate::records::{Measured, Records};

const PACE: &str = "\
This measures how much of the provider's limit a lane uses, and whether it ever exceeds the limit.

A backlog of a minute waits in the lane. A sender on a thread of its own sends it over HTTP to the
provider, which runs on another thread. N is the limit a second, and J the jitter allowance of 25 ms; even
spacing allows N/(1+J). The provider counts everything that arrives: messages and requests for tokens.
Three lanes are measured at once. No receipts come at any limit, because at the highest limit the embedded
database would be the bottleneck.

| variant | means |
| --- | --- |
| even | departures are spaced evenly |
| strict | each departure waits until a second after the answer to the departure N before it. This bounds the rate by N / (1 + latency); where latencies have a long tail, the slowest answers bound it |
| hand-over every 10 s | senders hand the lane over five times or more in a row |
| sender killed at 20 s | the first sender dies. Its slice is 25 s, because the slice must not end just before |

A sliding second is any second that begins with an arrival. None may hold more than N arrivals. The goal for
even spacing is 97 % of N/(1+J).";

const KILLED: &str = "\
This pause is how long the lease takes to expire, because the benchmark wakes the successor half a second
after the last arrival. In a deployed stack, the next producer or hand-over wakes the successor, and the
sweeper does so within a minute. SQS blocks the dead sender's message group for the visibility time-out
of 45 s; the next hand-over therefore goes to the lane's third group.";

pub fn write(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures: rows }) = records.read::<Vec<PaceRow>>("pace")? else {
        return Ok(());
    };
    writeln!(page, "## The provider's limit: used, and never exceeded\n\n{PACE}\n")?;
    writeln!(page, "{}\n", conditions.describe())?;
    writeln!(page, "![Utilisation of N/(1+J)](benchmarks/utilisation.svg)\n")?;
    writeln!(
        page,
        "| limit | the provider answers in | variant | requests | utilisation of N/(1+J) | busiest sliding second | sliding seconds over the limit | 429s | CPU of the senders |"
    )?;
    writeln!(page, "| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for row in &rows {
        writeln!(
            page,
            "| {}/s | {} | {} | {} | {:.1} % | {} | {} | {} | {:.0} % |",
            row.per_second,
            row.latency.describe(),
            row.variant.describe(),
            row.requests,
            100.0 * row.utilisation,
            row.busiest_second,
            row.seconds_over,
            row.refused,
            row.cpu_percent,
        )?;
    }
    writeln!(page)?;
    for row in rows.iter().filter(|row| row.variant == Variant::Killed) {
        writeln!(
            page,
            "Sender killed at {}/s: the lane stood still for {:.1} s. The table leaves this pause out.\n",
            row.per_second, row.gap_s,
        )?;
    }
    if rows.iter().any(|row| row.variant == Variant::Killed) {
        writeln!(page, "{KILLED}\n")?;
    }
    writeln!(
        page,
        "![Arrivals each second during hand-overs and after a sender was killed](benchmarks/arrivals.svg)\n"
    )?;
    let short = |latency: Latency| match latency {
        Latency::Fixed(ms) => format!("{ms} ms"),
        Latency::HeavyTailed => "tail".to_owned(),
    };
    let heights = |variant: Variant| {
        rows.iter()
            .filter(|row| row.variant == variant)
            .map(|row| {
                let name = format!("{}/s {}", row.per_second, short(row.latency));
                (name, 100.0 * row.utilisation)
            })
            .collect::<Vec<_>>()
    };
    chart::bars(
        &records.chart("utilisation"),
        &Bars {
            title: "Utilisation of N/(1+J), even spacing (red: the goal of 97 %)",
            y: "percent",
            heights: heights(Variant::Even),
            limit: Some(97.0),
        },
    )?;
    let series = rows
        .iter()
        .filter(|row| row.per_second == 200)
        .filter(|row| matches!(row.variant, Variant::HandOver | Variant::Killed))
        .map(|row| {
            let points = row.by_second.iter().enumerate();
            let points = points.map(|(second, count)| (second as f64, *count as f64));
            (row.variant.describe().to_owned(), points.collect())
        })
        .collect();
    chart::lines(
        &records.chart("arrivals"),
        &Lines {
            title: "Arrivals at the provider, 200/s, answers take 1.5 s",
            x: "second",
            y: "arrivals",
            series,
            limit: Some(("the limit".to_owned(), 200.0)),
        },
    )
}
