//! Tables survive the stack, and queues keep every message that a function could not handle.

use std::collections::{BTreeMap, BTreeSet};

use alimi_local::aws::receipt_queue;
use serde_yaml_ng::Value;

use super::reading::{either, functions, named, only_if, resources, template};

#[test]
fn every_table_survives_the_stack_and_can_be_restored() {
    for (name, table) in resources(template(), "AWS::DynamoDB::Table") {
        let kept = table["DeletionPolicy"].as_str();
        assert_eq!(kept, Some("RetainExceptOnCreate"), "{name}");
        assert_eq!(table["UpdateReplacePolicy"].as_str(), Some("Retain"), "{name}");
        let properties = &table["Properties"];
        // A key that AWS owns encrypts the table, unless the user names another key.
        let key = only_if(&properties["SSESpecification"], "HasTableKey");
        assert_eq!(key["SSEEnabled"].as_bool(), Some(true), "{name}");
        assert_eq!(key["SSEType"].as_str(), Some("KMS"), "{name}");
        assert_eq!(named(&key["KMSMasterKeyId"]), Some("TableKeyId"), "{name}");
        let (yes, no) = either(&properties["DeletionProtectionEnabled"], "ProtectsTables");
        assert_eq!((yes.as_bool(), no.as_bool()), (Some(true), Some(false)), "{name}");
        let recovery = &properties["PointInTimeRecoverySpecification"];
        assert_eq!(recovery["PointInTimeRecoveryEnabled"].as_bool(), Some(true), "{name}");
        assert!(properties["TableName"].is_null(), "{name}: two stacks could not share an account");
    }
}

/// The keys of a table or of an index: those with the hash key first.
fn keys(schema: &Value) -> Vec<&str> {
    let keys = schema.as_sequence().expect("keys");
    let kinds: Vec<_> = keys.iter().filter_map(|key| key["KeyType"].as_str()).collect();
    assert_eq!(kinds, ["HASH", "RANGE"][..keys.len()]);
    keys.iter().map(|key| key["AttributeName"].as_str().expect("a name")).collect()
}

/// An index whose items are copied costs a write more for each change of what is copied.
#[test]
fn the_indexes_of_notifications_hold_keys_only_but_for_what_a_person_filters_exceptions_by() {
    let tables = resources(template(), "AWS::DynamoDB::Table");
    let indexes = &tables["NotificationsTable"]["Properties"]["GlobalSecondaryIndexes"];
    let mut found = BTreeMap::new();
    for index in indexes.as_sequence().expect("indexes") {
        let name = index["IndexName"].as_str().expect("a name");
        let projection = &index["Projection"];
        let copied = match projection["ProjectionType"].as_str() {
            Some("KEYS_ONLY") => vec![],
            Some("INCLUDE") => {
                let names = projection["NonKeyAttributes"].as_sequence().expect("names");
                names.iter().map(|name| name.as_str().expect("a name")).collect()
            }
            other => panic!("{name}: {other:?}"),
        };
        found.insert(name, (keys(&index["KeySchema"]), copied));
    }
    let expected = BTreeMap::from([
        ("agenda", (vec!["agenda_pk", "agenda_sk"], vec![])),
        (
            "exceptions",
            (vec!["exception_pk", "exception_sk"], vec!["status", "reason_name", "template"]),
        ),
        ("groups", (vec!["group_pk", "group_sk"], vec![])),
        ("history", (vec!["history_pk", "history_sk"], vec![])),
    ]);
    assert_eq!(found, expected);
}

#[test]
fn the_ledger_is_ordered_by_partition_and_sort() {
    let tables = resources(template(), "AWS::DynamoDB::Table");
    let ledger = &tables["LedgerTable"]["Properties"];
    assert_eq!(keys(&ledger["KeySchema"]), ["partition", "sort"]);
    assert!(ledger["GlobalSecondaryIndexes"].is_null());
}

/// The code writes the end of an item's retention into `ttl`. Documents and members have no end.
#[test]
fn every_table_but_the_catalog_and_the_members_forgets_by_the_attribute_ttl() {
    let mut forgetting = Vec::new();
    for (name, table) in resources(template(), "AWS::DynamoDB::Table") {
        let ttl = &table["Properties"]["TimeToLiveSpecification"];
        if ttl.is_null() {
            continue;
        }
        assert_eq!(ttl["AttributeName"].as_str(), Some("ttl"), "{name}");
        assert_eq!(ttl["Enabled"].as_bool(), Some(true), "{name}");
        forgetting.push(name);
    }
    assert_eq!(forgetting, ["LedgerTable", "NotificationsTable", "RunsTable", "StateTable"]);
}

/// A queue has one policy, and the last one that is stored counts.
#[test]
fn every_queue_refuses_plain_http_by_its_one_policy() {
    let template = template();
    let policies = resources(template, "AWS::SQS::QueuePolicy");
    let mut refusing = Vec::new();
    for (name, policy) in &policies {
        let policy = &policy["Properties"];
        let statements = policy["PolicyDocument"]["Statement"].as_sequence().expect("statements");
        let refuses = statements.iter().any(|statement| {
            statement["Effect"].as_str() == Some("Deny")
                && statement["Principal"].as_str() == Some("*")
                && statement["Action"].as_str() == Some("sqs:*")
                && statement["Condition"]["Bool"]["aws:SecureTransport"].as_str() == Some("false")
        });
        assert!(refuses, "{name}");
        let queues = policy["Queues"].as_sequence().expect("queues");
        refusing.extend(queues.iter().map(|queue| named(queue).expect("a queue").to_owned()));
    }
    refusing.sort_unstable();
    let queues: Vec<_> = resources(template, "AWS::SQS::Queue").into_keys().collect();
    assert_eq!(refusing, queues, "each queue once");
}

#[test]
fn every_queue_is_encrypted_and_has_a_dead_letter_queue_with_an_alarm() {
    let template = template();
    let queues = resources(template, "AWS::SQS::Queue");
    let alarms = resources(template, "AWS::CloudWatch::Alarm");
    let number = |queue: &Value, name: &str| queue["Properties"][name].as_u64().expect("a number");
    let mut dead_letter_queues = BTreeSet::new();
    for (name, queue) in &queues {
        let encrypted = queue["Properties"]["SqsManagedSseEnabled"].as_bool();
        assert_eq!(encrypted, Some(true), "{name}");
        let redrive = &queue["Properties"]["RedrivePolicy"];
        if let Some(target) = named(&redrive["deadLetterTargetArn"]) {
            dead_letter_queues.insert(target.to_owned());
            assert!(redrive["maxReceiveCount"].as_u64().is_some_and(|count| count > 1), "{name}");
            // The age of a message counts from its first queue.
            let kept = number(&queues[target], "MessageRetentionPeriod");
            assert!(
                kept > number(queue, "MessageRetentionPeriod"),
                "{target} forgets before {name}"
            );
        }
    }
    for (name, queue) in &queues {
        let gives_up = !queue["Properties"]["RedrivePolicy"].is_null();
        // Streams have no queue of their own.
        let is_of_streams = name == "ChangeDeadLetterQueue";
        let is_dead = is_of_streams || dead_letter_queues.contains(name);
        assert_ne!(gives_up, is_dead, "{name} has no dead-letter queue");
    }
    dead_letter_queues.insert("ChangeDeadLetterQueue".to_owned());
    let observer = &functions()["ObserverFunction"]["Properties"]["Environment"]["Variables"];
    let observer = observer.as_mapping().expect("variables").values();
    let read: BTreeSet<String> = observer.filter_map(named).map(str::to_owned).collect();
    assert_eq!(read, dead_letter_queues, "what the observer reads");
    for name in dead_letter_queues {
        let has_age_alarm = alarms.values().any(|alarm| {
            let alarm = &alarm["Properties"];
            alarm["MetricName"].as_str() == Some("ApproximateAgeOfOldestMessage")
                && named(&alarm["Dimensions"][0]["Value"]) == Some(&name)
        });
        assert!(has_age_alarm, "no alarm watches the age of {name}");
        let watched = alarms.values().any(|alarm| {
            let alarm = &alarm["Properties"];
            alarm["MetricName"].as_str() == Some("ApproximateNumberOfMessagesVisible")
                && named(&alarm["Dimensions"][0]["Value"]) == Some(&name)
                && alarm["Threshold"].as_u64() == Some(0)
        });
        assert!(watched, "no alarm watches {name}");
    }
}

#[test]
fn a_queue_hides_a_message_for_longer_than_the_timeout_of_its_function() {
    let template = template();
    let queues = resources(template, "AWS::SQS::Queue");
    let mut queues_met = 0;
    for (name, function) in functions() {
        let timeout = function["Properties"]["Timeout"].as_u64().expect("a timeout");
        for event in function["Properties"]["Events"].as_mapping().expect("events").values() {
            if event["Type"].as_str() != Some("SQS") {
                continue;
            }
            queues_met += 1;
            let queue = named(&event["Properties"]["Queue"]).expect("a queue");
            let hidden = queues[queue]["Properties"]["VisibilityTimeout"].as_u64();
            assert!(hidden.is_some_and(|hidden| hidden > timeout), "{queue} and {name}");
            let partial = event["Properties"]["FunctionResponseTypes"][0].as_str();
            assert_eq!(partial, Some("ReportBatchItemFailures"), "{name}");
        }
    }
    assert_eq!(queues_met, 3);
}

/// A receipt that comes during an outage of hours is recorded afterwards. As AWS recommends, it is
/// hidden for six times the function's timeout, since a batch may wait for a free function.
#[test]
fn receipts_are_tried_again_for_four_hours_at_least() {
    let queues = resources(template(), "AWS::SQS::Queue");
    let queue = &queues["ReceiptQueue"]["Properties"];
    let hidden_s = queue["VisibilityTimeout"].as_u64().expect("a time");
    let receives = queue["RedrivePolicy"]["maxReceiveCount"].as_u64().expect("a count");
    assert!(hidden_s * receives >= 4 * 3600, "{receives} times {hidden_s} s");
    let webhook = &functions()["WebhookFunction"]["Properties"];
    assert!(hidden_s >= 6 * webhook["Timeout"].as_u64().expect("a timeout"));
    // The local stack does the same.
    assert_eq!(hidden_s, receipt_queue::VISIBILITY.as_secs());
    assert_eq!(receives, u64::from(receipt_queue::RECEIVES_MAX));
    let batch = &webhook["Events"]["RecordQueuedReceipts"]["Properties"]["BatchSize"];
    assert_eq!(batch.as_u64(), Some(10));
}

/// What a function gave up is listed, although its records hold no data.
#[test]
fn every_stream_keeps_a_record_of_what_was_given_up() {
    let mut streams = 0;
    for (name, function) in functions() {
        for event in function["Properties"]["Events"].as_mapping().expect("events").values() {
            if event["Type"].as_str() != Some("DynamoDB") {
                continue;
            }
            streams += 1;
            let kept = &event["Properties"]["DestinationConfig"]["OnFailure"];
            // By the type, SAM adds the permission to send.
            assert_eq!(kept["Type"].as_str(), Some("SQS"), "{name}");
            assert_eq!(named(&kept["Destination"]), Some("ChangeDeadLetterQueue"), "{name}");
        }
    }
    assert_eq!(streams, 1);
}

/// The scheduler invokes asynchronously, so that a firing which keeps failing is kept nowhere else.
#[test]
fn a_failed_firing_goes_to_the_dead_letter_queue() {
    let invoked = &functions()["TriggerFunction"]["Properties"]["EventInvokeConfig"];
    let kept = &invoked["DestinationConfig"]["OnFailure"];
    assert_eq!(kept["Type"].as_str(), Some("SQS"));
    assert_eq!(named(&kept["Destination"]), Some("RunDeadLetterQueue"));
}
