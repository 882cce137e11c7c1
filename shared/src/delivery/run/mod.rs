//! Runs of schedules: at least once delivered, exactly once effective.
//!
//! A run is begun by whoever comes first for its schedule and time, and pins what it goes by. Then
//! it goes through its audience page by page: each member's notification is stored under an id made
//! of run and member, and after each page the place, the counts and the faults are saved in one
//! conditional write. Whoever dies leaves a page that is repeated whole: what is stored already is
//! recognised by its digest, so nothing is doubled and the counts come out the same.
//!
//! One invocation at a time has a run, by a lease in its row. The lease only saves work: two that
//! worked on the same page would store the same notifications, and one of their saves would be
//! lost.

mod begin;
mod member;
mod missed;
mod pace;
mod page;
mod past;
mod resume;
mod row;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use self::begin::Begun;
pub use self::missed::MissedTimes;
use self::pace::Pace;
pub use self::resume::ResumeRuns;
use super::accept::CheckMessage;
use super::apply::wake_for_producer;
use super::audience::{AudienceError, Audiences};
use crate::domain::audience::PinnedAudience;
use crate::domain::run::{Pins, RunCounts, RunStatus};
use crate::domain::{Channel, HoursConfig, Priority, Run, RunKey};
use crate::ports::scheduling::{Documents, RunQueue, Runs};
use crate::ports::{
    Catalog, Clock, Entropy, Notifications, PortError, Saved, Waker, WindowClasses,
};

/// Times and sizes of runs.
#[derive(Clone, Copy, Debug)]
pub struct RunSettings {
    /// Members in a page.
    pub page: usize,
    /// Notifications that are stored at once.
    pub concurrency: usize,
    /// Notifications stored in a second, so that filling a lane does not throttle the claims of its
    /// sender, which are in the same partition of the index. `None`: as many as can be.
    pub puts_per_second: Option<u32>,
    /// For how long a run is had. Renewed after each page.
    pub lease: Duration,
    /// How long before its time is over an invocation begins no further page.
    pub margin: Duration,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            page: 500,
            concurrency: 16,
            puts_per_second: Some(300),
            lease: Duration::from_secs(60),
            margin: Duration::from_secs(30),
        }
    }
}

/// What an invocation did for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// It is over; its record tells how.
    Ended,
    /// Time is up; another invocation was asked for.
    ToBeContinued,
    /// The world did not do what was asked; another invocation was asked for.
    Interrupted,
    /// Another invocation is at work on it.
    HeldElsewhere,
    /// There is no schedule of that name, and no such run.
    NoSuchSchedule,
    /// The schedule is switched off.
    Disabled,
    /// Its time has not come.
    NotDue,
    /// The schedule, as it was at that time, does not name it.
    NotScheduled,
}

/// What an invocation did for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// What it came to.
    pub outcome: RunOutcome,
    /// The whole run's counts so far.
    pub counts: RunCounts,
}

/// Why an invocation goes no further.
enum Stop {
    /// Somebody else has the run.
    Lost,
    /// The run cannot go on, whoever tries: why.
    Hopeless(String),
    /// It may work another time.
    Port(PortError),
}

impl From<PortError> for Stop {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Unavailable { .. } => Self::Port(error),
            PortError::Corrupt { .. } => Self::Hopeless(error.to_string()),
        }
    }
}

impl From<AudienceError> for Stop {
    fn from(error: AudienceError) -> Self {
        match error {
            AudienceError::Port(error) => Self::Port(error),
            AudienceError::Unreadable(why) => Self::Hopeless(why),
        }
    }
}

/// Runs schedules.
#[derive(Clone)]
pub struct Runner {
    /// Schedules, audiences, channels and windows.
    pub catalog: Arc<dyn Catalog>,
    /// Templates with their revisions.
    pub documents: Arc<dyn Documents>,
    /// The runs themselves.
    pub runs: Arc<dyn Runs>,
    /// Who is notified.
    pub audiences: Audiences,
    /// Where notifications are stored.
    pub notifications: Arc<dyn Notifications>,
    /// Which window classes each lane has.
    pub classes: Arc<dyn WindowClasses>,
    /// Brings runs to the next invocation.
    pub queue: Arc<dyn RunQueue>,
    /// Wakes senders.
    pub waker: Arc<dyn Waker>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Dice.
    pub entropy: Arc<dyn Entropy>,
    /// The providers' rules.
    pub check: CheckMessage,
    /// Times and sizes.
    pub settings: RunSettings,
}

/// What a run's messages are made of.
struct Course {
    pins: Pins,
    channel: Channel,
    hours: HoursConfig,
}

impl Runner {
    /// Begins a run or goes on with it, for as long as `time_left` allows. Repeating it is harmless
    /// at any time.
    ///
    /// # Errors
    /// [`PortError`] when it has to be tried again; the run is free for that.
    pub async fn run(&self, key: &RunKey, time_left: Duration) -> Result<RunReport, PortError> {
        let stop_at = Instant::now() + time_left.saturating_sub(self.settings.margin);
        let mut run = match self.runs.run(key).await? {
            Some(run) => run,
            None => match self.begin(key).await? {
                Begun::Run(run) => *run,
                Begun::Not(outcome) => {
                    return Ok(RunReport { outcome, counts: RunCounts::default() });
                }
            },
        };
        let worked = match self.take(&mut run).await {
            Ok(()) if run.status == RunStatus::Running => self.work(&mut run, stop_at).await,
            Ok(()) => Ok(RunOutcome::Ended),
            Err(stop) => Err(stop),
        };
        let outcome = match worked {
            Ok(outcome) => outcome,
            Err(Stop::Lost) => RunOutcome::HeldElsewhere,
            Err(Stop::Hopeless(why)) => self.fail(&mut run, why).await?,
            Err(Stop::Port(error)) => {
                self.free(&run).await;
                return Err(error);
            }
        };
        if outcome == RunOutcome::ToBeContinued
            && let Err(error) = self.queue.go_on(key).await
        {
            tracing::warn!(schedule = %key.schedule, %error, "a run waits for the sweeper to go on");
        }
        tracing::info!(
            schedule = %key.schedule,
            scheduled_at = %key.scheduled_at,
            ?outcome,
            status = ?run.status,
            members = run.counts.members,
            stored = run.counts.stored,
            unsendable = run.counts.unsendable,
            doubled = run.counts.doubled,
            "a run"
        );
        Ok(RunReport { outcome, counts: run.counts })
    }

    /// Takes the lease of a run, unless nothing is left to be done. Whoever takes it first pins, in
    /// the same write, what it goes by.
    async fn take(&self, run: &mut Run) -> Result<(), Stop> {
        if run.status != RunStatus::Running {
            return Ok(());
        }
        if run.is_held(self.clock.now_ms()) {
            return Err(Stop::Lost);
        }
        if run.pins.is_none() {
            run.pins = Some(self.pins(&run.key).await?);
        }
        run.holder = self.entropy.next_u64();
        run.lease_until_ms = Some(self.lease_from(self.clock.now_ms()));
        self.save(run).await
    }

    fn lease_from(&self, now_ms: i64) -> i64 {
        now_ms + i64::try_from(self.settings.lease.as_millis()).unwrap_or(0)
    }

    /// One conditional write of all that is known of the run.
    async fn save(&self, run: &mut Run) -> Result<(), Stop> {
        let fence = run.fence;
        run.fence += 1;
        match self.runs.save_run(run, fence).await? {
            Saved::Done => Ok(()),
            Saved::Lost => Err(Stop::Lost),
        }
    }

    /// Goes through the audience until it ends or the time is up. At least a page is done, so that
    /// a run comes to its end however little time each invocation has.
    async fn work(&self, run: &mut Run, stop_at: Instant) -> Result<RunOutcome, Stop> {
        if run.cursor.is_none() {
            self.note_overlap(run).await?;
        }
        let course = self.course(run).await?;
        let mut audience = self.audiences.open(&course.pins.audience, run.cursor.as_deref())?;
        let mut slots = Pace::new(self.settings.puts_per_second);
        loop {
            let page = audience.next_page(self.settings.page).await?;
            let (counts, mut faults, may_leave) =
                self.store_page(&run.key, &course, &mut slots, page.records).await?;
            run.counts.add(counts);
            let cut_off = if page.is_cut_off { faults.pop() } else { None };
            for fault in faults {
                run.report(fault);
            }
            if let Some(cut_off) = cut_off {
                run.report_cut_off(cut_off);
            }
            let is_last = page.next.is_none();
            let now_ms = self.clock.now_ms();
            if is_last {
                run.end(RunStatus::Finished, None, now_ms);
                check_all_read(&course.pins.audience, run.counts)?;
            } else {
                run.cursor = page.next;
                run.lease_until_ms = Some(self.lease_from(now_ms));
            }
            let is_over = is_last || Instant::now() >= stop_at;
            if is_over {
                run.lease_until_ms = None;
            }
            self.save(run).await?;
            if may_leave {
                wake_for_producer(&*self.waker, &*self.clock, &course.channel.name).await;
            }
            if is_last {
                return Ok(RunOutcome::Ended);
            }
            if is_over {
                return Ok(RunOutcome::ToBeContinued);
            }
        }
    }

    async fn course(&self, run: &Run) -> Result<Course, Stop> {
        let mut pins =
            run.pins.clone().ok_or_else(|| Stop::Hopeless("it pinned nothing".into()))?;
        // Whatever was pinned, a run's messages are scheduled ones: hours hold for them.
        pins.priority = pins.priority.max(Priority::scheduled(0));
        let name = &pins.template.channel;
        let channel = self.catalog.channel(name).await?.ok_or_else(|| {
            Stop::Hopeless(format!("there is no channel {name:?}, which the template names"))
        })?;
        Ok(Course { hours: self.catalog.hours().await?, channel, pins })
    }

    /// Two runs of one schedule may be at work at once: that is noted, and somebody is told. Noted at
    /// once: when this one is gone on with, the other may be over.
    async fn note_overlap(&self, run: &mut Run) -> Result<(), Stop> {
        if run.overlaps.is_some() {
            return Ok(());
        }
        let other = match self.other_at_work(&run.key).await {
            Ok(other) => other,
            // This run is none the worse for it.
            Err(error @ PortError::Corrupt { .. }) => {
                tracing::error!(
                    schedule = %run.key.schedule, %error,
                    "whether another run of the schedule is at work is not known"
                );
                None
            }
            Err(error @ PortError::Unavailable { .. }) => return Err(Stop::Port(error)),
        };
        let Some(other) = other else { return Ok(()) };
        tracing::warn!(
            schedule = %run.key.schedule,
            scheduled_at = %run.key.scheduled_at,
            other = %other.scheduled_at,
            "a run begins while another one of its schedule is at work"
        );
        run.overlaps = Some(other.scheduled_at);
        self.save(run).await
    }

    /// Another run of the same schedule that has not ended. This one is stored by now: of two that
    /// begin at once, at least one sees the other.
    async fn other_at_work(&self, key: &RunKey) -> Result<Option<RunKey>, PortError> {
        /// The latest ones are read strongly consistent, the others by an index that lags.
        const LATEST: usize = 5;
        const UNFINISHED: usize = 200;
        let at_work = |run: &Run| run.status == RunStatus::Running && run.key != *key;
        let latest = self.runs.runs(&key.schedule, LATEST).await?;
        if let Some(other) = latest.into_iter().find(at_work) {
            return Ok(Some(other.key));
        }
        for other in self.runs.unfinished_runs(UNFINISHED).await? {
            if other.schedule == key.schedule
                && self.runs.run(&other).await?.as_ref().is_some_and(at_work)
            {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }

    /// Notes why the run cannot go on.
    async fn fail(&self, run: &mut Run, why: String) -> Result<RunOutcome, PortError> {
        tracing::error!(
            schedule = %run.key.schedule,
            scheduled_at = %run.key.scheduled_at,
            "a run failed; its record tells why"
        );
        run.end(RunStatus::Failed, Some(why), self.clock.now_ms());
        match self.save(run).await {
            Ok(()) => Ok(RunOutcome::Ended),
            Err(Stop::Port(error)) => Err(error),
            Err(Stop::Lost | Stop::Hopeless(_)) => Ok(RunOutcome::HeldElsewhere),
        }
    }

    /// Gives the run back as well as may be; otherwise its lease runs out.
    async fn free(&self, run: &Run) {
        if let Err(Stop::Port(error)) = self.free_as_stored(run).await {
            tracing::warn!(schedule = %run.key.schedule, %error, "a run was not given back");
        }
    }

    /// As it is stored: whether the save that failed took effect, nobody has said.
    async fn free_as_stored(&self, ours: &Run) -> Result<(), Stop> {
        match self.runs.run(&ours.key).await? {
            Some(mut run) if run.holder == ours.holder && run.lease_until_ms.is_some() => {
                run.lease_until_ms = None;
                self.save(&mut run).await
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// An upload that was discarded while it was read would end early, and look complete.
fn check_all_read(audience: &PinnedAudience, counts: RunCounts) -> Result<(), Stop> {
    match audience {
        PinnedAudience::Members { size, .. } if counts.members < *size => Err(Stop::Hopeless(
            format!("{} of the upload's {size} members were there to be read", counts.members),
        )),
        PinnedAudience::Members { .. } | PinnedAudience::S3 { .. } => Ok(()),
    }
}
