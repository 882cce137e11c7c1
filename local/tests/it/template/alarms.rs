//! Alarms, dashboard and costs match the metrics that the functions write.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex};

use alimi::domain::{LaneMetrics, SweepMetrics};
use alimi::ports::Meter;
use alimi::telemetry::EmbeddedMetrics;
use serde_json::Value as Json;
use serde_yaml_ng::Value;

use super::reading::{functions, named, only_if, resources, substituted, template};

#[test]
fn every_alarm_says_what_to_do_and_notifies_the_alarm_topic() {
    const TOPIC: &str =
        "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:${AlarmTopicName}";
    for (name, alarm) in resources(template(), "AWS::CloudWatch::Alarm") {
        let alarm = &alarm["Properties"];
        assert!(alarm["AlarmDescription"].as_str().is_some_and(|text| text.len() > 40), "{name}");
        let missing_data = &alarm["TreatMissingData"];
        assert!(!missing_data.is_null(), "{name} does not say what missing data means");
        let topics = only_if(&alarm["AlarmActions"], "HasAlarmTopic");
        let [topic] = &topics.as_sequence().expect("a list")[..] else { panic!("{name}") };
        assert_eq!(substituted(topic), Some(TOPIC), "{name}");
        assert!(alarm["OKActions"].is_null(), "{name} sends a mail when all is well");
    }
}

/// Otherwise a fault that comes and goes would send a mail each time, or none if it lasted for less than
/// several periods.
#[test]
fn an_alarm_on_a_count_goes_off_at_once_and_ends_after_four_good_periods() {
    let mut counts = 0;
    for (name, alarm) in resources(template(), "AWS::CloudWatch::Alarm") {
        let alarm = &alarm["Properties"];
        let is_dead_letter = alarm["Threshold"].as_u64() == Some(0);
        let is_above = alarm["ComparisonOperator"].as_str() == Some("GreaterThanThreshold");
        if is_above && (alarm["Statistic"].as_str() == Some("Sum") || is_dead_letter) {
            counts += 1;
            let of = (alarm["DatapointsToAlarm"].as_u64(), alarm["EvaluationPeriods"].as_u64());
            assert_eq!(of, (Some(1), Some(5)), "{name}");
        }
    }
    assert!(counts > 30, "{counts}");
}

/// Each alarm: the metric that it watches, the resource of that metric, and the threshold. Whoever
/// removes an alarm also changes this list and the costs in docs/deploy.md.
const ALARMS: &[&str] = &[
    "AgendaWritesThrottledAlarm: AWS/DynamoDB WriteThrottleEvents of NotificationsTable, agenda > 60",
    "ApiErrorsAlarm: AWS/ApiGateway 5xx of Api > 0",
    "ApiRefusedAlarm: AWS/ApiGateway 4xx of Api > 100",
    "CatalogReadsThrottledAlarm: AWS/DynamoDB ReadThrottleEvents of CatalogTable > 60",
    "CatalogWritesThrottledAlarm: AWS/DynamoDB WriteThrottleEvents of CatalogTable > 60",
    "ChangeDeadLetterAgeAlarm: AWS/SQS ApproximateAgeOfOldestMessage of ChangeDeadLetterQueue > 600",
    "ChangeDeadLettersAlarm: AWS/SQS ApproximateNumberOfMessagesVisible of ChangeDeadLetterQueue > 0",
    "ChannelDownAlarm: Alimi ChannelDown of AWS::StackName > 0",
    "ConsoleErrorsAlarm: AWS/Lambda Errors of ConsoleFunction > 0",
    "ConsoleThrottledAlarm: AWS/Lambda Throttles of ConsoleFunction > 0",
    "DeadLettersAlarm: Alimi DeadLetters of AWS::StackName > 0",
    "EnqueueErrorsAlarm: AWS/Lambda Errors of EnqueueFunction > 0",
    "EnqueueThrottledAlarm: AWS/Lambda Throttles of EnqueueFunction > 0",
    "ErrorsLoggedAlarm: Alimi/${AWS::StackName} ErrorsLogged > 0",
    "FailedFiringsLostAlarm: AWS/Lambda DestinationDeliveryFailures of TriggerFunction > 0",
    "FiringErrorsAlarm: AWS/Scheduler TargetErrorCount of ScheduleGroup > 0",
    "FiringsLostAlarm: AWS/Scheduler InvocationsFailedToBeSentToDeadLetterCount of ScheduleGroup > 0",
    "LedgerReadsThrottledAlarm: AWS/DynamoDB ReadThrottleEvents of LedgerTable > 60",
    "LedgerWritesThrottledAlarm: AWS/DynamoDB WriteThrottleEvents of LedgerTable > 60",
    "MembersReadsThrottledAlarm: AWS/DynamoDB ReadThrottleEvents of MembersTable > 60",
    "MembersWritesThrottledAlarm: AWS/DynamoDB WriteThrottleEvents of MembersTable > 60",
    "NotificationsReadsThrottledAlarm: AWS/DynamoDB ReadThrottleEvents of NotificationsTable > 60",
    "NotificationsWritesThrottledAlarm: AWS/DynamoDB WriteThrottleEvents of NotificationsTable > 60",
    "ObserverErrorsAlarm: AWS/Lambda Errors of ObserverFunction > 2",
    "ObserverThrottledAlarm: AWS/Lambda Throttles of ObserverFunction > 0",
    "PlannerAgeAlarm: AWS/Lambda IteratorAge of PlannerFunction > 300000",
    "PlannerErrorsAlarm: AWS/Lambda Errors of PlannerFunction > 0",
    "PlannerThrottledAlarm: AWS/Lambda Throttles of PlannerFunction > 0",
    "QueueAgeAlarm: Alimi QueueAge of AWS::StackName > QueueAgeAlarmMs",
    // 600 s are five tries to record a receipt.
    "ReceiptAgeAlarm: AWS/SQS ApproximateAgeOfOldestMessage of ReceiptQueue > 600",
    "ReceiptDeadLetterAgeAlarm: AWS/SQS ApproximateAgeOfOldestMessage of ReceiptDeadLetterQueue > 600",
    "ReceiptDeadLettersAlarm: AWS/SQS ApproximateNumberOfMessagesVisible of ReceiptDeadLetterQueue > 0",
    // 900 s are three times the timeout of an invocation.
    "RunAgeAlarm: AWS/SQS ApproximateAgeOfOldestMessage of RunQueue > 900",
    "RunDeadLetterAgeAlarm: AWS/SQS ApproximateAgeOfOldestMessage of RunDeadLetterQueue > 600",
    "RunDeadLettersAlarm: AWS/SQS ApproximateNumberOfMessagesVisible of RunDeadLetterQueue > 0",
    "RunsReadsThrottledAlarm: AWS/DynamoDB ReadThrottleEvents of RunsTable > 60",
    "RunsWritesThrottledAlarm: AWS/DynamoDB WriteThrottleEvents of RunsTable > 60",
    "SenderErrorsAlarm: AWS/Lambda Errors of SenderFunction > 0",
    "SenderThrottledAlarm: AWS/Lambda Throttles of SenderFunction > 0",
    "StateReadsThrottledAlarm: AWS/DynamoDB ReadThrottleEvents of StateTable > 60",
    "StateWritesThrottledAlarm: AWS/DynamoDB WriteThrottleEvents of StateTable > 60",
    "SweeperErrorsAlarm: AWS/Lambda Errors of SweeperFunction > 2",
    "SweeperSilentAlarm: AWS/Lambda Invocations of SweeperFunction < 1",
    "SweeperThrottledAlarm: AWS/Lambda Throttles of SweeperFunction > 0",
    "ThrottledAlarm: Alimi Throttled of AWS::StackName > 0",
    "TriggerErrorsAlarm: AWS/Lambda Errors of TriggerFunction > 0",
    "TriggerThrottledAlarm: AWS/Lambda Throttles of TriggerFunction > 0",
    "UnconfirmedAlarm: Alimi Unconfirmed of AWS::StackName > 0",
    "UnknownAlarm: Alimi Unknown of AWS::StackName > 0",
    "WakeAgeAlarm: AWS/SQS ApproximateAgeOfOldestMessage of WakeQueue > 120",
    "WakeDeadLetterAgeAlarm: AWS/SQS ApproximateAgeOfOldestMessage of WakeDeadLetterQueue > 600",
    "WakeDeadLettersAlarm: AWS/SQS ApproximateNumberOfMessagesVisible of WakeDeadLetterQueue > 0",
    "WebhookErrorsAlarm: AWS/Lambda Errors of WebhookFunction > 0",
    "WebhookRefusedAlarm: Alimi WebhookRefused of AWS::StackName > 10",
    "WebhookThrottledAlarm: AWS/Lambda Throttles of WebhookFunction > 0",
];

#[test]
fn every_alarm_exists_and_watches_its_metric() {
    let alarms = resources(template(), "AWS::CloudWatch::Alarm");
    let found: Vec<_> = alarms
        .iter()
        .map(|(name, alarm)| {
            let alarm = &alarm["Properties"];
            let namespace = &alarm["Namespace"];
            let namespace = namespace.as_str().or_else(|| substituted(namespace));
            let namespace = namespace.expect("a namespace");
            let metric = alarm["MetricName"].as_str().expect("a metric");
            let dimensions = alarm["Dimensions"].as_sequence().into_iter().flatten();
            let values = dimensions.map(|dimension| &dimension["Value"]);
            let of: Vec<_> = values.filter_map(|of| named(of).or_else(|| of.as_str())).collect();
            let of = if of.is_empty() { String::new() } else { format!(" of {}", of.join(", ")) };
            let sign = match alarm["ComparisonOperator"].as_str() {
                Some("GreaterThanThreshold") => ">",
                Some("LessThanThreshold") => "<",
                other => panic!("{name}: {other:?}"),
            };
            let threshold = &alarm["Threshold"];
            let threshold = match threshold.as_u64() {
                Some(threshold) => threshold.to_string(),
                None => named(threshold).expect("a parameter").to_owned(),
            };
            format!("{name}: {namespace} {metric}{of} {sign} {threshold}")
        })
        .collect();
    assert_eq!(found, ALARMS);
}

/// Whether an alarm watches a metric of one resource.
fn is_watched(namespace: &str, metric: &str, resource: &str) -> bool {
    resources(template(), "AWS::CloudWatch::Alarm").values().any(|alarm| {
        let alarm = &alarm["Properties"];
        alarm["Namespace"].as_str() == Some(namespace)
            && alarm["MetricName"].as_str() == Some(metric)
            && named(&alarm["Dimensions"][0]["Value"]) == Some(resource)
    })
}

#[test]
fn every_function_has_an_alarm_on_its_errors_and_one_on_its_throttles() {
    for name in functions().into_keys() {
        for metric in ["Errors", "Throttles"] {
            assert!(is_watched("AWS/Lambda", metric, &name), "{metric} of {name}");
        }
    }
}

#[test]
fn every_table_has_an_alarm_on_throttled_reads_and_one_on_throttled_writes() {
    for name in resources(template(), "AWS::DynamoDB::Table").into_keys() {
        for metric in ["ReadThrottleEvents", "WriteThrottleEvents"] {
            assert!(is_watched("AWS/DynamoDB", metric, &name), "{metric} of {name}");
        }
    }
}

/// The names of the metrics that the functions write, by their dimensions.
fn metrics_written() -> BTreeMap<String, BTreeSet<String>> {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let metrics = EmbeddedMetrics::new("alimi".to_owned(), log.clone());
    let mut drained = LaneMetrics::default();
    drained.outcomes.insert(alimi::domain::Outcome::Accepted, 1);
    drained.answers.add(50);
    drained.waits_real_time.add(5);
    drained.waits_scheduled.add(5);
    metrics.drained("alimtalk-main", 0, &drained);
    let swept = SweepMetrics { queue_age_ms: Some(1), unknown: 1, unconfirmed: 1 };
    metrics.swept("alimtalk-main", 0, &swept);
    metrics.webhook_refused(0, 1);
    metrics.dead_letters(0, 1);

    let mut by_dimensions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let written = log.0.lock().expect("no panic").clone();
    for line in String::from_utf8(written).expect("text").lines() {
        let line: Json = serde_json::from_str(line).expect("JSON");
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().expect("directives") {
            for dimensions in directive["Dimensions"].as_array().expect("dimensions") {
                let dimensions: Vec<_> =
                    dimensions.as_array().expect("names").iter().filter_map(Json::as_str).collect();
                let metrics = directive["Metrics"].as_array().expect("metrics").iter();
                let names = metrics.filter_map(|metric| metric["Name"].as_str());
                let known = by_dimensions.entry(dimensions.join(",")).or_default();
                known.extend(names.map(str::to_owned));
            }
        }
    }
    by_dimensions
}

#[test]
fn the_alarms_watch_every_metric_of_the_stack_and_no_other() {
    let of_the_stack = &metrics_written()["Stack"];
    let mut watched = BTreeSet::new();
    for (name, alarm) in resources(template(), "AWS::CloudWatch::Alarm") {
        let alarm = &alarm["Properties"];
        if alarm["Namespace"].as_str() == Some("Alimi") {
            let dimensions = alarm["Dimensions"].as_sequence().expect("dimensions");
            assert_eq!(dimensions.len(), 1, "{name}");
            assert_eq!(dimensions[0]["Name"].as_str(), Some("Stack"), "{name}");
            assert_eq!(named(&dimensions[0]["Value"]), Some("AWS::StackName"), "{name}");
            watched.insert(alarm["MetricName"].as_str().expect("a name").to_owned());
        }
    }
    // A metric that nothing watches would only cost money.
    assert_eq!(&watched, of_the_stack);
}

/// docs/deploy.md counts the metrics and the alarms, which AWS charges each.
#[test]
fn the_costs_in_the_guide_count_the_metrics_and_the_alarms() {
    let template = template();
    let guide = include_str!("../../../../docs/deploy.md");
    let dollars = |cents: usize| format!("{}.{:02}", cents / 100, cents % 100);
    let written = metrics_written();
    let filters = resources(template, "AWS::Logs::MetricFilter");
    let counted: BTreeSet<_> = filters
        .values()
        .filter_map(|filter| {
            filter["Properties"]["MetricTransformations"][0]["MetricName"].as_str()
        })
        .collect();
    let of_a_channel = written["Stack,Channel"].len();
    let of_the_stack = written["Stack"].len() + counted.len();
    let metrics = dollars(30 * (of_a_channel + of_the_stack));
    let alarms = resources(template, "AWS::CloudWatch::Alarm").len();
    for row in [
        format!(
            "| CloudWatch metrics | {of_a_channel} a channel, and {of_the_stack} | $0.30 each | \
             {metrics} |"
        ),
        format!("| CloudWatch alarms | {alarms} | $0.10 each | {} |", dollars(10 * alarms)),
    ] {
        assert!(guide.contains(&row), "the guide does not contain: {row}");
    }
}

#[test]
fn the_dashboard_shows_only_metrics_and_resources_that_exist() {
    let template = template();
    let dashboard = &resources(template, "AWS::CloudWatch::Dashboard")["Dashboard"];
    let Value::Tagged(body) = &dashboard["Properties"]["DashboardBody"] else { panic!("no !Sub") };
    let body = body.value.as_str().expect("a text");
    let body: Json = serde_json::from_str(body).expect("JSON");
    let by_channel = &metrics_written()["Stack,Channel"];
    let mut shown = BTreeSet::new();
    for widget in body["widgets"].as_array().expect("widgets") {
        for metric in widget["properties"]["metrics"].as_array().expect("metrics") {
            let expression = metric[0]["expression"].as_str().unwrap_or_default();
            if let Some((_, searched)) = expression.split_once("MetricName=\"") {
                assert!(expression.starts_with("SEARCH('{Alimi,Stack,Channel} "), "{expression}");
                let name = searched.split('"').next().expect("a name");
                assert!(by_channel.contains(name), "no function writes {name}");
                shown.insert(name.to_owned());
            }
            for (at, dimension) in metric.as_array().expect("a metric").iter().enumerate() {
                let named = dimension.as_str().and_then(|text| text.strip_prefix("${"));
                if let Some(named) = named {
                    let name = named.trim_end_matches('}').split('.').next().expect("a name");
                    let known = name.starts_with("AWS::") || !template["Resources"][name].is_null();
                    assert!(known, "{name} at {at} of {metric}");
                }
            }
        }
    }
    for needed in ["Departures", "Limit", "QueueAge", "RequestToResponse", "Unknown", "Throttled"] {
        assert!(shown.contains(needed), "{needed} is not shown");
    }
}
