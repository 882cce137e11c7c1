//! A run without effects: makes and checks every member's message, and stores nothing.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::audience::file::{BadLine, Record};
use crate::domain::{
    Channel, FieldError, HoursConfig, Notification, NotificationId, Priority, Run, RunKey,
    Schedule, Template, Variant,
};
use crate::ports::{Adapter, Adapters, Catalog, Clock, PortError, Revised};
use crate::use_cases::audience::{AudienceError, Audiences};
use crate::use_cases::compose::{MemberInputs, Source, compose_member};

/// How many members are read at a time.
const PAGE: usize = 500;

/// How long one request reads: HTTP callers wait no longer than 30 s.
const READING_MAX_MS: i64 = 15_000;

#[derive(Clone)]
pub struct DryRun {
    pub catalog: Arc<dyn Catalog>,
    pub audiences: Audiences,
    pub clock: Arc<dyn Clock>,
    /// Check the messages by their providers' rules.
    pub adapters: Arc<dyn Adapters>,
}

/// What a run would do with the members that were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRunReport {
    /// The time of the run that was tried.
    pub scheduled_at: Timestamp,
    /// Members read.
    pub members: u64,
    /// Members whose message could be stored.
    pub sendable: u64,
    /// Members for whom no message could be made.
    pub invalid: u64,
    /// Lines with a member of an earlier line of this report. A run sends to the member once.
    pub duplicate: u64,
    /// The first faults.
    pub faults: Vec<BadLine>,
    /// Where the next request continues; `None` at the audience's end.
    pub next: Option<String>,
}

/// Why a dry run did not take place.
#[derive(Debug, thiserror::Error)]
pub enum NotRun {
    #[error("there is no such schedule")]
    Missing,
    /// The template, the channel or the audience of the schedule is missing or unusable.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// A retry may succeed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What every member's message is made from.
struct DryRunContext {
    schedule: Schedule,
    template: Revised<Template>,
    variant: Variant,
    channel: Channel,
    adapter: Arc<dyn Adapter>,
    hours: HoursConfig,
    key: RunKey,
    priority: Priority,
}

impl DryRunContext {
    fn source(&self) -> Source<'_> {
        Source {
            template: &self.template.document,
            revision: self.template.revision,
            variant: &self.variant,
            channel: &self.channel,
            adapter: &*self.adapter,
            hours: &self.hours,
        }
    }
}

impl DryRun {
    /// Tries a schedule's next run, beginning where an earlier request ended. An audience that
    /// changes between two requests is continued with its new content.
    pub async fn dry_run(
        &self,
        schedule: &str,
        after: Option<String>,
    ) -> Result<DryRunReport, NotRun> {
        let stop_at_ms = self.clock.now_ms() + READING_MAX_MS;
        let context = self.context(schedule).await?;
        let audience = &context.schedule.audience;
        let audience = self.catalog.audience(audience).await?.ok_or_else(|| {
            FieldError::new("audience", format!("there is no audience {audience:?}"))
        })?;
        let pinned = self.audiences.pin(&audience).await.map_err(unreadable)?;
        let mut pages = self
            .audiences
            .open(&pinned, after.as_deref())
            .map_err(|error| not_opened(error, after.is_some()))?;
        let mut report = DryRunReport {
            scheduled_at: context.key.scheduled_at,
            members: 0,
            sendable: 0,
            invalid: 0,
            duplicate: 0,
            faults: vec![],
            next: None,
        };
        let mut seen = SeenIds::default();
        loop {
            let page = pages.next_page(PAGE).await.map_err(unreadable)?;
            let last_line = page.records.last().map(|record| record.line);
            let cut_off = last_line.filter(|_| page.is_cut_off);
            for record in page.records {
                report.members += 1;
                let line = record.line;
                let composed = self.compose(&context, record);
                match composed.map(|notification| seen.is_new(&notification.id)) {
                    Ok(true) => report.sendable += 1,
                    Ok(false) => {
                        report.duplicate += 1;
                        if report.faults.len() < Run::FAULTS_KEPT {
                            report.faults.push(BadLine::duplicate(line));
                        }
                    }
                    Err(fault) => {
                        report.invalid += 1;
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

    async fn context(&self, name: &str) -> Result<DryRunContext, NotRun> {
        let schedule = self.catalog.schedule(name).await?.ok_or(NotRun::Missing)?;
        let template = self.catalog.template(&schedule.template).await?.ok_or_else(|| {
            let detail = format!(
                "there is no template {:?}: use a stored template, or have an operator store this \
                 one",
                schedule.template
            );
            FieldError::new("template", detail)
        })?;
        let variant = template.document.variant(schedule.channel.as_deref())?.clone();
        let channel = self.catalog.channel(&variant.channel).await?.ok_or_else(|| {
            let detail = format!(
                "the template's channel {:?} is not configured: an operator must store the channel",
                variant.channel
            );
            FieldError::new("template", detail)
        })?;
        let adapter = self.adapters.usable_adapter(&channel)?;
        let hours = self.catalog.hours().await?;
        let now = Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default();
        let scheduled_at = schedule.next_after(now).unwrap_or(now);
        let priority = schedule.priority_at(scheduled_at);
        let key = RunKey::new(name, scheduled_at);
        Ok(DryRunContext { schedule, template, variant, channel, adapter, hours, key, priority })
    }

    fn compose(&self, context: &DryRunContext, record: Record) -> Result<Notification, BadLine> {
        let line = record.line;
        let member = record.member.map_err(|bad_line| BadLine { line, ..bad_line })?;
        let inputs = MemberInputs {
            key: &context.key,
            owner: context.schedule.owner(),
            source: context.source(),
            priority: context.priority,
            now_ms: self.clock.now_ms(),
        };
        compose_member(inputs, line, &member).map_err(|error| BadLine {
            line,
            field: Some(error.field),
            fault: error.detail,
        })
    }
}

/// The ids of one report's notifications, kept as hashes: those of any audience fit into memory.
/// With 64 bits, even among a million ids two equal hashes are very unlikely.
#[derive(Default)]
struct SeenIds {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl SeenIds {
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

/// When the request says where to continue, opening fails because of that place.
fn not_opened(error: AudienceError, has_after: bool) -> NotRun {
    match error {
        AudienceError::Unreadable(_) if has_after => {
            let must = "must be the value of `next` in an earlier answer for the same audience";
            NotRun::Invalid(FieldError::new("after", must))
        }
        AudienceError::Unreadable(_) | AudienceError::Port(_) => unreadable(error),
    }
}
