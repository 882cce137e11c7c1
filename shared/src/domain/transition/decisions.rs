//! A person decides, or a policy that a person has set.

use super::moves::{
    Effect, Refused, Transition, keep_latest, moved, stopped, to_delivered, to_failed, to_queued,
};
use crate::domain::{
    Decider, Decision, DecisionKind, Notification, Reason, ResendTerms, Settlement, Status,
    Undecided,
};

pub(super) fn cancel_requested(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        Status::Blocked | Status::Deferred | Status::Queued => {
            Ok(stopped(n, Status::Cancelled, Reason::Requested, at_ms))
        }
        Status::Cancelled => Err(Refused::Settled),
        Status::Sending
        | Status::Accepted
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Expired
        | Status::Delivered => Err(Refused::TooLate),
    }
}

pub(super) fn resend_requested(
    n: &Notification,
    terms: ResendTerms,
    decider: &Decider,
    at_ms: i64,
) -> Result<Transition, Refused> {
    same_revision(n, decider)?;
    // Its step is under way again, so the decisions that its end brought about have to be undone.
    let mut reopens_step = true;
    match n.status {
        Status::Unconfirmed if !terms.may_double => return Err(Undecided::MayDouble.into()),
        Status::Failed | Status::Expired | Status::Unconfirmed => {}
        Status::Unknown => {
            sender_is_gone(n, at_ms)?;
            if !terms.may_double {
                return Err(Undecided::MayDouble.into());
            }
        }
        Status::Delivered => {
            match (n.is_contradicted, terms) {
                (true, ResendTerms { may_double: false, forced: false, .. }) => {
                    return Err(Undecided::MayDouble.into());
                }
                (false, ResendTerms { forced: false, .. }) => {
                    return Err(Undecided::Delivered.into());
                }
                (true | false, ResendTerms { .. }) => {}
            }
            // The later steps were released by the delivery, and go on.
            reopens_step = false;
        }
        Status::Blocked | Status::Deferred | Status::Queued => return Err(Refused::NotYet),
        Status::Sending | Status::Accepted | Status::Cancelled => return Err(Refused::TooLate),
    }
    if n.attempt == u8::MAX {
        return Err(Undecided::AttemptsExhausted.into());
    }
    let mut after = to_queued(n, at_ms, at_ms);
    let sent_again = &mut after.notification;
    sent_again.failures = 0;
    // A person's decision to send now outranks the producer's expiry. A policy knows nothing of this
    // message, so the expiry stays.
    if !terms.by_policy {
        sent_again.expires_at_ms = None;
    }
    // The next attempt has a number of its own, so the record of the latest one is kept. Of the
    // attempts so far, only a delivery counts from now on.
    sent_again.attempt_unsent = false;
    sent_again.resent_after = n.attempt;
    if terms.by_policy {
        sent_again.automatic_resends = n.automatic_resends.saturating_add(1);
    }
    let kind = if terms.by_policy { DecisionKind::ResentByPolicy } else { DecisionKind::Resent };
    note(sent_again, n.decided(kind, decider, at_ms));
    if reopens_step && n.sequence_step.is_some() {
        after.effects.push(Effect::ReopenStep);
    }
    Ok(after)
}

pub(super) fn settled(
    n: &Notification,
    settlement: Settlement,
    decider: &Decider,
    at_ms: i64,
) -> Result<Transition, Refused> {
    same_revision(n, decider)?;
    let only_marked = |marked| Transition { notification: marked, effects: vec![] };
    let mut after = match (n.status, settlement) {
        (Status::Unknown | Status::Unconfirmed, settlement) => {
            if n.status == Status::Unknown {
                // A claim that is put back after a later step was released would leave behind it.
                sender_is_gone(n, at_ms)?;
            }
            match settlement {
                Settlement::Delivered => to_delivered(n, at_ms),
                Settlement::GivenUp => given_up(n, at_ms),
            }
        }
        (Status::Failed | Status::Expired, Settlement::Delivered) => to_delivered(n, at_ms),
        (Status::Failed | Status::Expired, Settlement::GivenUp) if n.is_settled => {
            return Err(Refused::Settled);
        }
        // Its step has ended already. It only needs nobody any more.
        (Status::Failed | Status::Expired, Settlement::GivenUp) => {
            only_marked(Notification { is_settled: true, ..n.clone() })
        }
        (Status::Delivered, Settlement::Delivered) if n.is_contradicted => {
            only_marked(Notification { is_contradicted: false, ..n.clone() })
        }
        (Status::Delivered, Settlement::Delivered) => return Err(Refused::Settled),
        (Status::Delivered, Settlement::GivenUp) if n.is_contradicted => given_up(n, at_ms),
        (Status::Blocked | Status::Deferred | Status::Queued, _) => return Err(Refused::NotYet),
        (Status::Delivered, Settlement::GivenUp)
        | (Status::Sending | Status::Accepted | Status::Cancelled, _) => {
            return Err(Refused::TooLate);
        }
    };
    let kind = DecisionKind::settled(settlement);
    note(&mut after.notification, n.decided(kind, decider, at_ms));
    Ok(after)
}

/// An earlier step of its sequence is sent again, so it waits for that step as it did before.
pub(super) fn reinstated(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
    let was_cancelled_by_a_step =
        matches!(n.reason, Some(Reason::PredecessorStopped | Reason::NotNeeded));
    match n.status {
        Status::Cancelled if was_cancelled_by_a_step => Ok(to_blocked(n, at_ms)),
        Status::Cancelled | Status::Blocked => Err(Refused::Settled),
        // The end of the earlier step had released it, and it has not left yet.
        Status::Deferred | Status::Queued if n.has_never_left() => Ok(to_blocked(n, at_ms)),
        Status::Deferred
        | Status::Queued
        | Status::Sending
        | Status::Accepted
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Expired
        | Status::Delivered => Err(Refused::TooLate),
    }
}

fn to_blocked(n: &Notification, at_ms: i64) -> Transition {
    Transition { notification: moved(n, Status::Blocked, at_ms), effects: vec![] }
}

fn given_up(n: &Notification, at_ms: i64) -> Transition {
    let mut failed = to_failed(n, Reason::GivenUp, at_ms);
    failed.notification.is_settled = true;
    failed
}

fn note(notification: &mut Notification, decision: Decision) {
    notification.decisions.push(decision);
    keep_latest(&mut notification.decisions, Notification::DECISIONS_KEPT);
}

fn same_revision(n: &Notification, decider: &Decider) -> Result<(), Undecided> {
    if decider.revision == n.revision { Ok(()) } else { Err(Undecided::Changed) }
}

fn sender_is_gone(n: &Notification, at_ms: i64) -> Result<(), Undecided> {
    let gone_at_ms = n.sender_gone_at_ms();
    if gone_at_ms <= at_ms { Ok(()) } else { Err(Undecided::SenderMayLive { gone_at_ms }) }
}
