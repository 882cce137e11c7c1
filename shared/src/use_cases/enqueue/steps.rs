//! The steps of a sequence: their gates, their delays, and the ids of their notifications.

use jiff::{SignedDuration, Timestamp};

use super::draft::StepDraft;
use crate::domain::duration::millis;
use crate::domain::sequence::Step;
use crate::domain::{FieldError, Sequence, SequenceId};

/// 30 days.
const DELAY_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The steps as the sequence's row keeps them.
///
/// # Errors
/// The first fault of the steps.
pub(super) fn steps_of(id: &SequenceId, drafts: &[StepDraft]) -> Result<Vec<Step>, FieldError> {
    let steps = drafts
        .iter()
        .enumerate()
        .map(|(index, draft)| step(id, index, draft))
        .collect::<Result<Vec<_>, _>>()?;
    match Sequence::faults(&steps).into_iter().next() {
        Some(fault) => Err(fault),
        None => Ok(steps),
    }
}

fn step(id: &SequenceId, index: usize, draft: &StepDraft) -> Result<Step, FieldError> {
    let path = format!("steps[{index}]");
    let gate = gate(draft, &path)?;
    let delay = draft.delay;
    if !(SignedDuration::ZERO..=DELAY_MAX).contains(&delay) {
        let detail = format!("is {delay:#}; must be 0s to {DELAY_MAX:#}");
        return Err(FieldError::new(format!("{path}.delay"), detail));
    }
    // A sequence with more steps than a byte can count is refused below.
    let number = u8::try_from(index).unwrap_or(u8::MAX);
    let notifications =
        (0..draft.notifications.len()).map(|place| id.notification_id(number, place)).collect();
    Ok(Step { after: draft.after, delay_ms: millis(delay), notifications, gate })
}

/// Refuses a delay after which the step could leave only when the sequence has expired. Each step
/// waits at least for the delays of the steps before it.
///
/// # Errors
/// Names the first such delay.
pub(super) fn check_delays(
    steps: &[Step],
    starts_at_ms: i64,
    expires_at_ms: Option<i64>,
) -> Result<(), FieldError> {
    let Some(expires_at_ms) = expires_at_ms else { return Ok(()) };
    let mut earliest_ms = starts_at_ms;
    for (index, step) in steps.iter().enumerate() {
        earliest_ms += step.delay_ms;
        if step.delay_ms > 0 && earliest_ms >= expires_at_ms {
            let earliest = Timestamp::from_millisecond(earliest_ms).unwrap_or_default();
            let detail = format!(
                "lets the step leave at {earliest} or later, when the sequence has expired; must \
                 be shorter, or expires_at must be later"
            );
            return Err(FieldError::new(format!("steps[{index}].delay"), detail));
        }
    }
    Ok(())
}

/// The index of the notification whose end is the end of the step.
fn gate(draft: &StepDraft, path: &str) -> Result<usize, FieldError> {
    let count = draft.notifications.len();
    if count == 0 {
        let must = "is empty; must have at least one notification";
        return Err(FieldError::new(format!("{path}.notifications"), must));
    }
    if count == 1 {
        return Ok(0);
    }
    let places = draft.notifications.iter().enumerate();
    let gates: Vec<usize> =
        places.filter(|(_, draft)| draft.is_gate).map(|(place, _)| place).collect();
    let [gate] = gates[..] else {
        let detail = format!(
            "has {} notifications with gate: true; must have exactly one, whose end is the end of \
             the step",
            gates.len()
        );
        return Err(FieldError::new(path, detail));
    };
    Ok(gate)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::RequestKey;
    use crate::domain::sequence::After;
    use crate::use_cases::enqueue::draft::StepNotificationDraft;

    fn sequence() -> SequenceId {
        RequestKey { producer: "shop", route: "r", idempotency_key: "k" }.sequence_id()
    }

    fn draft(gates: &[bool]) -> StepDraft {
        let notification = |is_gate: &bool| StepNotificationDraft {
            path: String::new(),
            template: "t".into(),
            channel: None,
            variables: BTreeMap::new(),
            data: None,
            is_gate: *is_gate,
        };
        StepDraft {
            after: After::Delivered,
            delay: SignedDuration::ZERO,
            notifications: gates.iter().map(notification).collect(),
        }
    }

    fn fault(drafts: &[StepDraft]) -> String {
        steps_of(&sequence(), drafts).expect_err("a fault").to_string()
    }

    #[test]
    fn the_only_notification_of_a_step_is_its_gate() {
        let steps = steps_of(&sequence(), &[draft(&[false]), draft(&[true])]).expect("steps");
        assert_eq!(steps.iter().map(|step| step.gate).collect::<Vec<_>>(), [0, 0]);
        assert_eq!(steps[1].gate(), Some(&sequence().notification_id(1, 0)));
    }

    #[test]
    fn one_of_several_notifications_is_the_gate() {
        let steps = steps_of(&sequence(), &[draft(&[false, true, false])]).expect("steps");
        assert_eq!(steps[0].gate, 1);
        assert_eq!(
            fault(&[draft(&[false]), draft(&[true, true])]),
            "steps[1]: has 2 notifications with gate: true; must have exactly one, whose end is \
             the end of the step"
        );
        assert!(fault(&[draft(&[false, false])]).starts_with("steps[0]: has 0 notifications"));
        assert!(fault(&[draft(&[])]).starts_with("steps[0].notifications: is empty"));
    }

    #[test]
    fn a_later_step_may_wait_for_30_days_at_most() {
        let delayed = |delay| [draft(&[true]), StepDraft { delay, ..draft(&[true]) }];
        let longest = SignedDuration::from_hours(720);
        let steps = steps_of(&sequence(), &delayed(longest)).expect("steps");
        assert_eq!(steps[1].delay_ms, 30 * 24 * 3_600_000);
        for delay in [longest + SignedDuration::from_secs(1), SignedDuration::from_secs(-1)] {
            let fault = fault(&delayed(delay));
            assert!(fault.starts_with("steps[1].delay: is"), "{fault}");
            assert!(fault.ends_with("must be 0s to 720h"), "{fault}");
        }
    }

    #[test]
    fn a_step_leaves_before_its_sequence_expires() {
        let delayed =
            |minutes| StepDraft { delay: SignedDuration::from_mins(minutes), ..draft(&[true]) };
        let steps = [draft(&[true]), delayed(10), draft(&[true]), delayed(5)];
        let steps = steps_of(&sequence(), &steps).expect("steps");
        let expiring = |minutes: i64| check_delays(&steps, 0, Some(minutes * 60_000));
        assert_eq!(expiring(16), Ok(()));
        assert_eq!(check_delays(&steps, 0, None), Ok(()));
        for (minutes, field) in [(15, "steps[3].delay"), (10, "steps[1].delay")] {
            assert_eq!(expiring(minutes).expect_err("too late").field, field);
        }
    }

    #[test]
    fn the_rules_for_all_steps_hold_too() {
        let first = StepDraft { after: After::Failed, ..draft(&[true]) };
        assert!(fault(&[first]).starts_with("steps[0].after"));
        assert!(fault(&[]).starts_with("steps: has 0 steps"));
        assert!(fault(&vec![draft(&[true]); 300]).starts_with("steps: has 300 steps"));
    }
}
