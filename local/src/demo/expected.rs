//! How each sequence and each message of the batch has to end, told from the number alone: the
//! demonstration fails when a message ends differently from what the provider did with it.

use std::collections::BTreeMap;

use alimi::domain::{Notification, NotificationId, SequenceId, Status};

use super::batch::Batch;
use super::flow::{Flow, Person};
use crate::simulator::Fate;

/// Sequences that ended differently from what their numbers say, in words.
pub(super) fn differences(
    sequences: &[(SequenceId, &Person)],
    flow: &Flow,
    stored: &BTreeMap<NotificationId, Notification>,
) -> Vec<String> {
    let mut differences = Vec::new();
    for (id, person) in sequences {
        let mut goes_on = true;
        for step in (0..).zip(&flow.steps).map(|(step, _)| step) {
            let Some(notification) = stored.get(&id.step_id(step)) else {
                differences.push(format!("step {step} of {} is not stored", person.id));
                continue;
            };
            let status = if goes_on {
                end(Fate::of(&digits(&person.phone)), notification)
            } else {
                Status::Cancelled
            };
            goes_on = goes_on && status == Status::Delivered;
            if notification.status != status {
                differences.push(format!(
                    "step {step} of {} is {}, not {}",
                    person.id,
                    notification.status.as_str(),
                    status.as_str()
                ));
            }
        }
    }
    differences
}

/// Members that got no message of the batch's run, or one that ended differently from what their
/// numbers say; and messages that are nobody's.
pub(super) fn batch_differences(
    batch: &Batch,
    people: &[Person],
    stored: &BTreeMap<NotificationId, Notification>,
) -> Vec<String> {
    let mut differences = Vec::new();
    let key = batch.key();
    for person in people {
        let Some(notification) = stored.get(&key.notification_id(&person.id)) else {
            differences.push(format!("the batch stored nothing for {}", person.id));
            continue;
        };
        let status = end(Fate::of(&digits(&person.phone)), notification);
        if notification.status != status {
            differences.push(format!(
                "the batch's message to {} is {}, not {}",
                person.id,
                notification.status.as_str(),
                status.as_str()
            ));
        }
        let at_ms = batch.at.as_millisecond();
        if notification.attempts.iter().any(|attempt| attempt.claimed_at_ms < at_ms) {
            differences.push(format!("the batch's message to {} left too early", person.id));
        }
    }
    let singles = stored.values().filter(|notification| notification.place.is_none()).count();
    if singles > people.len() {
        differences.push(format!("{singles} messages of the batch for {} members", people.len()));
    }
    differences
}

fn end(fate: Fate, notification: &Notification) -> Status {
    match fate {
        Fate::Delivered
        | Fate::LateReceipt
        | Fate::DoubledReceipt
        | Fate::EarlyReceipt
        | Fate::AnswerLost => Status::Delivered,
        Fate::Fallback if notification.message.fallback.is_some() => Status::Delivered,
        Fate::Fallback | Fate::Rejected | Fate::Undelivered => Status::Failed,
        Fate::NoReceipt | Fate::Doubtful => Status::Unconfirmed,
    }
}

fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use alimi::domain::RequestKey;

    use super::super::flow::people;
    use super::*;
    use crate::world::{World, WorldSettings};

    #[tokio::test(start_paused = true)]
    async fn an_end_that_the_number_does_not_explain_is_told() {
        let world = World::new(WorldSettings::default()).await;
        let flow = Flow::read("steps: [{template: photo-and-video}]").expect("a flow");
        let people = people("id,phone,name,code\nt1,010-1234-5678,n,c").expect("people");
        let body = flow.sequence(&people[0]).to_string();
        let (status, made) = world.produce("POST", "/v1/sequences", Some("k"), body).await;
        assert_eq!(status, 202);
        let id: SequenceId = made["id"].as_str().expect("an id").parse().expect("an id");

        let early = differences(&[(id.clone(), &people[0])], &flow, &world.notifications());
        assert_eq!(early, ["step 0 of t1 is queued, not delivered"]);
        world.start_senders();
        world.settle(std::time::Duration::from_secs(600)).await;
        let late = differences(&[(id, &people[0])], &flow, &world.notifications());
        assert!(late.is_empty(), "{late:?}");

        let other = RequestKey { caller: "c", route: "r", idempotency_key: "k" }.sequence_id();
        let missing = differences(&[(other, &people[0])], &flow, &world.notifications());
        assert_eq!(missing, ["step 0 of t1 is not stored"]);
    }
}
