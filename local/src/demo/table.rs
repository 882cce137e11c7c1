//! The closing table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alimi::domain::hours::Window;
use alimi::domain::{HoursConfig, Notification, NotificationId, SequenceId, Status};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, Table};

use super::batch::{Batch, RunView};
use super::flow::Person;
use super::texts::Texts;
use super::waits::Waits;
use crate::simulator::{Arrival, TOO_MANY};
use crate::testing::audit::Audit;

pub(super) struct Figures<'a> {
    /// The sequences of the example's flow.
    pub(super) sequences: &'a [(SequenceId, &'a Person)],
    pub(super) repeated: usize,
    pub(super) limit: usize,
    pub(super) took: Duration,
    pub(super) audit: &'a Audit,
    pub(super) stored: &'a BTreeMap<NotificationId, Notification>,
    pub(super) arrivals: &'a [Arrival],
    pub(super) texts: &'a Texts,
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
    let steps = steps_of(figures);
    let is_last = |n: &&&Notification| {
        n.sequence_step.as_ref().is_some_and(|step| step.step + 1 == step.steps)
    };
    let completed = steps.iter().filter(is_last).filter(|n| n.status == Status::Delivered).count();
    let sequences = figures.sequences.len().to_string();
    row("sequences", sequences, &format!("{} posted twice", figures.repeated));
    row("  completed", completed.to_string(), "every step delivered");
    for (reason, count) in stops(&steps) {
        row("  stopped", count.to_string(), &reason);
    }

    batch(figures, &mut row);
    texts(figures, &mut row);

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
        let stored_ms = run.stored_at.map_or(started_ms, jiff::Timestamp::as_millisecond);
        let counts = &run.counts;
        (
            run.status.as_str(),
            format!("{} / {} / {}", counts.stored, counts.invalid, counts.duplicate),
            format!(
                "started {:.1} s after its time, took {:.1} s",
                seconds(at_ms, started_ms),
                seconds(started_ms, stored_ms)
            ),
        )
    });
    row("  run", run.0.to_owned(), &run.2);
    row("  members", run.1, "stored / invalid / duplicate");
    let delivered =
        batch.messages(figures.stored).filter(|n| n.status == Status::Delivered).count();
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

/// The text messages by themselves, and the sequences with a fallback step.
fn texts(figures: &Figures<'_>, row: &mut impl FnMut(&str, String, &str)) {
    let Figures { texts, stored, .. } = figures;
    let singles = texts.singles.len();
    row("text messages", singles.to_string(), "one SMS and one LMS, by themselves");
    row("  delivered", texts.delivered(stored).to_string(), &format!("must be {singles}"));
    let sequences = texts.sequences.len().to_string();
    row("sequences with a fallback", sequences, "step 2 is an SMS, after: failed");
    let sent = texts.fallbacks(stored, Status::Delivered).to_string();
    row("  fallback delivered", sent, "step 1 was undelivered");
    let spared = texts.fallbacks(stored, Status::Cancelled).to_string();
    row("  fallback not needed", spared, "step 1 was delivered");
}

/// The steps of the sequences of the example's flow.
fn steps_of<'a>(figures: &Figures<'a>) -> Vec<&'a Notification> {
    let ids: BTreeSet<&SequenceId> = figures.sequences.iter().map(|(id, _)| id).collect();
    let is_step = |n: &&Notification| {
        n.sequence_step.as_ref().is_some_and(|place| ids.contains(&place.sequence))
    };
    figures.stored.values().filter(is_step).collect()
}

/// The number of stopped sequences, by step, reason and result code.
fn stops(steps: &[&Notification]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for notification in steps {
        let Some(place) = &notification.sequence_step else { continue };
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
            *counts.entry(format!("step {}: {name} {code}", place.step + 1)).or_insert(0) += 1;
        }
    }
    counts
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
