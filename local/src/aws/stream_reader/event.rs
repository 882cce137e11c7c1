//! The event that Lambda makes of changes.

use serde_json::{Value, json};

use crate::aws::embedded::Change;

/// Digits in front of a change's number: a sequence number of DynamoDB has 21 digits at least.
const FIRST_DIGIT: char = '1';

/// The event of changes of one table, in their order. The table's key has these attributes.
pub(super) fn event(table: &str, keys: &[String], changes: &[Change]) -> Value {
    let records: Vec<Value> = changes.iter().map(|change| record(table, keys, change)).collect();
    json!({ "Records": records })
}

/// One change, as the stream has it.
pub(super) fn record(table: &str, keys: &[String], change: &Change) -> Value {
    let name = match (&change.old, &change.new) {
        (None, _) => "INSERT",
        (Some(_), Some(_)) => "MODIFY",
        (Some(_), None) => "REMOVE",
    };
    let key = |attribute: &String| {
        let value = change.item()?.get(attribute)?;
        Some((attribute.clone(), value.clone()))
    };
    let keys: serde_json::Map<String, Value> = keys.iter().filter_map(key).collect();
    let mut dynamodb = json!({
        "ApproximateCreationDateTime": change.at_s,
        "Keys": keys,
        "SequenceNumber": sequence_number(change.number),
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    });
    for (member, image) in [("NewImage", &change.new), ("OldImage", &change.old)] {
        if let Some(image) = image {
            dynamodb[member] = image.clone().into();
        }
    }
    dynamodb["SizeBytes"] = dynamodb.to_string().len().into();
    json!({
        "eventID": format!("{:032x}", change.number),
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "ap-northeast-2",
        "dynamodb": dynamodb,
        "eventSourceARN": format!(
            "arn:aws:dynamodb:ap-northeast-2:123456789012:table/{table}/stream/2026-03-01T00:00:00.000"
        ),
    })
}

/// The sequence number of a change.
pub(super) fn sequence_number(number: u64) -> String {
    format!("{FIRST_DIGIT}{number:020}")
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn item(status: &str) -> Map<String, Value> {
        let item = json!({ "id": { "S": "a" }, "status": { "S": status } });
        let Value::Object(item) = item else { panic!("an object") };
        item
    }

    fn change(old: Option<&str>, new: Option<&str>) -> Change {
        Change { number: 7, at_s: 1_772_413_200, old: old.map(item), new: new.map(item) }
    }

    #[test]
    fn a_record_has_both_images_and_the_key() {
        let change = change(Some("queued"), Some("sending"));
        let record = record("NotificationsTable", &["id".to_owned()], &change);
        assert_eq!(record["eventName"], "MODIFY");
        let dynamodb = &record["dynamodb"];
        assert_eq!(dynamodb["Keys"], json!({ "id": { "S": "a" } }));
        assert_eq!(dynamodb["OldImage"]["status"]["S"], "queued");
        assert_eq!(dynamodb["NewImage"]["status"]["S"], "sending");
        assert_eq!(dynamodb["ApproximateCreationDateTime"], 1_772_413_200);
        assert_eq!(dynamodb["SequenceNumber"], "100000000000000000007");
    }

    #[test]
    fn a_new_item_has_no_old_image_and_a_deleted_one_no_new_image() {
        let keys = ["id".to_owned()];
        let inserted = record("T", &keys, &change(None, Some("queued")));
        assert_eq!(inserted["eventName"], "INSERT");
        assert!(inserted["dynamodb"].get("OldImage").is_none());
        let removed = record("T", &keys, &change(Some("queued"), None));
        assert_eq!(removed["eventName"], "REMOVE");
        assert!(removed["dynamodb"].get("NewImage").is_none());
        assert_eq!(removed["dynamodb"]["Keys"], json!({ "id": { "S": "a" } }));
    }

    /// The members of the sample events, which are those of AWS.
    #[test]
    fn a_record_has_the_members_of_the_sample_events() {
        let sample = include_str!("../../../../events/planner/changed.json");
        let sample: Value = serde_json::from_str(sample).expect("the sample event");
        let members = |value: &Value| {
            let members = value.as_object().expect("an object").keys();
            members.cloned().collect::<std::collections::BTreeSet<_>>()
        };
        let record = record("T", &["id".to_owned()], &change(Some("queued"), Some("sending")));
        let sample = &sample["Records"][0];
        assert_eq!(members(&record), members(sample));
        assert_eq!(members(&record["dynamodb"]), members(&sample["dynamodb"]));
    }
}
