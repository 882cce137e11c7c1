//! How fast a run stores notifications.

use std::time::Duration;

use tokio::time::Instant;

/// How much delay may be caught up with. After a longer pause the slots start anew, or the pause
/// would be followed by a burst of puts.
const CATCH_UP: Duration = Duration::from_millis(50);

/// Hands out evenly spaced times.
pub(super) struct Pace {
    spacing: Option<Duration>,
    next: Instant,
}

impl Pace {
    /// `None`: without a limit.
    pub(super) fn new(per_second: Option<u32>) -> Self {
        let spacing = per_second.map(|per_second| Duration::from_secs(1) / per_second.max(1));
        Self { spacing, next: Instant::now() }
    }

    /// When the next notification may be stored; `None`: at once.
    pub(super) fn next_slot(&mut self) -> Option<Instant> {
        let spacing = self.spacing?;
        let earliest = Instant::now().checked_sub(CATCH_UP).unwrap_or(self.next);
        let slot = self.next.max(earliest);
        self.next = slot + spacing;
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn slots_are_evenly_spaced_and_a_pause_is_followed_by_no_burst() {
        let mut pace = Pace::new(Some(100));
        let began = Instant::now();
        let slots: Vec<_> = (0..100).filter_map(|_| pace.next_slot()).collect();
        assert_eq!(slots[99] - began, Duration::from_millis(990));
        tokio::time::sleep(Duration::from_secs(60)).await;
        let at_once = (0..100)
            .filter_map(|_| pace.next_slot())
            .filter(|slot| *slot <= Instant::now())
            .count();
        assert_eq!(at_once, 6);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_there_is_nothing_to_wait_for() {
        assert_eq!(Pace::new(None).next_slot(), None);
    }
}
