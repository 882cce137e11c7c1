//! Each hold has its evidence and, unless its end depends on an event, the time of its end.

use super::*;
use crate::domain::slow_down::SlowDown;
use crate::domain::{SequenceStep, Status};

const OFFICE_HOURS: &str = "1000-1900@Asia/Seoul";
const EVENING: &str = "1900-2100@Asia/Seoul";

#[test]
fn a_free_message_has_no_hold() {
    let (message, channel) = (message(), channel());
    let situation = free(&message, &channel);
    assert_eq!(holds(&situation), []);
    assert_eq!(decisive(&[]), None);
    let deferred = Notification { status: Status::Deferred, ..message.clone() };
    assert_eq!(holds(&free(&deferred, &channel)), [], "its time has come");
}

#[test]
fn a_message_that_does_not_wait_has_one_hold_which_says_so() {
    let paused = Channel { paused: true, ..channel() };
    let (since_ms, by_ms) = (now_ms(), Some(now_ms() + 5));
    let over = |status| MessageHold::Over { status, since_ms };
    let in_doubt = |status| MessageHold::InDoubt { status, since_ms };
    for (status, expected) in [
        (Status::Sending, MessageHold::Claimed { since_ms, answer_by_ms: by_ms }),
        (Status::Accepted, MessageHold::Accepted { since_ms, receipt_by_ms: by_ms }),
        (Status::Unknown, in_doubt(Status::Unknown)),
        (Status::Unconfirmed, in_doubt(Status::Unconfirmed)),
        (Status::Failed, over(Status::Failed)),
        (Status::Cancelled, over(Status::Cancelled)),
        (Status::Expired, over(Status::Expired)),
        (Status::Delivered, over(Status::Delivered)),
    ] {
        let left = Notification { status, deadline_ms: by_ms, ..message() };
        let situation = Situation { hours: PresentHours::Never, ..free(&left, &paused) };
        assert_eq!(holds(&situation), [Hold::Message(expected)], "{status:?}");
        assert_eq!(estimate(&situation, &holds(&situation)), Estimate::NotWaiting);
    }
}

fn step(number: u8) -> SequenceStep {
    let key = RequestKey { producer: "p", route: "r", idempotency_key: "s" };
    SequenceStep {
        sequence: key.sequence_id(),
        step: number,
        steps: 3,
        is_gate: true,
        is_planned: false,
    }
}

#[test]
fn a_blocked_step_names_the_gate_that_it_waits_for() {
    let gate = Notification {
        status: Status::Accepted,
        sequence_step: Some(step(0)),
        deadline_ms: Some(now_ms() + 1_800_000),
        ..message()
    };
    let predecessor = Predecessor::of(&gate).expect("a step");
    assert_eq!(predecessor.deadline_ms, Some(now_ms() + 1_800_000));
    let blocked =
        Notification { status: Status::Blocked, sequence_step: Some(step(1)), ..message() };
    let channel = channel();
    let situation = Situation { predecessor: Some(&predecessor), ..free(&blocked, &channel) };
    let holds = holds(&situation);
    let expected = Hold::Message(MessageHold::Predecessor(Some(predecessor.clone())));
    assert_eq!(holds, [expected]);
    assert_eq!(estimate(&situation, &holds), Estimate::DependsOnEvent);
}

#[test]
fn a_deferred_message_says_why_it_waits_for_its_time() {
    let channel = channel();
    let later_ms = now_ms() + 60_000;
    let deferred = Notification { status: Status::Deferred, ready_at_ms: later_ms, ..message() };
    let planned = Notification { not_before_ms: Some(later_ms), ..deferred.clone() };
    let delayed = Notification { sequence_step: Some(step(1)), ..deferred.clone() };
    let step_not_before = Notification { sequence_step: Some(step(1)), ..planned.clone() };
    let retried = Notification { attempt: 2, failures: 1, ..planned.clone() };
    for (notification, cause) in [
        (planned, TimeCause::NotBefore),
        (delayed, TimeCause::Delay),
        (step_not_before, TimeCause::NotBefore),
        (retried, TimeCause::Retry { failures: 1 }),
    ] {
        let situation = free(&notification, &channel);
        let holds = holds(&situation);
        let expected = Hold::Message(MessageHold::Time { cause, until_ms: later_ms });
        assert_eq!(holds, [expected]);
        assert_eq!(estimate(&situation, &holds), Estimate::At { at_ms: later_ms });
    }
}

#[test]
fn a_closed_window_holds_until_it_opens_or_for_ever_if_the_message_expires_before() {
    let (channel, evening) = (channel(), class(EVENING));
    let opens_at_ms = ms("2026-03-02T19:00+09:00");
    for (expires_at_ms, hold, leaves) in [
        (None, MessageHold::Window { opens_at_ms }, Estimate::At { at_ms: opens_at_ms }),
        (
            Some(opens_at_ms + 1),
            MessageHold::Window { opens_at_ms },
            Estimate::At { at_ms: opens_at_ms },
        ),
        (
            Some(opens_at_ms),
            MessageHold::ExpiresBeforeWindow { opens_at_ms, expires_at_ms: opens_at_ms },
            Estimate::DependsOnEvent,
        ),
    ] {
        let message = Notification { expires_at_ms, ..message() };
        let hours = PresentHours::Class(&evening);
        let situation = Situation { hours, ..free(&message, &channel) };
        let holds = holds(&situation);
        assert_eq!(holds, [Hold::Message(hold)]);
        assert_eq!(estimate(&situation, &holds), leaves);
    }
    let message = message();
    let situation = Situation { hours: PresentHours::Never, ..free(&message, &channel) };
    assert_eq!(holds(&situation), [Hold::Message(MessageHold::NoCommonHours)]);
}

#[test]
fn a_message_that_can_never_leave_says_so() {
    let channel = channel();
    let expired = Notification { expires_at_ms: Some(now_ms()), ..message() };
    let expected = MessageHold::Expired { at_ms: now_ms() };
    assert_eq!(holds(&free(&expired, &channel)), [Hold::Message(expected)]);
    let exhausted = Notification { attempt: u8::MAX, ..message() };
    let expected = MessageHold::AttemptsExhausted;
    assert_eq!(holds(&free(&exhausted, &channel)), [Hold::Message(expected)]);
    // The number of an attempt that never left is used again.
    let unsent = Notification { attempt_unsent: true, ..exhausted };
    assert_eq!(holds(&free(&unsent, &channel)), []);
}

#[test]
fn a_paused_channel_names_who_paused_it_and_a_missing_one_is_named() {
    let paused = Channel { paused: true, ..channel() };
    let message = message();
    let pause = Pause { by: "kim".into(), since_ms: 5 };
    let known = Situation { pause: Some(&pause), ..free(&message, &paused) };
    let expected = Hold::Channel(ChannelHold::Paused(Some(pause.clone())));
    assert_eq!(holds(&known), [expected]);
    let unknown = Hold::Channel(ChannelHold::Paused(None));
    assert_eq!(holds(&free(&message, &paused)), [unknown]);
    let missing =
        Situation { channel: None, hours: PresentHours::Unknown, ..free(&message, &paused) };
    assert_eq!(holds(&missing), [Hold::Channel(ChannelHold::Missing)]);
    // A channel that cannot be read is not missing.
    let unreadable = Situation { unreadable: &["the channel's document"], ..missing };
    assert_eq!(holds(&unreadable), [Hold::Unreadable { what: "the channel's document" }]);
    assert_eq!(estimate(&unreadable, &holds(&unreadable)), Estimate::DependsOnEvent);
}

#[test]
fn an_open_circuit_names_the_next_probe_and_when_the_message_gives_up() {
    let (message, channel) = (message(), channel());
    let lane = open_circuit(3, 1000 * (now_ms() - 3_000));
    let situation = Situation { lane, ..free(&message, &channel) };
    let holds = holds(&situation);
    let expected = LaneHold::CircuitOpen {
        since_ms: now_ms() - 3_000,
        // After pauses of one, two and four seconds.
        next_probe_at_ms: now_ms() + 4_000,
        // It counts from when the message became ready, which was later.
        gives_up_at_ms: Some(now_ms() + 24 * 3_600_000),
    };
    assert_eq!(holds, [Hold::Lane(expected)]);
    assert_eq!(estimate(&situation, &holds), Estimate::DependsOnEvent);
}

#[test]
fn a_long_pause_holds_and_a_short_one_is_part_of_the_pace() {
    let (message, channel) = (message(), channel());
    let paused =
        |ms: i64| PacerPosition { next_at_us: 1000 * (now_ms() + ms), ..PacerPosition::default() };
    let short = Situation { lane: paused(4_000), ..free(&message, &channel) };
    assert_eq!(holds(&short), []);
    let long = Situation { lane: paused(60_000), ..free(&message, &channel) };
    let until_ms = now_ms() + 60_000;
    assert_eq!(holds(&long), [Hold::Lane(LaneHold::Paused { until_ms })]);
    assert_eq!(estimate(&long, &holds(&long)), Estimate::At { at_ms: until_ms });
}

#[test]
fn a_slowed_lane_and_the_messages_ahead_are_the_pace() {
    let (message, channel) = (message(), channel());
    let mut slow_down = SlowDown::default();
    slow_down.throttled(1000 * now_ms(), 1000 * now_ms());
    let lane = PacerPosition { slow_down, ..PacerPosition::default() };
    let ahead = Ahead { count: 3, is_more: false, per_second: 5.0, sending_us: 600_000 };
    let situation = Situation { lane, ahead: Some(ahead), ..free(&message, &channel) };
    let holds = holds(&situation);
    let slowed = PaceHold::Slowed { per_second: 5.0, until_ms: now_ms() + 50_001 };
    assert_eq!(holds, [Hold::Pace(slowed), Hold::Pace(PaceHold::Ahead(ahead))]);
    assert!(holds.iter().all(Hold::is_pace));
    assert_eq!(decisive(&holds), None);
    assert_eq!(estimate(&situation, &holds), Estimate::At { at_ms: now_ms() + 600 });
}

#[test]
fn a_message_waits_for_an_event_first_and_then_for_what_ends_last() {
    let (channel, office) = (channel(), class(OFFICE_HOURS));
    let evening_ms = ms("2026-03-02T20:00+09:00");
    let deferred = Notification {
        status: Status::Deferred,
        ready_at_ms: ms("2026-03-02T21:00+09:00"),
        ..message()
    };
    let at_night = Situation {
        hours: PresentHours::Class(&office),
        now_us: 1000 * evening_ms,
        ..free(&deferred, &channel)
    };
    let found = holds(&at_night);
    assert_eq!(found.len(), 2, "{found:?}");
    let opens_at_ms = ms("2026-03-03T10:00+09:00");
    let window = Hold::Message(MessageHold::Window { opens_at_ms });
    assert_eq!(decisive(&found), Some(&window));
    assert_eq!(estimate(&at_night, &found), Estimate::At { at_ms: opens_at_ms });

    let paused = Channel { paused: true, ..channel.clone() };
    let paused = Situation { channel: Some(&paused), ..at_night };
    let found = holds(&paused);
    assert_eq!(decisive(&found), Some(&Hold::Channel(ChannelHold::Paused(None))));
    assert_eq!(estimate(&paused, &found), Estimate::DependsOnEvent);
}
