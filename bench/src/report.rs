//! `docs/benchmarks.md`, from what was measured.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bed::Failure;
use crate::binaries::{LeftOut, ProfileRow, Started};
use crate::build::{Profile, said};
use crate::chart::{self, Bars, Lines};
use crate::emulator::{Load, Start};
use crate::pace::{Latency, Variant};
use crate::{backlog, binaries, cost, enqueue, pace, priority, run, soak};

/// What was measured, and where.
#[derive(Serialize, Deserialize)]
struct Measured<T> {
    conditions: Conditions,
    figures: T,
}

/// Under which conditions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Conditions {
    date: String,
    machine: String,
    commit: String,
    command: String,
    /// Where it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compiler: Option<String>,
}

impl Conditions {
    /// Those of now.
    pub fn now(command: &str) -> Self {
        let said = |program: &str, arguments: &[&str]| said(program, arguments).unwrap_or_default();
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or("unknown processor", |(_, name)| name.trim());
        // The figures and their page are written here, and change nothing that is measured.
        let modified = said("git", &["status", "--porcelain", "--", ":/", ":(exclude,top)docs"]);
        let changed = if modified.is_empty() { "" } else { " and changes" };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            date: said("date", &["-u", "+%F %R UTC"]),
            machine: format!("{cores} shared cores of {model}, {}", said("uname", &["-sr"])),
            commit: said("git", &["rev-parse", "--short", "HEAD"]) + changed,
            command: command.to_owned(),
            compiler: None,
        }
    }

    /// With the compiler's version.
    pub fn with_compiler(self) -> Self {
        Self { compiler: said("rustc", &["--version"]).ok(), ..self }
    }

    fn words(&self) -> String {
        let compiler = self.compiler.as_ref().map_or(String::new(), |name| {
            let pinned = if name.contains(&pinned_compiler()) {
                ""
            } else {
                ", not the one that is pinned: that one's standard library for arm64 was not there"
            };
            format!(" · {name}{pinned}")
        });
        format!(
            "`{}` · {} · {} · commit {}{compiler}",
            self.command, self.date, self.machine, self.commit
        )
    }
}

/// The version in rust-toolchain.toml.
fn pinned_compiler() -> String {
    const TOOLCHAIN: &str = include_str!("../../rust-toolchain.toml");
    let channel = TOOLCHAIN.lines().find_map(|line| line.strip_prefix("channel = "));
    channel.unwrap_or_default().trim_matches('"').to_owned()
}

/// Where everything is kept.
pub struct Report {
    docs: PathBuf,
}

impl Report {
    /// In the workspace's `docs`.
    pub fn open() -> Result<Self, Failure> {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        std::fs::create_dir_all(docs.join("benchmarks"))?;
        Ok(Self { docs })
    }

    fn data(&self, part: &str) -> PathBuf {
        self.docs.join("benchmarks").join(format!("{part}.json"))
    }

    fn chart(&self, name: &str) -> PathBuf {
        self.docs.join("benchmarks").join(format!("{name}.svg"))
    }

    /// Keeps what a part measured.
    pub fn keep<T: Serialize>(
        &self,
        part: &str,
        conditions: Conditions,
        figures: T,
    ) -> Result<(), Failure> {
        let measured = Measured { conditions, figures };
        std::fs::write(self.data(part), serde_json::to_string_pretty(&measured)? + "\n")?;
        Ok(())
    }

    fn read<T: DeserializeOwned>(&self, part: &str) -> Result<Option<Measured<T>>, Failure> {
        match std::fs::read_to_string(self.data(part)) {
            Ok(text) => Ok(Some(serde_json::from_str(&text)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What is known of pace.
    pub fn pace_rows(&self) -> Result<Vec<pace::Row>, Failure> {
        let known = self.read::<Vec<pace::Row>>("pace")?;
        Ok(known.map(|measured| measured.figures).unwrap_or_default())
    }

    /// Writes the page and its charts.
    pub fn write(&self) -> Result<PathBuf, Failure> {
        let mut page = String::from(HEAD);
        self.pace(&mut page)?;
        self.priority(&mut page)?;
        self.backlog(&mut page)?;
        self.cost(&mut page)?;
        self.soak(&mut page)?;
        self.enqueue(&mut page)?;
        self.run(&mut page)?;
        self.binaries(&mut page)?;
        let path = self.docs.join("benchmarks.md");
        std::fs::write(&path, page)?;
        Ok(path)
    }

    fn pace(&self, page: &mut String) -> Result<(), Failure> {
        let Some(Measured { conditions, figures: rows }) = self.read::<Vec<pace::Row>>("pace")?
        else {
            return Ok(());
        };
        writeln!(page, "## The limit: used, and never exceeded\n\n{PACE}\n")?;
        writeln!(page, "{}\n", conditions.words())?;
        writeln!(page, "![Utilisation of N/(1+J)](benchmarks/utilisation.svg)\n")?;
        writeln!(
            page,
            "| limit | provider answers in | variant | requests | utilisation of N/(1+J) | busiest sliding second | seconds over the limit | 429s | senders' CPU |"
        )?;
        writeln!(page, "| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for row in &rows {
            writeln!(
                page,
                "| {}/s | {} | {} | {} | {:.1} % | {} | {} | {} | {:.0} % |",
                row.per_second,
                row.latency.words(),
                row.variant.words(),
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
                "Killed at {}/s: the lane stood still for {:.1} s, which is left out above.\n",
                row.per_second, row.gap_s,
            )?;
        }
        if rows.iter().any(|row| row.variant == Variant::Killed) {
            writeln!(page, "{KILLED}\n")?;
        }
        writeln!(
            page,
            "![Arrivals each second around hand-overs and a death](benchmarks/arrivals.svg)\n"
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
            &self.chart("utilisation"),
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
                (row.variant.words().to_owned(), points.collect())
            })
            .collect();
        chart::lines(
            &self.chart("arrivals"),
            &Lines {
                title: "Arrivals at the provider, 200/s, answers take 1.5 s",
                x: "second",
                y: "arrivals",
                series,
                limit: Some(("the limit".to_owned(), 200.0)),
            },
        )
    }

    fn priority(&self, page: &mut String) -> Result<(), Failure> {
        let Some(Measured { conditions, figures }) = self.read::<priority::Figures>("priority")?
        else {
            return Ok(());
        };
        writeln!(page, "## Real-time messages overtake\n\n{PRIORITY}\n")?;
        writeln!(page, "{}\n", conditions.words())?;
        writeln!(
            page,
            "| queued before | limit | real-time messages | p50 | p95 | p99 | longest | never left | goal for p99 | seconds over the limit |"
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
            &self.chart("priority"),
            &Lines {
                title: "Accepted → departed with 100,000 messages queued",
                x: "percent of the real-time messages",
                y: "ms",
                series: vec![("wait".to_owned(), points.collect())],
                limit: Some(("goal for p99".to_owned(), figures.goal_p99_ms)),
            },
        )
    }

    fn backlog(&self, page: &mut String) -> Result<(), Failure> {
        let Some(Measured { conditions, figures: rows }) =
            self.read::<Vec<backlog::Row>>("backlog")?
        else {
            return Ok(());
        };
        writeln!(page, "## A long queue costs no more than a short one\n\n{BACKLOG}\n")?;
        writeln!(page, "{}\n", conditions.words())?;
        writeln!(
            page,
            "| queued | sent | requests each | read units each | write units each | processor time each |"
        )?;
        writeln!(page, "| ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for row in &rows {
            writeln!(
                page,
                "| {} | {} | {:.2} | {:.2} | {:.2} | {:.0} µs |",
                row.backlog,
                row.sent,
                row.requests_each,
                row.read_units_each,
                row.write_units_each,
                row.cpu_us_each,
            )?;
        }
        writeln!(page)?;
        Ok(())
    }

    fn cost(&self, page: &mut String) -> Result<(), Failure> {
        let Some(Measured { conditions, figures: rows }) = self.read::<Vec<cost::Row>>("cost")?
        else {
            return Ok(());
        };
        writeln!(page, "## What a delivered notification costs\n\n{COST}\n")?;
        writeln!(page, "{}\n", conditions.words())?;
        writeln!(
            page,
            "| kind | largest item as JSON | write units: enqueue | claim to receipt | together | read units | requests | dollars a million |"
        )?;
        writeln!(page, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for row in &rows {
            writeln!(
                page,
                "| {} | {} B | {:.2} | {:.2} | **{:.2}** | {:.2} | {:.2} | {:.2} |",
                row.kind,
                row.item_bytes,
                row.enqueue_write_units,
                row.later_write_units,
                row.write_units(),
                row.read_units,
                row.requests,
                row.dollars_a_million(),
            )?;
        }
        writeln!(page)?;
        Ok(())
    }

    fn soak(&self, page: &mut String) -> Result<(), Failure> {
        let Some(Measured { conditions, figures }) = self.read::<soak::Figures>("soak")? else {
            return Ok(());
        };
        writeln!(page, "## Everything at once\n\n{SOAK}\n")?;
        writeln!(page, "{}\n", conditions.words())?;
        writeln!(page, "| | |\n| --- | ---: |")?;
        let mut row = |what: &str, value: String| writeln!(page, "| {what} | {value} |");
        row(
            "minutes in which messages came in; all was settled after them",
            figures.minutes.to_string(),
        )?;
        row("accepted (202)", figures.accepted.to_string())?;
        row("delivered", figures.delivered.to_string())?;
        row("reported", figures.reported.to_string())?;
        for (status, count) in figures.by_status.iter().filter(|(status, _)| *status != "delivered")
        {
            row(&format!("· {status}"), count.to_string())?;
        }
        let missing =
            figures.accepted.cast_signed() - (figures.delivered + figures.reported).cast_signed();
        row("**accepted − delivered − reported**", format!("**{missing}**"))?;
        row("**sent twice**", format!("**{}**", figures.sent_twice))?;
        row("steps out of order", figures.out_of_order.to_string())?;
        row("requests at the provider", figures.requests.to_string())?;
        row("sliding seconds over the limit of 50", figures.seconds_over.to_string())?;
        row("busiest sliding second", figures.busiest_second.to_string())?;
        row("· as it departed", figures.busiest_second_departing.to_string())?;
        let way = format!("{:.0} ms, {:.0} ms", figures.usual_way_ms, figures.longest_way_ms);
        row("from departure to arrival: median, longest (the allowance is 50 ms)", way)?;
        row("senders killed", figures.senders_killed.to_string())?;
        row("faults of the provider, beside unlucky numbers", figures.provider_faults.to_string())?;
        writeln!(page)?;
        for violation in &figures.violations {
            writeln!(page, "Broken: {violation}\n")?;
        }
        Ok(())
    }

    fn enqueue(&self, page: &mut String) -> Result<(), Failure> {
        let Some(Measured { conditions, figures }) = self.read::<enqueue::Figures>("enqueue")?
        else {
            return Ok(());
        };
        writeln!(page, "## Taking notifications in\n\n{ENQUEUE}\n")?;
        writeln!(page, "{}\n", conditions.words())?;
        writeln!(page, "| | notifications a second | of bare puts |\n| --- | ---: | ---: |")?;
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

    fn run(&self, page: &mut String) -> Result<(), Failure> {
        let Some(Measured { conditions, figures: rows }) = self.read::<Vec<run::Row>>("run")?
        else {
            return Ok(());
        };
        writeln!(page, "## Runs of schedules\n\n{RUN}\n")?;
        writeln!(page, "{}\n", conditions.words())?;
        writeln!(
            page,
            "| members | stored a second | bare puts a second | of bare puts | the process's memory, at most |"
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

    fn binaries(&self, page: &mut String) -> Result<(), Failure> {
        let Some(Measured { conditions, figures }) = self.read::<binaries::Figures>("binaries")?
        else {
            return Ok(());
        };
        writeln!(page, "## The binaries\n\n{BINARIES}\n")?;
        writeln!(page, "{}\n", conditions.words())?;
        write!(page, "| function |")?;
        for sizes in &figures.sizes {
            let architecture = sizes.architecture.words();
            write!(page, " {architecture}: binary | zip |")?;
        }
        writeln!(page, "\n| --- |{}", " ---: | ---: |".repeat(figures.sizes.len()))?;
        for (index, first) in figures.sizes.first().iter().flat_map(|s| &s.functions).enumerate() {
            write!(page, "| {} |", first.function)?;
            for size in figures.sizes.iter().filter_map(|sizes| sizes.functions.get(index)) {
                write!(
                    page,
                    " {} | {} |",
                    megabytes(size.binary_bytes),
                    megabytes(size.zip_bytes)
                )?;
            }
            writeln!(page)?;
        }
        writeln!(page)?;
        for LeftOut { architecture, reason } in &figures.left_out {
            writeln!(page, "**Left out: {}.** There was {reason}.\n", architecture.words())?;
        }
        writeln!(
            page,
            "| function ({}) | init | first request | later ones | processor time until the first answer |",
            figures.started_on.words()
        )?;
        writeln!(page, "| --- | ---: | ---: | ---: | ---: |")?;
        for Started { function, start } in &figures.starts {
            writeln!(page, "| {function} | {} |", start_cells(start))?;
        }
        writeln!(page)?;
        let Load { memory_mib, in_flight, sent, cpu_us_each } = figures.sender;
        writeln!(
            page,
            "The sender's process took at most {memory_mib:.0} MiB, with {in_flight} requests under \
             way: it has 900 at most, since each has a connection of its own and a function on Lambda \
             may have 1,024 files open, as it may here. It sent {sent} messages, for \
             {cpu_us_each:.0} µs of processor time each.\n"
        )?;
        writeln!(page, "{}\n", over_the_goals(&figures))?;
        self.profiles(page)
    }

    fn profiles(&self, page: &mut String) -> Result<(), Failure> {
        let Some(Measured { conditions, figures: rows }) =
            self.read::<Vec<ProfileRow>>("profiles")?
        else {
            return Ok(());
        };
        writeln!(page, "### The release profile\n\n{PROFILES}\n")?;
        writeln!(page, "{}\n", conditions.words())?;
        writeln!(
            page,
            "| `opt-level`, `lto`, codegen units | binary | zip | init | first request | later ones | processor time until the first answer | for each message | memory |"
        )?;
        writeln!(page, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for ProfileRow { profile, size, start, load } in &rows {
            writeln!(
                page,
                "| {} | {} | {} | {} | {:.0} µs | {:.0} MiB |",
                profile.words(),
                megabytes(size.binary_bytes),
                megabytes(size.zip_bytes),
                start_cells(start),
                load.cpu_us_each,
                load.memory_mib,
            )?;
        }
        writeln!(page)?;
        if rows.len() < Profile::ALL.len() {
            writeln!(page, "**Not complete**: other profiles were not measured.\n")?;
        }
        Ok(())
    }
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

/// What missed a goal, in words.
fn over_the_goals(figures: &binaries::Figures) -> String {
    let mut missed = Vec::new();
    for sizes in &figures.sizes {
        for size in sizes.functions.iter().filter(|size| size.zip_bytes > ZIP_BYTES_GOAL) {
            missed.push(format!("the zip of {} for {}", size.function, sizes.architecture.words()));
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

const ZIP_BYTES_GOAL: u64 = 3_000_000;
const INIT_MS_GOAL: f64 = 20.0;

const HEAD: &str = "\
# Benchmarks

What Alimi reaches and costs, with the commands that measured it. `cargo xtask bench all` runs
everything in about an hour and a half and writes this page, its data and its charts; `cargo xtask
bench --help` lists the parts. Nothing here is part of the tests.

Everything runs on one machine, over loopback, against an embedded DynamoDB and a simulated
provider; so figures of speed are those of this machine, and what counts is what they are held
against. The embedded database carries a few thousand operations a second, less than DynamoDB.

";

const PACE: &str = "\
A backlog of a minute, drained by the sender on a thread of its own, over HTTP to the provider on
another. N is the limit, J the jitter allowance of 25 ms; even spacing allows N/(1+J). Arrivals are
counted by the provider. Everything that arrives counts: messages and tokens. No receipts come, at any
limit, since the embedded database would be the bottleneck at the highest; three lanes are measured at
once. *Strict* lets each departure wait for the answer to the one a limit before it, and a second more:
that bounds it by N / (1 + latency), and by the slowest of its answers where these have a tail. A
hand-over every 10 s is five or more in a row; the sender that is killed has a slice of 25 s, so that its
end does not come just before.";

const KILLED: &str = "\
The successor is woken half a second after nothing comes any more: what is measured is the lease. Where
Alimi is deployed, it is woken by the next producer or hand-over, and by the sweeper within a minute.
The dead sender's message group is blocked for its visibility time-out of 45 s; the next hand-over goes
past it, to the lane's third group.";

const PRIORITY: &str = "\
A batch of 100,000 is being sent at 50/s; real-time messages arrive at random moments, five a second
on average. From acceptance (the time stamped before the notification is stored) to departure; no receipts
come. The goal: two slots and 150 ms.";

const BACKLOG: &str = "\
The sender's requests to DynamoDB, its read and write units and its processor time for each message,
over the first thousand messages of a queue; no receipts come. Fixed costs (lease, heads, channel) are
included.";

const COST: &str = "\
Units are those that the embedded database's answers name (ConsumedCapacity, by DynamoDB's rules), summed
over enqueue, claim, response and receipt; failed conditions would add theirs (there are none here). Fixed costs of the
lane (lease, heads, channel) are included, at 40 messages a second. Dollars are DynamoDB's alone: $0.625 for a million
write units, $0.125 for a million read units, on demand, us-east-1. The goal: 9 write units for a
standalone message of up to 1 KB. That is what one takes; the lane's lease adds the rest.";

const SOAK: &str = "\
Real-time messages and sequences, and every five minutes a batch of 8,000 with the priority of scheduled
messages, at a limit of 50/s. One
number in eleven has a bad fate (refused, undelivered, doubled, late or no receipt, a lost answer);
the provider answers some requests with 429, 5xx, a refused address or a revoked token; one sender
in eight is killed at a random moment. What is not delivered has to be reported: on the exceptions
list, cancelled with a reason, or blocked behind an exception. A request whose way takes longer than the
jitter allowance covers, as on a machine that is busy otherwise, can make one second too full that was
right as it departed: both are counted.";

const ENQUEUE: &str = "\
The function's handler against the embedded database over loopback, sixteen requests at once; and
the very same items put with the bare client on the same condition, in turns, medians of five
rounds. A single request also reads the idempotency record, the template and the channel, each of
them a request like the put itself.";

const RUN: &str = "\
One run of a schedule, the pace of its puts left off, by a process of its own that does what the
trigger does: pages of 500 members from the database, a notification each, the cursor after each
page. The run is cut into invocations of a second, and before, between and after them the same
process puts 1,000 copies of a notification with the bare client. The goal: 80 % of the bare puts, and memory that does not grow with the audience.";

const BINARIES: &str = "\
Every function, built by cargo-lambda with the release profile as SAM builds it, and packed as SAM
packs it. The rest is measured on the machine's own architecture, under Lambda's runtime emulator,
with a database and stand-ins for the other services on loopback: init, from the process's beginning
until it asks for its first event; the first request; nineteen more, or three of the sender, which waits;
medians over nine starts. Each
request does the same work: a notification stored, a wake of an empty lane (without the two seconds for
which the sender waits whether there is more), a receipt nobody waits for, the channels listed, a firing
of no schedule, a changed schedule, a sweep. The goals: a zip of 3 MB at
most, an init of 20 ms at most, and a first request that finds its clients warm: they are made, their
certificates are read and a connection to the database is open when init ends. Those to SQS and to
Secrets Manager are opened by the first request that needs them: AWS has no call that every function may
make there and that does nothing. On loopback connections have no TLS.

All functions are made from one library, and hold only what they use: link-time optimisation leaves
neither S3's nor the scheduler's SDK in `enqueue`, so features would only take longer to build. What
reads audience files (trigger, console) holds S3's SDK, and with it tables of every checksum there
is, which its `crc-fast` keeps together: 0.6 MB that do not compress.

Times are real time on a machine with other work; processor time is not stretched by that, and holds
init and the first request together.";

const PROFILES: &str = "\
The sender, built with other profiles by the same compiler. Its request is a wake of an empty lane,
without the two seconds for which it waits whether there is more; processor time for each message is that
of a run as busy as the provider's answers, after eight seconds each, let it be. The smallest is released,
for the goal of 3 MB: with `s` the sender's zip is 8 % larger, and by that share the console's for arm64
would be 3.1 MB. What `s` would save, a few milliseconds of a start and a quarter of a millisecond of
processor time a message, a sender that waits for its slots has to spare.";
