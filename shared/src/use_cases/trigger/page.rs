//! One page of a run: each member's notification is stored, or its fault is reported.

use std::collections::HashSet;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::time::Instant;

use super::Trigger;
use super::context::RunContext;
use crate::domain::audience::file::{BadLine, Member, Record};
use crate::domain::hours::Opening;
use crate::domain::run::RunCounts;
use crate::domain::{FieldError, Notification, RunKey};
use crate::ports::{Created, PortError};
use crate::use_cases::compose::{MemberInputs, compose_member};
use crate::use_cases::puts::{PutSlots, RESERVED_AT_ONCE, retry_throttled};

/// How long a put is repeated that the database throttles. A page that fails would be repeated as a
/// whole, and the other puts of the page with it.
const RETRY_THROTTLED_FOR: Duration = Duration::from_secs(10);

/// What storing a page came to.
#[derive(Default)]
pub(super) struct StoredPage {
    pub(super) counts: RunCounts,
    /// By line.
    pub(super) faults: Vec<BadLine>,
    /// A message of the page may leave now: its lane has to be woken.
    pub(super) any_may_leave: bool,
}

/// A notification that is ready to be stored.
struct Composed {
    /// The member's line.
    line: u64,
    notification: Notification,
    /// Its window is open now. If not, the stored notification waits in its window class.
    may_leave: bool,
}

enum MemberOutcome {
    Stored { may_leave: bool },
    Invalid(BadLine),
    Duplicate(BadLine),
}

impl Trigger {
    /// Stores a page. A failure leaves some of the page stored; repeating the page gives the same
    /// counts.
    pub(super) async fn store_page(
        &self,
        key: &RunKey,
        context: &RunContext,
        slots: &mut PutSlots<'_>,
        records: Vec<Record>,
    ) -> Result<StoredPage, PortError> {
        // Notifications of a page are stored concurrently, so the database would decide by chance
        // which of a member's two lines wins. Duplicates are therefore found here: the first valid
        // line counts, as it does across pages.
        let mut ids = HashSet::new();
        let mut outcomes = Vec::with_capacity(records.len());
        let mut records = records.into_iter();
        loop {
            let composed: Vec<_> = records
                .by_ref()
                .take(RESERVED_AT_ONCE)
                .map(|record| self.compose_first(key, context, record, &mut ids))
                .collect();
            if composed.is_empty() {
                return Ok(summed_up(outcomes));
            }
            // A member that is not stored needs no slot.
            slots.reserve(composed.iter().filter(|composed| composed.is_ok()).count()).await;
            let stored: Vec<MemberOutcome> = stream::iter(composed)
                .map(|composed| {
                    let slot = composed.as_ref().ok().and_then(|_| slots.next_slot());
                    async move {
                        let composed = match composed {
                            Ok(composed) => composed,
                            Err(outcome) => return Ok(outcome),
                        };
                        if let Some(slot) = slot {
                            tokio::time::sleep_until(slot).await;
                        }
                        self.store(composed).await
                    }
                })
                .buffer_unordered(self.settings.concurrency.max(1))
                .try_collect()
                .await?;
            outcomes.extend(stored);
        }
    }

    /// Makes a member's notification, unless the member is invalid or had an earlier line.
    fn compose_first(
        &self,
        key: &RunKey,
        context: &RunContext,
        record: Record,
        ids: &mut HashSet<String>,
    ) -> Result<Composed, MemberOutcome> {
        let line = record.line;
        let member = record.member.map_err(MemberOutcome::Invalid)?;
        let composed = self.compose(key, context, line, &member).map_err(|error| {
            let FieldError { field, detail } = error;
            MemberOutcome::Invalid(BadLine { line, field: Some(field), fault: detail })
        })?;
        if ids.insert(member.id) {
            Ok(composed)
        } else {
            Err(MemberOutcome::Duplicate(BadLine::duplicate(line)))
        }
    }

    fn compose(
        &self,
        key: &RunKey,
        context: &RunContext,
        line: u64,
        member: &Member,
    ) -> Result<Composed, FieldError> {
        let now_ms = self.clock.now_ms();
        let inputs = MemberInputs {
            key,
            owner: &context.pins.owner,
            source: context.source(),
            priority: context.pins.priority,
            now_ms,
        };
        let notification = compose_member(inputs, line, member)?;
        let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
        let may_leave = matches!(notification.window_class.opening(now), Opening::Open { .. });
        Ok(Composed { line, notification, may_leave })
    }

    async fn store(&self, composed: Composed) -> Result<MemberOutcome, PortError> {
        let Composed { line, notification, may_leave } = composed;
        let Notification { channel, window_class, .. } = &notification;
        let give_up_at = Instant::now() + RETRY_THROTTLED_FOR;
        // Senders look for messages in the lane's known window classes only, so the class is added
        // before the message.
        let add_class = || self.classes.add_class(channel, window_class);
        retry_throttled(&*self.randomness, give_up_at, add_class).await?;
        let create = || self.notifications.create(&notification);
        match retry_throttled(&*self.randomness, give_up_at, create).await {
            Ok(Created::New) => Ok(MemberOutcome::Stored { may_leave }),
            // This run stored it from the same line: before a crash, or in another invocation.
            Ok(Created::Existing(known)) if known.request_digest == notification.request_digest => {
                Ok(MemberOutcome::Stored { may_leave })
            }
            Ok(Created::Existing(_) | Created::OtherRequest) => {
                Ok(MemberOutcome::Duplicate(BadLine::duplicate(line)))
            }
            // The row stays unreadable, so failing here would stop the run for ever.
            Err(PortError::Unusable { what, detail }) => {
                tracing::error!(
                    id = %notification.id, what, %detail,
                    "a notification cannot be read"
                );
                Ok(MemberOutcome::Invalid(BadLine {
                    line,
                    field: None,
                    fault: "its notification is stored already, and cannot be read".to_owned(),
                }))
            }
            Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
                Err(error)
            }
        }
    }
}

fn summed_up(outcomes: Vec<MemberOutcome>) -> StoredPage {
    let mut page = StoredPage::default();
    for outcome in outcomes {
        page.counts.members += 1;
        match outcome {
            MemberOutcome::Stored { may_leave } => {
                page.counts.stored += 1;
                page.any_may_leave |= may_leave;
            }
            MemberOutcome::Invalid(fault) => {
                page.counts.invalid += 1;
                page.faults.push(fault);
            }
            MemberOutcome::Duplicate(fault) => {
                page.counts.duplicate += 1;
                page.faults.push(fault);
            }
        }
    }
    page.faults.sort_by_key(|fault| fault.line);
    page
}
