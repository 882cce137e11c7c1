use std::fmt::Write;

use crate::chart::{self, Lines};
use crate::program::Failure;
use crate::records::{Measured, Records};
use crate::serve::{Sample, ServeRow};

const SERVE: &str = "\
This measures whether the local stack slows down as its tables and its change feeds grow.

The stack is `cargo xtask serve`: one process, built without optimisation, with the embedded database and
the simulated provider in it. The benchmark posts messages over HTTP from a process of its own, and does not
wait for them. The channel's limit is a fifth above the load, so the load decides how many messages depart.
Every write to the notifications table is also stored in the table's change feed, which keeps the last
changes only. A message that is delivered takes four writes. The rates are those of the first and of the
last minute.";

pub fn write(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures: rows }) = records.read::<Vec<ServeRow>>("serve")?
    else {
        return Ok(());
    };
    writeln!(page, "## The local stack bears a load\n\n{SERVE}\n\n{}\n", conditions.describe())?;
    writeln!(
        page,
        "| load | minutes | writes | messages posted | departed | departures a second: first minute | last minute | refused requests | memory at the end |"
    )?;
    writeln!(page, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for row in &rows {
        let Some(last) = row.samples.last() else { continue };
        let until = row.samples.iter().position(|sample| sample.seconds >= 60.0);
        let first_minute = rate(row.samples.first(), until.and_then(|it| row.samples.get(it)));
        let from = row.samples.iter().rfind(|sample| sample.seconds <= last.seconds - 60.0);
        writeln!(
            page,
            "| {} | {:.1} | {} | {} | {} | {:.1} | {:.1} | {} | {:.0} MiB |",
            row.load.describe(),
            last.seconds / 60.0,
            last.writes,
            last.posted,
            last.departed,
            first_minute,
            rate(from, Some(last)),
            row.refused,
            last.memory_mib,
        )?;
    }
    writeln!(page, "\n![Departures a second over the number of writes](benchmarks/serve.svg)\n")?;
    let series = rows.iter().map(|row| {
        let pairs = row.samples.windows(2).map(|pair| {
            let middle = f64::midpoint(pair[0].writes as f64, pair[1].writes as f64);
            (middle / 1000.0, rate(Some(&pair[0]), Some(&pair[1])))
        });
        (row.load.describe(), pairs.collect())
    });
    chart::lines(
        &records.chart("serve"),
        &Lines {
            title: "Departures a second of the local stack",
            x: "thousand writes to the notifications table",
            y: "a second",
            series: series.collect(),
            limit: None,
        },
    )
}

/// Departures a second between two samples.
fn rate(from: Option<&Sample>, to: Option<&Sample>) -> f64 {
    let (Some(from), Some(to)) = (from, to) else { return f64::NAN };
    (to.departed - from.departed) as f64 / (to.seconds - from.seconds)
}
