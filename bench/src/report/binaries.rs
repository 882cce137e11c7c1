use std::fmt::Write;

use crate::binaries::{BinariesResults, LeftOut, ProfileRow, Started};
use crate::build::Profile;
use crate::function_measurements::{Load, Start};
use crate::program::Failure;
use crate::records::{Measured, Records};

const BINARIES: &str = "\
This measures the deployed functions: their size, their start, and their requests.

cargo-lambda builds every function with the release profile, as SAM builds it; the function is packed as
SAM packs it. The times come from the machine's own architecture, under Lambda's runtime emulator, with a
database and stand-ins for the other services on loopback. Connections on loopback have no TLS. Each figure
is the median over nine starts.

| column | means |
| --- | --- |
| init | from the start of the process until it asks for its first event |
| first request | the time of the first request |
| later requests | the time of nineteen more requests, or of three more to the sender, which waits on purpose |
| processor time until the first answer | the processor time of init and first request together |

The first three are wall-clock times on a machine with other work. Other work does not stretch the
processor time. Every request to a function does the same work:

| function | request |
| --- | --- |
| enqueue | stores a notification |
| sender | a wake of an empty lane, without the two seconds for which the sender waits for more work |
| webhook | a receipt that no notification waits for |
| console | lists the channels |
| trigger | a firing of a schedule that does not exist |
| planner | a changed schedule |
| sweeper | a sweep |
| authorizer | an API key that no producer has |
| observer | a round without dead letters |

The goals are a zip of at most 3 MB, an init of at most 20 ms, and a first request that finds its clients
warm. When init ends, the clients are made, their certificates are read, and a connection to the database
is open. The first request that needs SQS or Secrets Manager opens that connection: AWS has no call there
that every function may make and that does nothing.

All functions are made from one library, and each holds only the code that it uses. Link-time optimisation
leaves the scheduler's SDK out of `enqueue`, so cargo features would only take longer to build. The trigger
and the console read audience files without S3's SDK: its tables of checksums alone are 0.6 MB.";

const PROFILES: &str = "\
This compares the released sender with senders that the same compiler built with other profiles.

The request is a wake of an empty lane, without the two seconds for which the sender waits for more work.
The processor time for each message comes from a run whose answers take eight seconds each; the run is as
busy as these answers let it be.

The smallest profile is released, because of the goal of 3 MB, which `s` misses for some functions. `s`
would save a few milliseconds of a start, and a quarter of a millisecond of processor time for each
message. The sender does not need either, as the next section shows.";

const ZIP_BYTES_GOAL: u64 = 3_000_000;
const INIT_MS_GOAL: f64 = 20.0;

pub fn write(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures }) = records.read::<BinariesResults>("binaries")?
    else {
        return Ok(());
    };
    writeln!(page, "## The binaries\n\n{BINARIES}\n")?;
    writeln!(page, "{}\n", conditions.describe())?;
    write!(page, "| function |")?;
    for sizes in &figures.sizes {
        let architecture = sizes.architecture.name();
        write!(page, " {architecture}: binary | zip |")?;
    }
    writeln!(page, "\n| --- |{}", " ---: | ---: |".repeat(figures.sizes.len()))?;
    for (index, first) in figures.sizes.first().iter().flat_map(|s| &s.functions).enumerate() {
        write!(page, "| {} |", first.function)?;
        for size in figures.sizes.iter().filter_map(|sizes| sizes.functions.get(index)) {
            write!(page, " {} | {} |", megabytes(size.binary_bytes), megabytes(size.zip_bytes))?;
        }
        writeln!(page)?;
    }
    writeln!(page)?;
    for LeftOut { architecture, reason } in &figures.left_out {
        writeln!(page, "**Left out: {}**, because {reason}.\n", architecture.name())?;
    }
    writeln!(
        page,
        "| function ({}) | init | first request | later requests | processor time until the first answer |",
        figures.started_on.name()
    )?;
    writeln!(page, "| --- | ---: | ---: | ---: | ---: |")?;
    for Started { function, start } in &figures.starts {
        writeln!(page, "| {function} | {} |", start_cells(start))?;
    }
    writeln!(page)?;
    let Load { memory_mib, in_flight, sent, cpu_us_each } = figures.sender;
    writeln!(
        page,
        "The sender's process took at most {memory_mib:.0} MiB, with {in_flight} requests in \
         flight. The sender allows itself 900: each request has a connection of its own, and a \
         function on Lambda may have 1,024 files open, as the sender may here. It sent {sent} \
         messages, and each took {cpu_us_each:.0} µs of processor time.\n"
    )?;
    writeln!(page, "{}\n", compare_with_goals(&figures))?;
    write_profiles(records, page)
}

fn write_profiles(records: &Records, page: &mut String) -> Result<(), Failure> {
    let Some(Measured { conditions, figures: rows }) =
        records.read::<Vec<ProfileRow>>("profiles")?
    else {
        return Ok(());
    };
    writeln!(page, "### The release profile\n\n{PROFILES}\n")?;
    writeln!(page, "{}\n", conditions.describe())?;
    writeln!(
        page,
        "| `opt-level`, `lto`, codegen units | binary | zip | init | first request | later requests | processor time until the first answer | for each message | memory |"
    )?;
    writeln!(page, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for ProfileRow { profile, size, start, load } in &rows {
        writeln!(
            page,
            "| {} | {} | {} | {} | {:.0} µs | {:.0} MiB |",
            profile.describe(),
            megabytes(size.binary_bytes),
            megabytes(size.zip_bytes),
            start_cells(start),
            load.cpu_us_each,
            load.memory_mib,
        )?;
    }
    writeln!(page)?;
    if rows.len() < Profile::ALL.len() {
        writeln!(page, "**Not complete**: some profiles were not measured.\n")?;
    }
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

fn start_cells(start: &Start) -> String {
    format!(
        "{:.1} ms | {:.1} ms | {:.1} ms | {:.1} ms",
        start.init_ms, start.first_ms, start.warm_ms, start.cpu_to_first_answer_ms,
    )
}

fn compare_with_goals(figures: &BinariesResults) -> String {
    let mut missed = Vec::new();
    for sizes in &figures.sizes {
        for size in sizes.functions.iter().filter(|size| size.zip_bytes > ZIP_BYTES_GOAL) {
            missed.push(format!("the zip of {} for {}", size.function, sizes.architecture.name()));
        }
    }
    for Started { function, start } in &figures.starts {
        if start.init_ms > INIT_MS_GOAL {
            missed.push(format!("the init of {function}"));
        }
    }
    if missed.is_empty() {
        "All goals were met.".to_owned()
    } else {
        format!("**Over the goal: {}.**", missed.join(", "))
    }
}
