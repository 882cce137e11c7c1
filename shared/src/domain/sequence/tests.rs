use super::*;
use crate::domain::id::RequestKey;

fn sequence(on_failure: OnFailure) -> Sequence {
    let key = RequestKey { producer: "shop", route: "POST /v1/sequences", idempotency_key: "1" };
    Sequence {
        id: key.sequence_id(),
        schema: Sequence::SCHEMA,
        request_digest: String::new(),
        owner: "shop".into(),
        on_failure,
        on_unconfirmed: OnUnconfirmed::Wait,
        steps: vec![],
        created_at_ms: 0,
        unknown: UnknownAttributes::default(),
    }
}

fn step(after: After) -> Step {
    let id = sequence(OnFailure::Halt).id.notification_id(0, 0);
    Step { after, delay_ms: 0, notifications: vec![id], gate: 0 }
}

#[test]
fn a_delivery_releases_the_step_that_waits_for_it() {
    let sequence = sequence(OnFailure::Halt);
    let next = |after| sequence.next(&step(after), StepEnd::Delivered);
    assert_eq!(next(After::Delivered), Next::Release);
    assert_eq!(next(After::Finished), Next::Release);
    assert_eq!(next(After::Failed), Next::NotNeeded);
}

#[test]
fn a_failure_halts_the_sequence_but_for_the_steps_that_wait_for_it() {
    let sequence = sequence(OnFailure::Halt);
    let next = |after| sequence.next(&step(after), StepEnd::Failed);
    assert_eq!(next(After::Delivered), Next::Cancel);
    assert_eq!(next(After::Failed), Next::Release);
    assert_eq!(next(After::Finished), Next::Release);
}

#[test]
fn a_sequence_can_go_on_after_a_failure() {
    let sequence = sequence(OnFailure::Continue);
    assert_eq!(sequence.next(&step(After::Delivered), StepEnd::Failed), Next::Release);
}

#[test]
fn nothing_follows_a_step_that_was_withdrawn() {
    for on_failure in [OnFailure::Halt, OnFailure::Continue] {
        for after in [After::Delivered, After::Failed, After::Finished] {
            let next = sequence(on_failure).next(&step(after), StepEnd::Withdrawn);
            assert_eq!(next, Next::Cancel);
        }
    }
}

#[test]
fn each_fault_of_the_steps_is_named() {
    let fields = |steps: &[Step]| -> Vec<String> {
        Sequence::faults(steps).into_iter().map(|fault| fault.field).collect()
    };
    let two = [step(After::Delivered), step(After::Failed)];
    assert_eq!(fields(&two), Vec::<String>::new());
    assert_eq!(fields(&[]), ["steps"]);
    assert_eq!(fields(&vec![step(After::Delivered); 91]), ["steps"]);
    assert_eq!(fields(&vec![step(After::Delivered); 90]), Vec::<String>::new());
    assert_eq!(fields(&[step(After::Failed)]), ["steps[0].after"]);
    let delayed = Step { delay_ms: 1, ..step(After::Delivered) };
    assert_eq!(fields(&[delayed]), ["steps[0].delay"]);
    let month = Step { delay_ms: Sequence::DELAYS_MAX_MS / 2 + 1, ..step(After::Delivered) };
    assert_eq!(fields(&[step(After::Delivered), month.clone(), month]), ["steps"]);
    let without_gate = Step { gate: 1, ..step(After::Delivered) };
    assert_eq!(fields(&[step(After::Delivered), without_gate]), ["steps[1]"]);
}
