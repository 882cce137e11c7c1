//! The rounds of the sweeper in a world.

use std::sync::Arc;
use std::time::Duration;

use alimi::domain::AgendaKey;
use alimi::ports::Clock;
use alimi::use_cases::SweepReport;
use alimi_sweeper::{Report, SweeperFunction};
use dynoxide::Database;
use dynoxide::actions::scan::ScanRequest;
use serde_json::Value;
use tokio::time::Instant;

use super::clock::WorldClock;
use crate::aws::embedded;

const MINUTE_MS: i64 = 60_000;
const QUARTER_MS: i64 = 15 * MINUTE_MS;
/// A world is quiet when the agenda has not changed for so many rounds. Everything that the sweeper
/// repairs after a crash is due sooner.
const QUIET_AFTER_ROUNDS: usize = 10;
/// The sweeper of a quiet world works in so many minutes before each quarter of an hour.
const AWAKE_MS: i64 = 2 * MINUTE_MS;

/// Begins a round every minute, for ever: a round may last for most of its minute. In a quiet world
/// all rounds do the same, so most of them are left out: those that are not near a quarter of an
/// hour. Windows open, schedules fire, and tests set times at quarters only.
///
/// # Panics
/// When a round fails.
pub(super) async fn sweep(sweeper: SweeperFunction, database: Database, clock: Arc<WorldClock>) {
    let (mut before, mut quiet_rounds) = (Vec::new(), 0);
    let mut begins_at = Instant::now();
    loop {
        begins_at = Instant::now().max(begins_at + Duration::from_secs(60));
        tokio::time::sleep_until(begins_at).await;
        let began_ms = clock.now_ms();
        let swept = alimi_sweeper::handle(&sweeper).await;
        assert!(swept.is_ok(), "the sweeper failed: {swept:?}");
        let agenda = agenda(&database);
        let is_quiet = agenda == before
            && !has_deadline(&agenda)
            && swept.is_ok_and(did_nothing)
            && !has_open_circuit(&database);
        quiet_rounds = if is_quiet { quiet_rounds + 1 } else { 0 };
        before = agenda;
        if quiet_rounds >= QUIET_AFTER_ROUNDS {
            let until_quarter_ms = QUARTER_MS - began_ms.rem_euclid(QUARTER_MS);
            let skipped_ms = (until_quarter_ms - AWAKE_MS - MINUTE_MS).max(0);
            begins_at += Duration::from_millis(skipped_ms.unsigned_abs());
        }
    }
}

#[expect(clippy::expect_used, reason = "this fails the test whose sweeper this is")]
fn agenda(database: &Database) -> Vec<AgendaKey> {
    embedded::agenda(database).expect("the agenda")
}

/// Whether a round repaired nothing. It may have woken a lane: the sweeper wakes a lane with a closed
/// window in every fifth round.
fn did_nothing(report: Report) -> bool {
    let Report { swept, runs_resumed, runs_finished, times_missed, schedules_repaired } = report;
    let SweepReport { lanes_woken: _, deadlines_closed, channels_failed } = swept;
    let runs = runs_resumed + runs_finished;
    deadlines_closed + channels_failed + runs + times_missed + schedules_repaired == 0
}

/// Whether the circuit of a lane is open. Its probes have times of their own.
#[expect(clippy::expect_used, reason = "this fails the test whose sweeper this is")]
fn has_open_circuit(database: &Database) -> bool {
    let scan = ScanRequest { table_name: embedded::tables().state, ..ScanRequest::default() };
    let rows = serde_json::to_value(database.scan(scan).expect("the rows")).expect("JSON");
    let is_open = |row: &Value| {
        row["position"]["M"]["circuit_breaker"]["M"]["open_since_us"]["N"].is_string()
    };
    rows["Items"].as_array().is_some_and(|rows| rows.iter().any(is_open))
}

/// Whether a message waits for a time of its own, and not only for its window.
fn has_deadline(agenda: &[AgendaKey]) -> bool {
    agenda.iter().any(|key| !is_ready(key))
}

/// Whether a message can be sent as soon as its window is open.
pub(super) fn is_ready(key: &AgendaKey) -> bool {
    key.partition.contains("#ready")
}
