use std::fmt::Write;

use crate::program::Failure;
use crate::records::{Measured, Records};
use crate::soak::SoakResults;

const SOAK: &str = "\
This runs everything at once, at a limit of 50/s, and then balances the books: every accepted notification
has to be delivered or reported.

- Producers post real-time messages and sequences all the time, and every five minutes a batch of 8,000
  messages with the priority of scheduled messages.
- One phone number in eleven has a bad scenario: refused, undelivered, a duplicate receipt, a late or no
  receipt, or a lost answer.
- The provider answers some requests with 429, 5xx, a refused address or a revoked token.
- One sender in eight is killed at a random moment.

*Reported* means: on the exceptions list, cancelled with a reason, or blocked behind an exception.

A request delayed beyond the jitter allowance can overfill a second although it left on schedule. This can
happen on a machine that is busy otherwise. The table therefore counts the busiest second both at the
provider and by departure.";

pub fn write(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures }) = records.read::<SoakResults>("soak")? else {
        return Ok(());
    };
    writeln!(page, "## Everything at once\n\n{SOAK}\n")?;
    writeln!(page, "{}\n", conditions.describe())?;
    writeln!(page, "| | |\n| --- | ---: |")?;
    let mut row = |what: &str, value: String| writeln!(page, "| {what} | {value} |");
    row(
        "minutes in which messages were posted; the run ended when all were settled",
        figures.minutes.to_string(),
    )?;
    row("accepted (202)", figures.accepted.to_string())?;
    row("delivered", figures.delivered.to_string())?;
    row("reported", figures.reported.to_string())?;
    for (status, count) in figures.by_status.iter().filter(|(status, _)| *status != "delivered") {
        row(&format!("· {status}"), count.to_string())?;
    }
    let missing =
        figures.accepted.cast_signed() - (figures.delivered + figures.reported).cast_signed();
    row("**accepted − delivered − reported**", format!("**{missing}**"))?;
    row("**sent twice**", format!("**{}**", figures.sent_twice))?;
    row("steps out of order", figures.out_of_order.to_string())?;
    row("requests at the provider", figures.requests.to_string())?;
    row("sliding seconds over the limit of 50", figures.seconds_over.to_string())?;
    row("busiest sliding second at the provider", figures.busiest_second.to_string())?;
    row("busiest sliding second by departure", figures.busiest_second_departing.to_string())?;
    let transit =
        format!("{:.0} ms, {:.0} ms", figures.median_transit_ms, figures.longest_transit_ms);
    row(
        "time from departure to arrival: median, longest (the jitter allowance is 50 ms)",
        transit,
    )?;
    row("senders killed", figures.senders_killed.to_string())?;
    row("faults of the provider, beside those by number", figures.provider_faults.to_string())?;
    writeln!(page)?;
    for violation in &figures.violations {
        writeln!(page, "Broken: {violation}\n")?;
    }
    Ok(())
}
