//! The part of a producer's daily quota that this process has counted in advance.
//!
//! A count in the database for each request would cost a write, and all processes would write the
//! same row. So a process counts a slice, and then takes notifications from it. A slice is one
//! notification at first. It doubles while the process uses slices up quickly. What a process has
//! left when it ends, or crashes, is lost: it counts, and nobody uses it.

use std::collections::HashSet;

use crate::domain::{NotificationId, QuotaDay};

/// A process that needs its next slice within this time uses slices up quickly.
const QUICKLY_MS: i64 = 10_000;

/// The largest slice: a thousandth of the quota, so that little is lost, and at most this.
const SLICE_MAX: u32 = 100;

/// Beyond this, a notification whose storing had no certain result is counted again when its request
/// is repeated.
const UNCERTAIN_MAX: usize = 10_000;

/// What became of a notification that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stored,
    /// An earlier request has stored it.
    Known,
    NotStored,
    /// It may be stored, or not. Its count is kept for the repeated request.
    Uncertain,
}

impl Fate {
    /// The fate of a notification that is stored now. `is_own`: as this very request wanted it. The
    /// client repeats a put whose answer was lost, and then finds its own notification.
    pub(super) fn of_stored(is_new: bool, is_own: bool) -> Self {
        if is_new || is_own { Self::Stored } else { Self::Known }
    }
}

/// Notifications that count from now on, until [`DayLease::settle`] says otherwise.
#[derive(Debug, Default)]
pub(super) struct Hold {
    day: String,
    notifications: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    id: NotificationId,
    /// An earlier request has counted it.
    is_counted_earlier: bool,
}

/// One producer's counts on one day.
#[derive(Debug, Default)]
pub(super) struct DayLease {
    day: String,
    max: u32,
    /// Counted, and free to be taken.
    left: u32,
    /// The day's count in the database, when this process last saw it.
    total: u32,
    slice: u32,
    sliced_at_ms: Option<i64>,
    /// Counted by an earlier request that had no certain result.
    uncertain: HashSet<NotificationId>,
}

impl DayLease {
    /// Goes on to the day of a time. A smaller quota than before counts at once: slices of the larger
    /// one are given up.
    pub(super) fn go_on(&mut self, day: &QuotaDay, max: u32) {
        if self.day != day.date {
            *self = Self { day: day.date.clone(), ..Self::default() };
        } else if max < self.max {
            self.left = 0;
        }
        self.max = max;
    }

    /// How many notifications have to be counted in the database before these can be held.
    pub(super) fn missing(&self, ids: &[&NotificationId]) -> u32 {
        self.needed(ids).saturating_sub(self.left)
    }

    fn needed(&self, ids: &[&NotificationId]) -> u32 {
        let new = ids.iter().filter(|id| !self.uncertain.contains(**id)).count();
        u32::try_from(new).unwrap_or(u32::MAX)
    }

    /// How many notifications to count, so that `missing` ones are there.
    pub(super) fn next_slice(&mut self, missing: u32, now_ms: i64) -> u32 {
        let is_quick = self.sliced_at_ms.is_some_and(|at_ms| now_ms - at_ms < QUICKLY_MS);
        let largest = (self.max / 1_000).clamp(1, SLICE_MAX);
        self.slice = if is_quick { (2 * self.slice).clamp(1, largest) } else { 1 };
        self.sliced_at_ms = Some(now_ms);
        missing.max(self.slice)
    }

    /// A slice was counted in the database.
    pub(super) fn add(&mut self, slice: u32, total: u32) {
        self.left += slice;
        self.total = total;
    }

    /// The database refused a slice. Returns how many notifications are left on this day.
    pub(super) fn refused(&mut self, total: u32) -> u32 {
        self.total = total;
        self.max.saturating_sub(total)
    }

    /// How many notifications this process believes to be left on this day. Other processes may have
    /// counted more since.
    pub(super) fn remaining(&self) -> u32 {
        self.max.saturating_sub(self.total) + self.left
    }

    /// Holds notifications. Enough of them have to be counted before.
    pub(super) fn hold(&mut self, ids: &[&NotificationId]) -> Hold {
        self.left = self.left.saturating_sub(self.needed(ids));
        let hold = |id: &&NotificationId| Held {
            id: (*id).clone(),
            is_counted_earlier: self.uncertain.remove(*id),
        };
        Hold { day: self.day.clone(), notifications: ids.iter().map(hold).collect() }
    }

    /// Gives back what was held for notifications that are not stored.
    pub(super) fn settle(&mut self, hold: Hold, fate: impl Fn(&NotificationId) -> Fate) {
        let is_of_this_day = hold.day == self.day;
        for held in hold.notifications.into_iter().filter(|_| is_of_this_day) {
            let is_free = match fate(&held.id) {
                Fate::NotStored => true,
                // The request that stored it has counted it, unless that was the earlier one.
                Fate::Known => !held.is_counted_earlier,
                Fate::Stored => false,
                Fate::Uncertain => {
                    if self.uncertain.len() < UNCERTAIN_MAX {
                        self.uncertain.insert(held.id);
                    }
                    false
                }
            };
            self.left += u32::from(is_free);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::RequestKey;

    fn id(index: usize) -> NotificationId {
        RequestKey { producer: "shop", route: "r", idempotency_key: "k" }.notification_id(index)
    }

    fn day(date: &str) -> QuotaDay {
        QuotaDay { date: date.into(), latest: "2026-03-09".into(), ends_at: Timestamp::UNIX_EPOCH }
    }

    /// A lease of so many counted notifications.
    fn lease(left: u32) -> DayLease {
        let mut lease = DayLease::default();
        lease.go_on(&day("2026-03-02"), 100_000);
        lease.add(left, left);
        lease
    }

    #[test]
    fn slices_double_while_they_are_used_up_quickly_and_begin_anew_after_a_pause() {
        let mut lease = lease(0);
        let slices: Vec<u32> = (0..9).map(|n| lease.next_slice(1, n * 1_000)).collect();
        // A thousandth of the quota is 100.
        assert_eq!(slices, [1, 2, 4, 8, 16, 32, 64, 100, 100]);
        assert_eq!(lease.next_slice(1, 18_000), 1);
        assert_eq!(lease.next_slice(500, 18_001), 500, "a large request needs more");
    }

    #[test]
    fn a_small_quota_is_counted_one_by_one() {
        let mut lease = lease(0);
        lease.go_on(&day("2026-03-02"), 1_999);
        assert!((0..20).all(|n| lease.next_slice(1, n) == 1));
    }

    #[test]
    fn what_is_not_stored_or_was_stored_before_is_given_back() {
        for (fate, left) in
            [(Fate::Stored, 3), (Fate::Known, 5), (Fate::NotStored, 5), (Fate::Uncertain, 3)]
        {
            let mut lease = lease(5);
            assert_eq!(lease.missing(&[&id(0), &id(1)]), 0);
            let hold = lease.hold(&[&id(0), &id(1)]);
            assert_eq!(lease.left, 3);
            lease.settle(hold, |_| fate);
            assert_eq!(lease.left, left, "{fate:?}");
        }
    }

    #[test]
    fn a_repeated_request_uses_the_count_of_the_one_that_had_no_certain_result() {
        for (fate, left) in [(Fate::Stored, 0), (Fate::Known, 0), (Fate::NotStored, 1)] {
            let mut lease = lease(1);
            let hold = lease.hold(&[&id(0)]);
            lease.settle(hold, |_| Fate::Uncertain);
            assert_eq!(lease.missing(&[&id(0)]), 0, "it is counted already");
            assert_eq!(lease.missing(&[&id(1)]), 1, "another one is not");
            let again = lease.hold(&[&id(0)]);
            lease.settle(again, |_| fate);
            assert_eq!(lease.left, left, "{fate:?}");
            assert_eq!(lease.missing(&[&id(0)]), 1 - left, "the count is used");
        }
    }

    #[test]
    fn a_new_day_takes_nothing_over_from_the_last_one() {
        let mut lease = lease(5);
        let hold = lease.hold(&[&id(0)]);
        let uncertain = lease.hold(&[&id(1)]);
        lease.settle(uncertain, |_| Fate::Uncertain);
        lease.go_on(&day("2026-03-03"), 100_000);
        assert_eq!((lease.left, lease.remaining()), (0, 100_000));
        lease.settle(hold, |_| Fate::NotStored);
        assert_eq!(lease.left, 0, "the notification was counted on the day before");
        assert_eq!(lease.missing(&[&id(1)]), 1);
    }

    #[test]
    fn a_smaller_quota_gives_up_what_was_counted_in_advance() {
        let mut lease = lease(5);
        lease.go_on(&day("2026-03-02"), 200_000);
        assert_eq!((lease.left, lease.remaining()), (5, 200_000));
        lease.go_on(&day("2026-03-02"), 3);
        assert_eq!((lease.left, lease.remaining()), (0, 0));
    }
}
