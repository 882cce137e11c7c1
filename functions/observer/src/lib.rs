//! Watches over what the other functions leave behind: it moves dead letters from their queues into the
//! ledger. A schedule invokes this function every minute.

use std::time::Duration;

use alimi::use_cases::{CollectDeadLetters, Collected};
use serde::Serialize;

/// The time in which the answer reaches Lambda, and a request to AWS ends.
const MARGIN: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub struct ObserverFunction {
    pub dead_letters: CollectDeadLetters,
}

/// What a round did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub dead_letters_recorded: usize,
    /// Dead-letter queues that were not emptied, because a service did not answer.
    pub queues_failed: usize,
}

/// Does one round, in the time that Lambda leaves. It does not read the event.
pub async fn handle(function: &ObserverFunction, time_left: Duration) -> Report {
    let time_left = time_left.saturating_sub(MARGIN);
    let Collected { recorded, queues_failed } = function.dead_letters.round(time_left).await;
    Report { dead_letters_recorded: recorded, queues_failed }
}
