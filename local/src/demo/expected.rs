//! How each sequence has to end, told from the number alone: the demonstration fails when a
//! message ends differently from what the provider did with it.

use std::collections::BTreeMap;

use alimi::domain::{Notification, NotificationId, SequenceId, Status};

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
