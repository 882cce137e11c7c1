//! A run without its effects: renders and checks every member's message, and stores nothing.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use jiff::Timestamp;

use super::FieldError;
use super::accept::CheckMessage;
use super::audience::{AudienceError, Audiences};
use super::compose::{MemberOrder, compose_member};
use crate::domain::audience::file::Record;
use crate::domain::run::MemberFault;
use crate::domain::{
    Channel, HoursConfig, Notification, NotificationId, Priority, Run, RunKey, Schedule, Template,
};
use crate::ports::{Catalog, Clock, PortError};

/// Members read at a time.
const PAGE: usize = 500;

/// How long one request reads on: less than an HTTP caller waits.
const READING_MS: i64 = 15_000;

/// Runs schedules dry.
#[derive(Clone)]
pub struct DryRun {
    /// Schedules, and what they name.
    pub catalog: Arc<dyn Catalog>,
    /// Audiences, from both of their sources.
    pub audiences: Audiences,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The providers' rules.
    pub check: CheckMessage,
}

/// What a run would have come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRunReport {
    /// The time for which it was tried.
    pub scheduled_at: Timestamp,
    /// Members read.
    pub members: u64,
    /// Members with a message that could be stored.
    pub sendable: u64,
    /// Members for whom none could be made.
    pub unsendable: u64,
    /// Lines whose member an earlier line read in this answer holds: a run sends to it once.
    pub doubled: u64,
    /// The first faults.
    pub faults: Vec<MemberFault>,
    /// Where to go on, when the audience was too large for one request.
    pub next: Option<String>,
}

/// Why nothing was tried.
#[derive(Debug, thiserror::Error)]
pub enum NotRun {
    /// There is no such schedule.
    #[error("there is no such schedule")]
    Missing,
    /// What it names is not there, or has no members.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// It may work another time.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What every member's message is made with.
struct Making {
    schedule: Schedule,
    template: Template,
    channel: Channel,
    hours: HoursConfig,
    key: RunKey,
    priority: Priority,
}

impl DryRun {
    /// Tries a schedule's next run, from where an earlier request ended. An audience that is
    /// changed between two requests is read on as it is then.
    ///
    /// # Errors
    /// [`NotRun`].
    pub async fn dry_run(
        &self,
        schedule: &str,
        after: Option<String>,
    ) -> Result<DryRunReport, NotRun> {
        let stop_at_ms = self.clock.now_ms() + READING_MS;
        let making = self.making(schedule).await?;
        let audience =
            self.catalog.audience(&making.schedule.audience).await?.ok_or_else(|| {
                let must = format!("there is no audience {:?}", making.schedule.audience);
                FieldError::new("audience", must)
            })?;
        let pinned = self.audiences.pin(&audience).await.map_err(unreadable)?;
        let mut pages = self
            .audiences
            .open(&pinned, after.as_deref())
            .map_err(|error| no_such_place(error, after.is_some()))?;
        let mut report = DryRunReport {
            scheduled_at: making.key.scheduled_at,
            members: 0,
            sendable: 0,
            unsendable: 0,
            doubled: 0,
            faults: vec![],
            next: None,
        };
        let mut seen = Seen::default();
        loop {
            let page = pages.next_page(PAGE).await.map_err(unreadable)?;
            let last_line = page.records.last().map(|record| record.line);
            let cut_off = last_line.filter(|_| page.is_cut_off);
            for record in page.records {
                report.members += 1;
                let line = record.line;
                let made = self.make(&making, record).map(|made| seen.is_new(&made.id));
                match made {
                    Ok(true) => report.sendable += 1,
                    Ok(false) => {
                        report.doubled += 1;
                        if report.faults.len() < Run::FAULTS_KEPT {
                            report.faults.push(MemberFault::doubled(line));
                        }
                    }
                    Err(fault) => {
                        report.unsendable += 1;
                        if report.faults.len() < Run::FAULTS_KEPT || cut_off == Some(fault.line) {
                            report.faults.push(fault);
                        }
                    }
                }
            }
            report.next = page.next;
            if report.next.is_none() || self.clock.now_ms() >= stop_at_ms {
                return Ok(report);
            }
        }
    }

    async fn making(&self, name: &str) -> Result<Making, NotRun> {
        let schedule = self.catalog.schedule(name).await?.ok_or(NotRun::Missing)?;
        let template = self.catalog.template(&schedule.template).await?.ok_or_else(|| {
            FieldError::new("template", format!("there is no template {:?}", schedule.template))
        })?;
        let channel = self.catalog.channel(&template.channel).await?.ok_or_else(|| {
            let must = format!("its channel {:?} is not configured", template.channel);
            FieldError::new("template", must)
        })?;
        let hours = self.catalog.hours().await?;
        let now = Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default();
        let scheduled_at = schedule.next_after(now).unwrap_or(now);
        let priority = schedule.priority_at(scheduled_at);
        let key = RunKey::new(name, scheduled_at);
        Ok(Making { schedule, template, channel, hours, key, priority })
    }

    fn make(&self, making: &Making, record: Record) -> Result<Notification, MemberFault> {
        let line = record.line;
        let fault = |field: Option<String>, fault: String| MemberFault { line, field, fault };
        let member = record.member.map_err(|bad| fault(bad.field, bad.fault))?;
        let order = MemberOrder {
            key: &making.key,
            template: &making.template,
            channel: &making.channel,
            hours: &making.hours,
            priority: making.priority,
            now_ms: self.clock.now_ms(),
        };
        compose_member(order, line, &member, self.check)
            .map_err(|error| fault(Some(error.field), error.detail))
    }
}

/// The notifications that were made for one answer, by hashes: so small that those of any audience
/// fit, and of 64 bits, so that even of a million no two are the same by chance.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl Seen {
    fn is_new(&mut self, id: &NotificationId) -> bool {
        self.hashes.insert(self.hasher.hash_one(id))
    }
}

fn unreadable(error: AudienceError) -> NotRun {
    match error {
        AudienceError::Port(error) => NotRun::Port(error),
        AudienceError::Unreadable(why) => NotRun::Invalid(FieldError::new("audience", why)),
    }
}

/// Opening fails by where to go on from, if that is said.
fn no_such_place(error: AudienceError, is_said: bool) -> NotRun {
    match error {
        AudienceError::Unreadable(_) if is_said => {
            let must = "must be the next of the answer before, for the same audience";
            NotRun::Invalid(FieldError::new("after", must))
        }
        AudienceError::Unreadable(_) | AudienceError::Port(_) => unreadable(error),
    }
}
