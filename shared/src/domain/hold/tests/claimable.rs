//! A sender claims a message exactly when nothing holds it but the pace.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use strum::VariantArray as _;

use super::*;
use crate::domain::circuit_breaker::Permit;
use crate::domain::duration::timestamp_of_us;
use crate::domain::hours::{Decision, Hours, Window, decide, test_zones};
use crate::domain::pacer::{Slot, WAIT_IN_DRAIN_US};
use crate::domain::slow_down::SlowDown;
use crate::domain::{Event, Pacer, RateLimit, Status, transition};

const HOUR_MS: i64 = 3_600_000;

/// A time within some hours, and often now.
fn near_now() -> impl Strategy<Value = i64> {
    let offset = prop_oneof![1 => -1..=1_i64, 4 => -30 * HOUR_MS..30 * HOUR_MS];
    offset.prop_map(|offset| now_ms() + offset)
}

/// A message's hours by the present configuration.
#[derive(Clone, Debug)]
enum SomeHours {
    Exempt,
    Within(Window, TimeZone),
    Never,
}

impl SomeHours {
    fn class(&self) -> Option<WindowClass> {
        match self {
            Self::Exempt => Some(WindowClass::EXEMPT),
            Self::Within(window, zone) => {
                WindowClass::within(*window, zone.iana_name().expect("a name")).ok()
            }
            Self::Never => None,
        }
    }

    /// The hours rule, which knows nothing of window classes.
    fn permit(&self, now: Timestamp) -> bool {
        let (hours, zone) = match self {
            Self::Exempt => (Hours::Exempt, TimeZone::UTC),
            Self::Within(window, zone) => (Hours::Within(*window), zone.clone()),
            Self::Never => (Hours::Never, TimeZone::UTC),
        };
        decide(now, hours, &zone, None) == Decision::Send
    }
}

fn any_hours() -> impl Strategy<Value = SomeHours> {
    let within = (test_zones::window(), test_zones::zone_and_instant());
    prop_oneof![
        3 => Just(SomeHours::Exempt),
        6 => within.prop_map(|(window, (zone, _))| SomeHours::Within(window, zone)),
        1 => Just(SomeHours::Never),
    ]
}

fn any_message() -> impl Strategy<Value = Notification> {
    let times = (near_now(), prop::option::of(near_now()));
    let attempts = (prop::sample::select(vec![0, 1, 254, 255]), any::<bool>());
    let status = prop_oneof![
        4 => Just(Status::Queued),
        2 => Just(Status::Deferred),
        2 => prop::sample::select(Status::VARIANTS.to_vec()),
    ];
    (status, times, attempts).prop_map(|(status, times, (attempt, attempt_unsent))| {
        let (ready_at_ms, expires_at_ms) = times;
        Notification { status, attempt, attempt_unsent, ready_at_ms, expires_at_ms, ..message() }
    })
}

/// The row of a lane, also one that a wrong clock wrote.
fn any_lane() -> impl Strategy<Value = PacerPosition> {
    let next_at_us = prop_oneof![
        4 => -60_000_000..2_000_000_i64,
        2 => WAIT_IN_DRAIN_US - 2..=WAIT_IN_DRAIN_US + 2,
        1 => WAIT_IN_DRAIN_US..300_000_000_i64,
        1 => Just(i64::MAX / 4),
    ];
    let failures = prop_oneof![3 => Just(0_u32), 1 => 1..6_u32];
    let failed_at_us = -600_000_000..60_000_000_i64;
    (next_at_us, failures, failed_at_us, any::<bool>()).prop_map(
        |(next_at_us, failures, failed_at_us, is_slow)| {
            let now_us = 1000 * now_ms();
            let mut slow_down = SlowDown::default();
            if is_slow {
                slow_down.throttled(now_us, now_us + 1_000_000);
            }
            let position = open_circuit(failures, now_us + failed_at_us);
            PacerPosition { next_at_us: now_us + next_at_us, slow_down, ..position }
        },
    )
}

fn any_channel() -> impl Strategy<Value = Option<Channel>> {
    prop_oneof![
        6 => Just(Some(channel())),
        1 => Just(Some(Channel { paused: true, ..channel() })),
        1 => Just(None),
    ]
}

/// Whether the message's own state lets a sender claim it, once the sender has queued it if it was
/// deferred.
fn state_permits(notification: &Notification, at_ms: i64) -> bool {
    let queued = match transition(notification, &Event::DueChecked { at_ms }) {
        Ok(queued) => queued.notification,
        Err(_) => notification.clone(),
    };
    let claim = Event::Claimed { at_ms, fence: 1, confirm_within_ms: HOUR_MS };
    transition(&queued, &claim).is_ok_and(|claimed| claimed.notification.status == Status::Sending)
}

/// Whether a sender that takes the lane now has a slot within the time that a drain waits for one.
fn lane_permits(limit: RateLimit, lane: PacerPosition, now_us: i64) -> bool {
    let position = lane.no_later_than(now_us);
    let has_slot = match Pacer::new(limit, position).next() {
        Slot::At { at_us } => at_us - now_us <= WAIT_IN_DRAIN_US,
        Slot::AfterProgress => false,
    };
    has_slot && position.circuit_breaker.permit(now_us) == Permit::Now
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_message_is_claimable_exactly_when_nothing_holds_it_but_the_pace(
        notification in any_message(),
        hours in any_hours(),
        channel in any_channel(),
        lane in any_lane(),
        count in 0..3_u64,
    ) {
        let now_us = 1000 * now_ms();
        let class = hours.class();
        let ahead = Ahead { count, is_more: false, per_second: 10.0, sending_us: 0 };
        let standard = super::channel();
        let situation = Situation {
            channel: channel.as_ref(),
            hours: class.as_ref().into(),
            lane,
            ahead: Some(ahead),
            ..free(&notification, &standard)
        };
        let holds = holds(&situation);
        let is_held = holds.iter().any(|hold| !hold.is_pace());

        let is_claimable = state_permits(&notification, now_ms())
            && hours.permit(timestamp_of_us(now_us))
            && channel.as_ref().is_some_and(|channel| {
                !channel.paused && lane_permits(channel.limit, lane, now_us)
            });
        prop_assert_eq!(!is_held, is_claimable, "{:?}", holds);
        // The claim itself asks about the message alone.
        let of_message = message_holds(&notification, class.as_ref().into(), now_us).next();
        let message_permits =
            state_permits(&notification, now_ms()) && hours.permit(timestamp_of_us(now_us));
        prop_assert_eq!(of_message.is_none(), message_permits);
    }

    /// At the earliest time at which it may leave, no rule holds a message.
    #[test]
    fn nothing_holds_a_message_at_the_earliest_time_at_which_it_may_leave(
        notification in any_message(),
        hours in any_hours(),
        lane in any_lane(),
    ) {
        // The sender corrects what a wrong clock wrote, and saves the correction.
        prop_assume!(lane.next_at_us < i64::MAX / 8);
        let (channel, class) = (channel(), hours.class());
        let at = |now_us| Situation {
            hours: class.as_ref().into(),
            lane,
            now_us,
            ..free(&notification, &channel)
        };
        let now = at(1000 * now_ms());
        if let Estimate::At { at_ms } = estimate(&now, &holds(&now)) {
            let then = holds(&at(1000 * at_ms));
            prop_assert!(then.iter().all(Hold::is_pace), "{:?}", then);
        }
    }
}
