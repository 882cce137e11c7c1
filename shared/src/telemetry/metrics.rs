//! Metrics in CloudWatch's embedded metric format: one JSON object in the log for each drain, for
//! each lane in a sweeper's round, for the refused calls of the webhook, and for dead letters. CloudWatch
//! makes metrics with percentiles from them.
//!
//! Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use metrique_writer_core::format::Format;
use metrique_writer_core::unit::{NegativeScale, Unit};
use metrique_writer_core::{Entry, EntryWriter, MetricFlags, Observation, Value, ValueWriter};
use metrique_writer_format_emf::{Emf, MetricDefinition, MetricDirective};
use strum::VariantArray as _;

use crate::domain::{Histogram, LaneMetrics, Outcome, SweepMetrics};
use crate::ports::Meter;

const NAMESPACE: &str = "Alimi";

const UNKNOWN: &str = "Unknown";
const UNCONFIRMED: &str = "Unconfirmed";
const QUEUE_AGE: &str = "QueueAge";
/// Written for the whole stack only: a refused call need not name a channel that exists.
const WEBHOOK_REFUSED: &str = "WebhookRefused";
/// Written for the whole stack only: the list of dead letters tells their edges apart.
const DEAD_LETTERS: &str = "DeadLetters";

/// The metrics that `template.yaml` has alarms on. An alarm cannot search for channels, so these
/// are written for the whole stack as well. Only these, because AWS charges for each metric.
const WATCHED: [(&str, Unit); 5] = [
    (name_of(Outcome::Throttled), Unit::None),
    (name_of(Outcome::ChannelDown), Unit::None),
    (UNKNOWN, Unit::None),
    (UNCONFIRMED, Unit::None),
    (QUEUE_AGE, MILLISECONDS),
];

/// Which of the watched metrics a line contains. CloudWatch must find a value for every metric
/// that a line declares.
trait Watched {
    fn has(&self, name: &str) -> bool;
}

impl Watched for LaneMetrics {
    fn has(&self, name: &str) -> bool {
        name != UNCONFIRMED && (name != QUEUE_AGE || self.ended_requests() > 0)
    }
}

impl Watched for SweepMetrics {
    fn has(&self, name: &str) -> bool {
        [UNKNOWN, UNCONFIRMED].contains(&name) || name == QUEUE_AGE && self.queue_age_ms.is_some()
    }
}

/// Declares the metrics by channel, and those of the whole stack that the line contains.
fn format_of(metrics: &impl Watched) -> Emf {
    let watched = WATCHED.into_iter().filter(|(name, _)| metrics.has(name));
    let watched =
        watched.map(|(name, unit)| MetricDefinition { name, unit, storage_resolution: None });
    let of_the_stack = MetricDirective {
        dimensions: vec![vec!["Stack"]],
        metrics: watched.collect(),
        namespace: NAMESPACE,
    };
    let dimensions = vec![vec!["Stack".to_owned(), "Channel".to_owned()]];
    // The validation is meant for entries that macros make. The tests below check these entries.
    Emf::builder(NAMESPACE.to_owned(), dimensions)
        .skip_all_validations(true)
        .directive(of_the_stack)
        .build()
}

/// Writes metrics to a log that CloudWatch reads, for one stack.
pub struct EmbeddedMetrics<W> {
    stack: String,
    output: Mutex<W>,
}

impl<W: Write> EmbeddedMetrics<W> {
    pub fn new(stack: String, output: W) -> Self {
        Self { stack, output: Mutex::new(output) }
    }
}

impl<W: Write> EmbeddedMetrics<W> {
    fn write<F: Watched>(&self, channel: &str, at_ms: i64, metrics: &F)
    where
        for<'f> LaneEntry<'f, F>: Entry,
    {
        let entry = LaneEntry { stack: &self.stack, channel, at_ms, metrics };
        self.write_line(format_of(metrics), &entry);
    }

    /// Writes a metric of the whole stack.
    fn write_count(&self, name: &'static str, at_ms: i64, count: u64) {
        let dimensions = vec![vec!["Stack".to_owned()]];
        let format =
            Emf::builder(NAMESPACE.to_owned(), dimensions).skip_all_validations(true).build();
        self.write_line(format, &CountEntry { stack: &self.stack, name, at_ms, count });
    }

    fn write_line(&self, mut format: Emf, entry: &impl Entry) {
        // One write for each line, so that no other log line comes in between.
        let mut line = Vec::new();
        let written = format.format(entry, &mut line).map_err(|e| e.to_string());
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let written = written.and_then(|()| output.write_all(&line).map_err(|e| e.to_string()));
        if let Err(error) = written {
            tracing::warn!(error, "the metrics were not written");
        }
    }
}

impl<W: Write + Send> Meter for EmbeddedMetrics<W> {
    fn drained(&self, channel: &str, at_ms: i64, metrics: &LaneMetrics) {
        self.write(channel, at_ms, metrics);
    }

    fn swept(&self, channel: &str, at_ms: i64, metrics: &SweepMetrics) {
        self.write(channel, at_ms, metrics);
    }

    fn webhook_refused(&self, at_ms: i64, count: u64) {
        self.write_count(WEBHOOK_REFUSED, at_ms, count);
    }

    fn dead_letters(&self, at_ms: i64, count: u64) {
        self.write_count(DEAD_LETTERS, at_ms, count);
    }
}

struct LaneEntry<'f, F> {
    stack: &'f str,
    channel: &'f str,
    at_ms: i64,
    metrics: &'f F,
}

impl<F> LaneEntry<'_, F> {
    /// Writes the time and the dimensions, with which every line begins.
    fn begin<'a>(&'a self, writer: &mut impl EntryWriter<'a>) {
        writer.timestamp(time_of(self.at_ms));
        writer.value("Stack", self.stack);
        writer.value("Channel", self.channel);
    }
}

fn time_of(at_ms: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at_ms).unwrap_or(0))
}

struct CountEntry<'f> {
    stack: &'f str,
    name: &'static str,
    at_ms: i64,
    count: u64,
}

impl Entry for CountEntry<'_> {
    fn write<'a>(&'a self, writer: &mut impl EntryWriter<'a>) {
        writer.timestamp(time_of(self.at_ms));
        writer.value("Stack", self.stack);
        writer.value(self.name, &self.count);
    }
}

impl Entry for LaneEntry<'_, SweepMetrics> {
    fn write<'a>(&'a self, writer: &mut impl EntryWriter<'a>) {
        self.begin(writer);
        if let Some(queue_age_ms) = self.metrics.queue_age_ms {
            writer.value(QUEUE_AGE, &Milliseconds(queue_age_ms));
        }
        writer.value(UNKNOWN, &self.metrics.unknown);
        writer.value(UNCONFIRMED, &self.metrics.unconfirmed);
    }
}

impl Entry for LaneEntry<'_, LaneMetrics> {
    fn write<'a>(&'a self, writer: &mut impl EntryWriter<'a>) {
        let metrics = self.metrics;
        self.begin(writer);
        writer.value("Limit", &metrics.limit_per_second);
        writer.value("Departures", &metrics.ended_requests());
        for outcome in Outcome::VARIANTS {
            let count = metrics.outcomes.get(outcome).copied().unwrap_or(0);
            // AWS charges for each metric, and most providers have no use for these.
            let is_rare = matches!(outcome, Outcome::TryAgain | Outcome::Unsent);
            if count > 0 || !is_rare {
                writer.value(name_of(*outcome), &count);
            }
        }
        writer.value(UNKNOWN, &metrics.unknown);
        writer.value("InFlightMax", &(metrics.in_flight_max as u64));
        if metrics.ended_requests() > 0 {
            writer.value(QUEUE_AGE, &Milliseconds(metrics.queue_age_max_ms));
        }
        writer.value("RequestToResponse", &Percentiles(&metrics.answers));
        writer.value("AcceptedToDepartedRealTime", &Percentiles(&metrics.waits_real_time));
        writer.value("AcceptedToDepartedScheduled", &Percentiles(&metrics.waits_scheduled));
    }
}

/// The metric of an outcome.
const fn name_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "Accepted",
        Outcome::Rejected => "Rejected",
        Outcome::Throttled => "Throttled",
        Outcome::ChannelDown => "ChannelDown",
        Outcome::AddressGone => "AddressGone",
        Outcome::TryAgain => "TryAgain",
        Outcome::Unreachable => "Unreachable",
        Outcome::Unsent => "Unsent",
        Outcome::Uncertain => "Uncertain",
    }
}

const MILLISECONDS: Unit = Unit::Second(NegativeScale::Milli);

struct Milliseconds(i64);

impl Value for Milliseconds {
    fn write(&self, writer: impl ValueWriter) {
        let value = Observation::Unsigned(u64::try_from(self.0).unwrap_or(0));
        writer.metric([value], MILLISECONDS, [], MetricFlags::empty());
    }
}

/// A histogram's values with their counts: CloudWatch computes percentiles from them.
struct Percentiles<'a>(&'a Histogram);

impl Value for Percentiles<'_> {
    fn write(&self, writer: impl ValueWriter) {
        let buckets = self.0.buckets().map(|(sum_ms, count)| Observation::Repeated {
            total: sum_ms as f64,
            occurrences: count,
        });
        writer.metric(buckets, MILLISECONDS, [], MetricFlags::empty());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    const AT_MS: i64 = 1_795_305_600_000;

    fn line(metrics: &LaneMetrics) -> Json {
        written_by(|meter| meter.drained("alimtalk-main", AT_MS, metrics))
    }

    fn written_by(record: impl FnOnce(&EmbeddedMetrics<Vec<u8>>)) -> Json {
        let embedded = EmbeddedMetrics::new("alimi".to_owned(), Vec::new());
        record(&embedded);
        let written = embedded.output.into_inner().expect("no panic");
        assert_eq!(written.last(), Some(&b'\n'), "the metrics end their own line");
        serde_json::from_slice(&written).expect("one JSON object")
    }

    #[test]
    fn a_drain_becomes_metrics_of_its_stack_and_channel() {
        let mut metrics =
            LaneMetrics { in_flight_max: 3, queue_age_max_ms: 40, ..LaneMetrics::default() };
        metrics.limit_per_second = 50;
        metrics.unknown = 4;
        metrics.outcomes.insert(Outcome::Accepted, 2);
        metrics.outcomes.insert(Outcome::Throttled, 1);
        metrics.answers.add(52);
        metrics.answers.add(54);
        metrics.waits_real_time.add(7);
        let line = line(&metrics);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "Alimi");
        assert_eq!(directive["Dimensions"], json!([["Stack", "Channel"]]));
        assert_eq!(line["_aws"]["Timestamp"], 1_795_305_600_000_i64);
        assert_eq!(line["Stack"], "alimi");
        assert_eq!(line["Channel"], "alimtalk-main");
        assert_eq!(line["Departures"], 3);
        assert_eq!(line["Limit"], 50);
        assert_eq!(line["Unknown"], 4);
        assert_eq!(line["Accepted"], 2);
        assert_eq!(line["Throttled"], 1);
        assert_eq!(line["Rejected"], 0);
        assert!(line.get("TryAgain").is_none(), "it is written only if it counts something");
        assert_eq!(line["InFlightMax"], 3);
        assert_eq!(line["QueueAge"], 40);
        assert_eq!(line["RequestToResponse"], json!({ "Values": [53], "Counts": [2] }));
        assert_eq!(line["AcceptedToDepartedRealTime"], json!({ "Values": [7], "Counts": [1] }));
        let defined = directive["Metrics"].as_array().expect("metrics");
        let unit = |name: &str| {
            defined
                .iter()
                .find(|metric| metric["Name"] == name)
                .map(|metric| metric["Unit"].clone())
        };
        assert_eq!(unit("RequestToResponse"), Some(json!("Milliseconds")));
        // A zero for a metric without values would falsify its percentiles.
        assert!(line.get("AcceptedToDepartedScheduled").is_none());
    }

    #[test]
    fn a_sweepers_round_becomes_metrics_of_its_findings() {
        let metrics = SweepMetrics { queue_age_ms: Some(90_000), unknown: 1, unconfirmed: 2 };
        let line = written_by(|meter| meter.swept("alimtalk-main", AT_MS, &metrics));
        assert_eq!(
            line["_aws"]["CloudWatchMetrics"][0]["Dimensions"],
            json!([["Stack", "Channel"]])
        );
        assert_eq!(line["QueueAge"], 90_000);
        assert_eq!(line["Unknown"], 1);
        assert_eq!(line["Unconfirmed"], 2);
        assert!(line.get("Departures").is_none(), "only the sender writes departures: {line}");
    }

    #[test]
    fn refused_calls_of_the_webhook_are_a_metric_of_the_stack() {
        let line = written_by(|meter| meter.webhook_refused(AT_MS, 12));
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().expect("directives");
        assert_eq!(directives.len(), 1);
        assert_eq!(directives[0]["Namespace"], "Alimi");
        assert_eq!(directives[0]["Dimensions"], json!([["Stack"]]));
        assert_eq!(names(&directives[0]), ["WebhookRefused"]);
        assert_eq!(line["_aws"]["Timestamp"], AT_MS);
        assert_eq!(line["Stack"], "alimi");
        assert_eq!(line["WebhookRefused"], 12);
    }

    #[test]
    fn dead_letters_are_a_metric_of_the_stack() {
        let line = written_by(|meter| meter.dead_letters(AT_MS, 3));
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().expect("directives");
        assert_eq!(directives[0]["Dimensions"], json!([["Stack"]]));
        assert_eq!(names(&directives[0]), ["DeadLetters"]);
        assert_eq!((&line["Stack"], &line["DeadLetters"]), (&json!("alimi"), &json!(3)));
    }

    /// An alarm cannot search for channels.
    #[test]
    fn metrics_with_alarms_are_written_for_the_whole_stack_too() {
        let mut metrics = LaneMetrics { queue_age_max_ms: 40, ..LaneMetrics::default() };
        metrics.outcomes.insert(Outcome::Throttled, 1);
        let directives = &line(&metrics)["_aws"]["CloudWatchMetrics"];
        let by_channel = &directives[0]["Metrics"];
        let of_the_stack = &directives[1];
        assert_eq!(of_the_stack["Namespace"], "Alimi");
        assert_eq!(of_the_stack["Dimensions"], json!([["Stack"]]));
        assert_eq!(names(of_the_stack), ["Throttled", "ChannelDown", "Unknown", "QueueAge"]);
        // With another unit, the two would be different metrics.
        for metric in of_the_stack["Metrics"].as_array().expect("metrics") {
            let same = |other: &&Json| other["Name"] == metric["Name"];
            let other = by_channel.as_array().expect("metrics").iter().find(same).expect("both");
            let unit = |metric: &Json| metric.get("Unit").cloned().unwrap_or(json!("None"));
            assert_eq!(unit(metric), unit(other), "{metric}");
        }
    }

    /// The metrics that a directive declares.
    fn names(directive: &Json) -> Vec<&str> {
        let metrics = directive["Metrics"].as_array().expect("metrics").iter();
        metrics.map(|metric| metric["Name"].as_str().expect("a name")).collect()
    }

    #[test]
    fn every_declared_metric_has_a_value() {
        let swept = |queue_age_ms| SweepMetrics { queue_age_ms, unknown: 1, unconfirmed: 0 };
        let round = |metrics: SweepMetrics| {
            written_by(|meter| meter.swept("alimtalk-main", AT_MS, &metrics))
        };
        let mut sent = LaneMetrics::default();
        sent.outcomes.insert(Outcome::Accepted, 1);
        let lines =
            [line(&LaneMetrics::default()), line(&sent), round(swept(None)), round(swept(Some(1)))];
        for line in &lines {
            let directives = line["_aws"]["CloudWatchMetrics"].as_array().expect("directives");
            assert_eq!(directives.len(), 2);
            for name in directives.iter().flat_map(names) {
                assert!(line.get(name).is_some(), "{name} in {line}");
            }
        }
        let of_the_stack = &lines[3]["_aws"]["CloudWatchMetrics"][1];
        assert_eq!(names(of_the_stack), ["Unknown", "Unconfirmed", "QueueAge"]);
    }

    #[test]
    fn a_drain_that_sent_nothing_has_no_latencies() {
        let line = line(&LaneMetrics::default());
        assert_eq!(line["Departures"], 0);
        for name in ["QueueAge", "RequestToResponse", "AcceptedToDepartedRealTime"] {
            assert!(line.get(name).is_none(), "{name}");
        }
    }
}
