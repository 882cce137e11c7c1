//! The expected end of each sequence and of each message of the batch. The phone number alone
//! decides it, since it selects the provider's scenario. The demo fails when a message ends
//! differently.

use std::collections::BTreeMap;

use alimi::domain::{ChannelType, Media, Notification, NotificationId, SequenceId, Status};

use super::batch::Batch;
use super::flow::{Flow, Person};
use crate::simulator::Scenario;

/// Sequences that ended differently from their phone numbers' scenarios, as text.
pub(super) fn sequence_differences(
    sequences: &[(SequenceId, &Person)],
    flow: &Flow,
    stored: &BTreeMap<NotificationId, Notification>,
) -> Vec<String> {
    let mut differences = Vec::new();
    for (id, person) in sequences {
        let mut continues = true;
        for step in (0..).zip(&flow.steps).map(|(step, _)| step) {
            let Some(notification) = stored.get(&id.notification_id(step, 0)) else {
                differences.push(format!("step {} of {} is not stored", step + 1, person.id));
                continue;
            };
            let status = if continues {
                expected_status(&person.phone, notification.media)
            } else {
                Status::Cancelled
            };
            continues = continues && status == Status::Delivered;
            if notification.status != status {
                differences.push(format!(
                    "step {} of {} is {}, not {}",
                    step + 1,
                    person.id,
                    notification.status.as_str(),
                    status.as_str()
                ));
            }
        }
    }
    differences
}

/// Members of the batch without a message, members whose message ended differently from their phone
/// number's scenario or left too early, and messages for nobody.
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
        let status = expected_status(&person.phone, notification.media);
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
    let messages = batch.messages(stored).count();
    if messages > people.len() {
        differences.push(format!("the batch has {messages} messages for {} members", people.len()));
    }
    differences
}

/// The end of a message of these channel types, by the phone number that it goes to.
pub(super) fn expected_status(phone: &str, media: Media) -> Status {
    match Scenario::of(phone) {
        Scenario::Delivered
        | Scenario::LateReceipt
        | Scenario::DuplicateReceipt
        | Scenario::EarlyReceipt
        | Scenario::AnswerLost
        | Scenario::ReceiptsOutOfOrder
        | Scenario::Throttled
        | Scenario::ThrottledWithoutTime
        | Scenario::AccountDown
        | Scenario::TokenRefused
        | Scenario::SlowAnswer
        | Scenario::ResetAfter
        | Scenario::MalformedAnswer
        | Scenario::LostReceipt => Status::Delivered,
        // Alimtalk fails, and text messages are delivered.
        Scenario::Fallback => match (media.first, media.fallback) {
            (ChannelType::Alimtalk, None) => Status::Failed,
            (ChannelType::Alimtalk, Some(_)) | (ChannelType::Sms | ChannelType::Lms, _) => {
                Status::Delivered
            }
        },
        Scenario::Rejected | Scenario::Undelivered => Status::Failed,
        Scenario::NoReceipt | Scenario::UncertainReceipt => Status::Unconfirmed,
        // The provider did not take the message, and its answer does not prove that.
        Scenario::ResetBefore | Scenario::ServerError => Status::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use alimi::domain::RequestKey;

    use super::*;
    use crate::demo::flow::people;
    use crate::testing::world::{World, WorldSettings};

    #[tokio::test(start_paused = true)]
    async fn an_end_that_differs_from_the_phone_numbers_scenario_is_reported() {
        let world = World::new(WorldSettings::default()).await;
        let flow = Flow::read("steps: [{template: photo-and-video}]").expect("a flow");
        let people = people("id,phone,name,code\nt1,010-1234-5678,n,c").expect("people");
        let body = flow.sequence(&people[0]).to_string();
        let (status, created) = world.produce("POST", "/v1/sequences", Some("k"), body).await;
        assert_eq!(status, 202);
        let id: SequenceId = created["id"].as_str().expect("an id").parse().expect("an id");

        let sequence = (id.clone(), &people[0]);
        let early = sequence_differences(&[sequence], &flow, &world.notifications());
        assert_eq!(early, ["step 1 of t1 is queued, not delivered"]);
        world.start_senders();
        world.settle(std::time::Duration::from_secs(600)).await;
        let late = sequence_differences(&[(id, &people[0])], &flow, &world.notifications());
        assert!(late.is_empty(), "{late:?}");

        let other = RequestKey { producer: "p", route: "r", idempotency_key: "k" }.sequence_id();
        let missing = sequence_differences(&[(other, &people[0])], &flow, &world.notifications());
        assert_eq!(missing, ["step 1 of t1 is not stored"]);
    }
}
