//! Which notifications of a run have ended. A run is over when its last notification is.
//!
//! No notification counts when it ends: a counter would add a write to each. Instead, the run's group
//! is read in the order of creation, which is about the order in which the notifications leave. The
//! run keeps how far all of them have ended, so each is read about once in the whole run.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::time::Instant;

use crate::domain::run::KnownEnds;
use crate::domain::{Group, Run};
use crate::ports::{Clock, GroupMember, Groups, MemberState, PortError};

/// The first page is small: the run may still wait for the very notification at which the last
/// search stopped.
const FIRST_PAGE: usize = 10;
/// How many notifications are read at a time.
const PAGE: usize = 100;
/// How far the index may be behind the table. DynamoDB names no limit; usually it is less than a
/// second. While the index shows fewer notifications than the run has stored, the others count as
/// open for this time.
const INDEX_LAG_MAX_MS: i64 = 60 * 60 * 1000;

/// How much one search reads.
#[derive(Clone, Copy, Debug)]
pub struct SearchLimits {
    /// The search ends with the page in which so many open notifications are found.
    pub open: u64,
    pub notifications: usize,
    /// No further page is read after this.
    pub until: Option<Instant>,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// Every notification has ended, the last one at this time.
    Over { at_ms: i64 },
    /// Some have not, or were not read.
    Open {
        count: u64,
        /// The search ended before the last notification, so there may be more.
        is_minimum: bool,
        /// What is known now.
        known_ends: KnownEnds,
    },
}

#[derive(Clone)]
pub struct RunEnds {
    pub groups: Arc<dyn Groups>,
    pub clock: Arc<dyn Clock>,
}

impl RunEnds {
    /// Searches the notifications of a `sending` run for open ones, behind those that are known to
    /// have ended.
    ///
    /// # Errors
    /// [`PortError`]: a retry may succeed.
    pub async fn search(&self, run: &Run, limits: SearchLimits) -> Result<RunEnd, PortError> {
        let group = Group::run(&run.key);
        let mut found = Found { known_ends: run.known_ends.clone(), open: 0, ended_behind: 0 };
        let mut after = run.known_ends.last.clone();
        let (mut page_size, mut read) = (FIRST_PAGE, 0);
        loop {
            let page = self.groups.group_members(&group, after.as_deref(), page_size).await?;
            let is_last = page.len() < page_size;
            read += page.len();
            after = page.last().map(|last| last.sort.clone()).or(after);
            for member in page {
                found.add(member);
            }
            if is_last {
                return Ok(self.at_the_end(run, found));
            }
            let is_late = limits.until.is_some_and(|until| Instant::now() >= until);
            if found.open >= limits.open || read >= limits.notifications || is_late {
                let Found { known_ends, open, ended_behind: _ } = found;
                return Ok(RunEnd::Open { count: open, is_minimum: true, known_ends });
            }
            page_size = PAGE;
        }
    }

    /// The result after the last notification that the index shows.
    fn at_the_end(&self, run: &Run, found: Found) -> RunEnd {
        let Found { known_ends, open, ended_behind } = found;
        let now_ms = self.clock.now_ms();
        let shown = known_ends.count + ended_behind + open;
        let stored_at_ms = run.stored_at_ms.unwrap_or(run.started_at_ms);
        // Later than that, rows were deleted after their retention.
        let may_lag = now_ms - stored_at_ms <= INDEX_LAG_MAX_MS;
        let not_shown = if may_lag { run.counts.stored.saturating_sub(shown) } else { 0 };
        match (open, not_shown) {
            (0, 0) => RunEnd::Over { at_ms: known_ends.latest_ms.unwrap_or(now_ms) },
            // A notification that the index shows later may stand before the known ones.
            (0, _) => RunEnd::Open {
                count: not_shown,
                is_minimum: false,
                known_ends: KnownEnds::default(),
            },
            (_, _) => RunEnd::Open { count: open + not_shown, is_minimum: false, known_ends },
        }
    }
}

/// What the pages so far have shown.
struct Found {
    known_ends: KnownEnds,
    open: u64,
    /// Notifications that have ended, behind the first open one.
    ended_behind: u64,
}

impl Found {
    fn add(&mut self, GroupMember { sort, state }: GroupMember) {
        if state.is_open() {
            self.open += 1;
        } else if self.open > 0 {
            self.ended_behind += 1;
        } else {
            let known = &mut self.known_ends;
            known.count += 1;
            known.last = Some(sort);
            if let MemberState::Stored { since_ms, .. } = state {
                known.latest_ms = known.latest_ms.max(Some(since_ms));
            }
        }
    }
}
