//! Every move of a notification, decided in one function.
//!
//! [`transition`] takes a notification and an event. It returns the notification after the event,
//! and the effects that must follow. It reads no clock, uses no randomness and does no I/O. The
//! matches name every status, so a new status does not compile until every case is decided.
//!
//! Each file below it decides one kind of event. `moves.rs` has the moves that they share.

mod answers;
mod claims;
mod decisions;
mod moves;
mod receipts;
mod restored;
mod steps;
#[cfg(test)]
mod tests;
mod times;

use super::event::Event;
use super::notification::Notification;
use super::reason::Reason;

pub use self::moves::{Effect, Refused, Transition};

/// Decides every move of a notification. An error says what the caller has to make of the event;
/// nothing has changed then.
pub fn transition(notification: &Notification, event: &Event) -> Result<Transition, Refused> {
    match event {
        Event::Released { at_ms, delay_ms } => steps::released(notification, *at_ms, *delay_ms),
        Event::PredecessorStopped { at_ms } => {
            steps::unblocked_by(notification, Reason::PredecessorStopped, *at_ms)
        }
        Event::NotNeeded { at_ms } => steps::unblocked_by(notification, Reason::NotNeeded, *at_ms),
        Event::Invalid { claim, reason, at_ms } => {
            claims::invalid(notification, *claim, reason, *at_ms)
        }
        Event::DueChecked { at_ms } => times::due_checked(notification, *at_ms),
        Event::Claimed { at_ms, fence, confirm_within_ms } => {
            claims::claimed(notification, *at_ms, *fence, *confirm_within_ms)
        }
        Event::PutBack { claim, at_ms } => claims::put_back(notification, *claim, *at_ms),
        Event::Responded { claim, response, policy, jitter_permille } => {
            answers::responded(notification, *claim, response, policy, *jitter_permille)
        }
        Event::ReceiptArrived { attempt, at_ms, receipt } => {
            receipts::receipt_arrived(notification, *attempt, *at_ms, receipt)
        }
        Event::Asked { attempt, at_ms } => receipts::asked(notification, *attempt, *at_ms),
        Event::DeadlineChecked { at_ms } => times::deadline_checked(notification, *at_ms),
        Event::SenderLost { fence, at_ms } => claims::sender_lost(notification, *fence, *at_ms),
        Event::CancelRequested { at_ms } => decisions::cancel_requested(notification, *at_ms),
        Event::ExpiryChecked { at_ms } => times::expiry_checked(notification, *at_ms),
        Event::OutageChecked { open_since_ms, give_up_after_ms, at_ms } => {
            times::outage_checked(notification, *open_since_ms, *give_up_after_ms, *at_ms)
        }
        Event::Reclassified { class, at_ms } => times::reclassified(notification, class, *at_ms),
        Event::ResendRequested { at_ms } => decisions::resend_requested(notification, *at_ms),
        Event::Restored { lost, hours, released_from_ms, at_ms } => {
            restored::restored(notification, *lost, hours, *released_from_ms, *at_ms)
        }
    }
}
