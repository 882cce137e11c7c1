use std::fmt::Write;

use crate::program::Failure;
use crate::records::{Measured, Records};
use crate::run::RunRow;

const RUN: &str = "\
This measures how fast a run of a schedule stores notifications, compared with bare conditional puts, and
how much memory it takes.

A process of its own does the trigger's work: it reads pages of 500 members from the database, stores a
notification for each member, and stores the cursor after each page. The pacing of the run's puts is
switched off. The run is cut into invocations of a second. Before, between and after them the same process
puts 1,000 copies of a notification with the bare client, because the embedded database slows down as its
tables grow. The goals are 80 % of the bare puts, and memory that does not grow with the audience.";

pub fn write(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures: rows }) = records.read::<Vec<RunRow>>("run")? else {
        return Ok(());
    };
    writeln!(page, "## Runs of schedules\n\n{RUN}\n")?;
    writeln!(page, "{}\n", conditions.describe())?;
    writeln!(
        page,
        "| members | stored a second | bare puts a second | share of bare puts | peak memory of the process |"
    )?;
    writeln!(page, "| ---: | ---: | ---: | ---: | ---: |")?;
    for row in &rows {
        writeln!(
            page,
            "| {} | {:.0} | {:.0} | {:.0} % | {:.1} MiB |",
            row.members,
            row.stored,
            row.bare_puts,
            100.0 * row.stored / row.bare_puts,
            row.peak_mib,
        )?;
    }
    writeln!(page)?;
    Ok(())
}
