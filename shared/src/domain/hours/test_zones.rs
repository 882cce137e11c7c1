//! Zones, instants and windows for the property tests.

use std::collections::HashSet;
use std::sync::LazyLock;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::domain::hours::Window;

/// A change of a zone's offset.
#[derive(Clone, Debug)]
pub struct Change {
    pub zone: TimeZone,
    pub at: Timestamp,
}

/// Every zone of the time zone database.
pub fn all() -> Vec<TimeZone> {
    jiff::tz::db()
        .available()
        .map(|name| TimeZone::get(name.as_str()).unwrap())
        .filter(|zone| !zone.is_unknown())
        .collect()
}

/// Every change of any zone's offset between 2000 and 2040. Of several zones with the same change
/// at the same instant, only one is kept.
pub static CHANGES: LazyLock<Vec<Change>> = LazyLock::new(|| {
    let (start, end) = (at("2000-01-01T00:00Z"), at("2040-01-01T00:00Z"));
    let mut seen = HashSet::new();
    let mut changes = Vec::new();
    for zone in all() {
        let mut before = zone.to_offset(start);
        for change in zone.following(start).take_while(|change| change.timestamp() < end) {
            let same_change = (change.timestamp(), before.seconds(), change.offset().seconds());
            if before != change.offset() && seen.insert(same_change) {
                changes.push(Change { zone: zone.clone(), at: change.timestamp() });
            }
            before = change.offset();
        }
    }
    changes
});

/// One change for each combination of old offset, new offset, time of day, and distance to the next
/// change if that is less than four days. Other differences cannot matter to windows.
pub fn kinds_of_change() -> Vec<&'static Change> {
    let mut seen = HashSet::new();
    let is_new = |change: &&Change| {
        let before = change.at - SignedDuration::from_nanos(1);
        let next = change.zone.following(change.at).next().map(|next| next.timestamp());
        let gap_s = next.map(|next| next.duration_since(change.at).as_secs());
        seen.insert((
            change.zone.to_offset(before).seconds(),
            change.zone.to_offset(change.at).seconds(),
            change.at.as_second().rem_euclid(24 * 60 * 60),
            gap_s.filter(|gap_s| *gap_s < 4 * 24 * 60 * 60),
        ))
    };
    CHANGES.iter().filter(is_new).collect()
}

static ALL: LazyLock<Vec<TimeZone>> = LazyLock::new(all);

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

pub fn window() -> impl Strategy<Value = Window> {
    (0..1440_i32, 1..=1440_i32).prop_filter_map("from before to", |(from, to)| {
        let clock = |minute: i32| format!("{:02}:{:02}", minute / 60, minute % 60);
        Window::new(&clock(from), &clock(to)).ok()
    })
}

/// A zone, and an instant of 2000 to 2040 that is often near a change of its offset.
pub fn zone_and_instant() -> impl Strategy<Value = (TimeZone, Timestamp)> {
    let anywhere = (any::<prop::sample::Index>(), 946_684_800_000..2_208_988_800_000_i64)
        .prop_map(|(zone, ms)| (zone.get(&ALL).clone(), Timestamp::from_millisecond(ms).unwrap()));
    let near_change =
        (any::<prop::sample::Index>(), -100_000_000..100_000_000_i64).prop_map(|(change, ms)| {
            let change = change.get(&CHANGES);
            (
                change.zone.clone(),
                Timestamp::from_millisecond(change.at.as_millisecond() + ms).unwrap(),
            )
        });
    prop_oneof![1 => anywhere, 3 => near_change]
}
