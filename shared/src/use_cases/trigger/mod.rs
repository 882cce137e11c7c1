//! Runs of schedules: a run may be fired twice, late, or cut short, and still makes one
//! notification for each member.
//!
//! The first invocation for a schedule and a time stores the run. The run pins its template, its
//! audience and its priority, then reads the audience page by page. The id of a member's
//! notification follows from the run and the member. After each page, one conditional write saves
//! the place in the audience, the counts and the faults. When an invocation dies, the next one
//! repeats the whole page: it recognises stored notifications by their digest, so nothing is stored
//! twice and the counts come out the same.
//!
//! A lease in the run's row keeps other invocations away. The lease only saves work: two
//! invocations on the same page would store the same notifications, and one of their saves would
//! conflict.

mod begin;
mod context;
mod invocation;
mod lease;
mod outcome;
mod overlap;
mod page;

use std::sync::Arc;
use std::time::Duration;

pub use self::outcome::{RunOutcome, RunReport};
use super::audience::Audiences;
use super::puts::PUTS_PER_SECOND;
use crate::ports::{
    Adapters, Catalog, Clock, Documents, Notifications, PutPace, Randomness, RunQueue, Runs, Waker,
    WindowClasses,
};

/// Times and sizes of runs.
#[derive(Clone, Copy, Debug)]
pub struct RunSettings {
    /// Members in a page, at most.
    pub page: usize,
    /// How many notifications are stored at a time.
    pub concurrency: usize,
    /// How many notifications of one channel all runs and bulk requests store in a second; `None`:
    /// this run stores as many as possible.
    pub puts_per_second: Option<u32>,
    /// How long the lease on a run holds. It is renewed after each page.
    pub lease: Duration,
    /// An invocation begins no further page in the last part of its time, which is this long.
    pub margin: Duration,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            page: 500,
            concurrency: 16,
            puts_per_second: Some(PUTS_PER_SECOND),
            lease: Duration::from_secs(60),
            margin: Duration::from_secs(30),
        }
    }
}

#[derive(Clone)]
pub struct Trigger {
    pub catalog: Arc<dyn Catalog>,
    /// Schedules and templates with their revisions.
    pub documents: Arc<dyn Documents>,
    pub runs: Arc<dyn Runs>,
    pub audiences: Audiences,
    pub notifications: Arc<dyn Notifications>,
    pub put_pace: Arc<dyn PutPace>,
    pub classes: Arc<dyn WindowClasses>,
    /// Takes runs to the next invocation.
    pub queue: Arc<dyn RunQueue>,
    pub waker: Arc<dyn Waker>,
    pub clock: Arc<dyn Clock>,
    pub randomness: Arc<dyn Randomness>,
    /// Check the messages by their providers' rules.
    pub adapters: Arc<dyn Adapters>,
    pub settings: RunSettings,
}
