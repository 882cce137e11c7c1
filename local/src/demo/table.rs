//! The closing table.

use std::collections::BTreeMap;
use std::time::Duration;

use alimi::domain::hours::Window;
use alimi::domain::{HoursConfig, Notification, NotificationId, Status};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, Table};

use super::batch::{Batch, RunView};
use super::waits::Waits;
use crate::simulator::{Arrival, TOO_MANY};
use crate::testing::audit::Audit;

pub(super) struct Figures<'a> {
    pub(super) sequences: usize,
    pub(super) repeated: usize,
    pub(super) limit: usize,
    pub(super) took: Duration,
    pub(super) audit: &'a Audit,
    pub(super) stored: &'a BTreeMap<NotificationId, Notification>,
    pub(super) arrivals: &'a [Arrival],
    pub(super) batch: &'a Batch,
    pub(super) run: Option<&'a RunView>,
    pub(super) waits: &'a Waits,
    /// The permitted hours of scheduled messages in the demo.
    pub(super) window: Window,
}

pub(super) fn of(figures: &Figures<'_>) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["", "", ""]);
    let mut row = |label: &str, value: String, note: &str| {
        table.add_row([Cell::new(label), Cell::new(value), Cell::new(note)]);
    };
    let stored = figures.stored;
    let is_last = |n: &&Notification| {
        n.sequence_step.as_ref().is_some_and(|step| step.step + 1 == step.steps)
    };
    let completed =
        stored.values().filter(is_last).filter(|n| n.status == Status::Delivered).count();
    row("sequences", figures.sequences.to_string(), &format!("{} posted twice", figures.repeated));
    row("  completed", completed.to_string(), "every step delivered");
    for (reason, count) in stops(stored) {
        row("  stopped", count.to_string(), &reason);
    }

    batch(figures, &mut row);

    let messages = figures.arrivals.iter().filter(|a| a.reference.is_some()).count();
    let rate = messages as f64 / figures.took.as_secs_f64();
    row("requests for messages", messages.to_string(), &format!("{rate:.1} a second on average"));
    let refused = figures.arrivals.iter().filter(|a| a.code == TOO_MANY).count();
    row("  refused with 429", refused.to_string(), "sent again after the requested pause");
    row("sent twice", figures.audit.sent_twice.len().to_string(), "must be 0");
    row("order violations", figures.audit.out_of_order.len().to_string(), "must be 0");
    row(
        "busiest sliding second",
        figures.audit.busiest_second.to_string(),
        &format!("the limit is {}", figures.limit),
    );

    let attempts = || stored.values().flat_map(|n| &n.attempts);
    let answered = attempts()
        .filter_map(|a| Some((a.response_received_at_ms? - a.request_sent_at_ms?) as f64))
        .collect();
    row("request to answer", percentiles(answered), "p50 / p95 / p99");
    let release = figures.audit.release_ms.clone();
    row("receipt to next step", percentiles(release), "p50 / p95 / p99, including the queue");
    table.to_string()
}

/// The scheduled batch, and the waits of real-time messages meanwhile.
fn batch(figures: &Figures<'_>, row: &mut impl FnMut(&str, String, &str)) {
    let Figures { batch, run, waits, window, .. } = figures;
    let at_ms = batch.at.as_millisecond();
    let seconds = |from_ms: i64, to_ms: i64| (to_ms - from_ms) as f64 / 1000.0;
    row(
        "scheduled batch",
        format!("{} members", batch.members),
        "uploaded as CSV, started by a schedule",
    );
    let run = run.map_or(("–", "no run".to_owned(), String::new()), |run| {
        let started_ms = run.started_at.as_millisecond();
        let ended_ms = run.ended_at.map_or(started_ms, jiff::Timestamp::as_millisecond);
        let counts = &run.counts;
        (
            run.status.as_str(),
            format!("{} / {} / {}", counts.stored, counts.invalid, counts.duplicate),
            format!(
                "started {:.1} s after its time, took {:.1} s",
                seconds(at_ms, started_ms),
                seconds(started_ms, ended_ms)
            ),
        )
    });
    row("  run", run.0.to_owned(), &run.2);
    row("  members", run.1, "stored / invalid / duplicate");
    let delivered = figures
        .stored
        .values()
        .filter(|n| n.sequence_step.is_none() && n.status == Status::Delivered)
        .count();
    row("  delivered", delivered.to_string(), "the other phone numbers make messages fail");
    let sent = waits.batch_us.map_or("–".to_owned(), |(began_us, ended_us)| {
        let after = |us: i64| seconds(at_ms, us / 1000);
        format!("{:.1} – {:.1} s", after(began_us), after(ended_us))
    });
    row("  sent", sent, "first and last message, after the schedule's time");
    row("  wait", percentiles(waits.batch_ms.clone()), "p50 / p95 / p99");
    row(
        "real-time wait meanwhile",
        percentiles(waits.real_time_ms.clone()),
        &format!("p50 / p95 / p99 of {} messages", waits.real_time_ms.len()),
    );
    row("  overtaken by the batch", waits.overtaken.len().to_string(), "must be 0");
    row(
        "permitted hours",
        window.to_string(),
        &format!("for this demo; {} by default", HoursConfig::default().scheduled),
    );
}

/// The number of stopped sequences, by step, reason and result code.
fn stops(stored: &BTreeMap<NotificationId, Notification>) -> BTreeMap<String, usize> {
    let mut stops = BTreeMap::new();
    for notification in stored.values() {
        let Some(step) = &notification.sequence_step else { continue };
        let is_cause = match notification.status {
            Status::Failed | Status::Expired | Status::Unknown | Status::Unconfirmed => true,
            Status::Blocked
            | Status::Deferred
            | Status::Queued
            | Status::Sending
            | Status::Accepted
            | Status::Cancelled
            | Status::Delivered => false,
        };
        if is_cause {
            let reason = notification.reason.as_ref();
            let name = reason.map_or("", alimi::domain::Reason::name);
            let code = reason.and_then(alimi::domain::Reason::code).unwrap_or_default();
            *stops.entry(format!("step {}: {name} {code}", step.step + 1)).or_insert(0) += 1;
        }
    }
    stops
}

fn percentiles(mut values: Vec<f64>) -> String {
    if values.is_empty() {
        return "–".to_owned();
    }
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into a list"
        )]
        let index = (share * (values.len() - 1) as f64).round() as usize;
        values[index]
    };
    format!("{:.0} / {:.0} / {:.0} ms", at(0.50), at(0.95), at(0.99))
}
