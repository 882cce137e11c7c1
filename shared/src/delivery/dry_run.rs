//! A run without its effects: renders and checks every member's message, and stores nothing.

use std::sync::Arc;

use jiff::Timestamp;

use super::FieldError;
use super::accept::CheckMessage;
use super::compose::{Order, compose};
use crate::domain::audience::file::Member;
use crate::domain::audience::{AudienceSource, recipient_of};
use crate::domain::run::MemberFault;
use crate::domain::{
    Audience, Channel, HoursConfig, Notification, Priority, Run, RunKey, Schedule, Template,
};
use crate::ports::scheduling::{Members, StoredMember};
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
    /// Members.
    pub members: Arc<dyn Members>,
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
    /// The first faults.
    pub faults: Vec<MemberFault>,
    /// After whom to go on, when the audience was too large for one request.
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
    /// Tries a schedule's next run, from the member after `after` on.
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
        let (audience, version) = self.upload(&making.schedule).await?;
        let mut report = DryRunReport {
            scheduled_at: making.key.scheduled_at,
            members: 0,
            sendable: 0,
            unsendable: 0,
            faults: vec![],
            next: after,
        };
        loop {
            let page =
                self.members.members(&audience, &version, report.next.as_deref(), PAGE).await?;
            for member in &page {
                report.members += 1;
                match self.make(&making, member) {
                    Ok(_) => report.sendable += 1,
                    Err(fault) => {
                        report.unsendable += 1;
                        if report.faults.len() < Run::FAULTS_KEPT {
                            report.faults.push(fault);
                        }
                    }
                }
            }
            report.next = page.last().map(|last| last.member.id.clone());
            if page.len() < PAGE {
                report.next = None;
            }
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
        let key = RunKey { schedule: name.to_owned(), scheduled_at };
        Ok(Making { schedule, template, channel, hours, key, priority })
    }

    /// The audience and its upload.
    async fn upload(&self, schedule: &Schedule) -> Result<(String, String), NotRun> {
        let audience: Audience =
            self.catalog.audience(&schedule.audience).await?.ok_or_else(|| {
                FieldError::new("audience", format!("there is no audience {:?}", schedule.audience))
            })?;
        match audience.source {
            AudienceSource::Members { version: Some(version), .. } => Ok((audience.name, version)),
            AudienceSource::Members { version: None, .. } => {
                let must = "must have members: upload some first";
                Err(FieldError::new("audience", must).into())
            }
            AudienceSource::S3 { .. } => {
                let must = "must be members that were uploaded: a file in S3 is not tried";
                Err(FieldError::new("audience", must).into())
            }
        }
    }

    fn make(&self, making: &Making, member: &StoredMember) -> Result<Notification, MemberFault> {
        let StoredMember { line, member } = member;
        let fault = |field: String, fault: String| MemberFault {
            line: *line,
            field: (!field.is_empty()).then_some(field),
            fault,
        };
        let to =
            recipient_of(member).map_err(|bad| fault(bad.field.to_owned(), bad.must.clone()))?;
        let Member { id, variables, .. } = member;
        let order = Order {
            id: making.key.notification_id(id),
            digest: making.key.digest(*line),
            template: &making.template,
            channel: &making.channel,
            hours: &making.hours,
            to,
            variables,
            priority: making.priority,
            not_before_ms: None,
            expires_at_ms: None,
            now_ms: self.clock.now_ms(),
        };
        compose(order, self.check).map_err(|error| fault(error.field, error.detail))
    }
}
