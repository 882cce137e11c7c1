//! One page of a run: each member's notification is stored, or its fault is reported.

use std::collections::HashSet;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::Trigger;
use super::context::RunContext;
use super::pace::Pace;
use crate::domain::audience::file::{BadLine, Member, Record};
use crate::domain::hours::Opening;
use crate::domain::run::RunCounts;
use crate::domain::{FieldError, Notification, RunKey};
use crate::ports::{Created, PortError};
use crate::use_cases::compose::{MemberInputs, compose_member};

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
        pace: &mut Pace,
        records: Vec<Record>,
    ) -> Result<StoredPage, PortError> {
        // Notifications of a page are stored concurrently, so the database would decide by chance
        // which of a member's two lines wins. Duplicates are therefore found here: the first valid
        // line counts, as it does across pages.
        let mut ids = HashSet::new();
        let outcomes: Vec<MemberOutcome> = stream::iter(records)
            .map(|record| {
                let composed = match record.member {
                    Err(bad_line) => Err(MemberOutcome::Invalid(bad_line)),
                    Ok(member) => match self.compose(key, context, record.line, &member) {
                        Err(error) => Err(MemberOutcome::Invalid(BadLine {
                            line: record.line,
                            field: Some(error.field),
                            fault: error.detail,
                        })),
                        Ok(_) if !ids.insert(member.id) => {
                            Err(MemberOutcome::Duplicate(BadLine::duplicate(record.line)))
                        }
                        Ok(composed) => Ok(composed),
                    },
                };
                let slot = composed.as_ref().ok().and_then(|_| pace.next_slot());
                async move {
                    let composed = match composed {
                        Ok(composed) => composed,
                        Err(outcome) => return Ok(outcome),
                    };
                    if let Some(slot) = slot {
                        tokio::time::sleep_until(slot).await;
                    }
                    self.store(record.line, composed).await
                }
            })
            .buffer_unordered(self.settings.concurrency.max(1))
            .try_collect()
            .await?;
        Ok(summed_up(outcomes))
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
        Ok(Composed { notification, may_leave })
    }

    async fn store(&self, line: u64, composed: Composed) -> Result<MemberOutcome, PortError> {
        let Composed { notification, may_leave } = composed;
        // Senders look for messages in the lane's known window classes only, so the class is added
        // before the message.
        self.classes.add_class(&notification.channel, &notification.window_class).await?;
        match self.notifications.create(&notification).await {
            Ok(Created::New) => Ok(MemberOutcome::Stored { may_leave }),
            // This run stored it from the same line: before a crash, or in another invocation.
            Ok(Created::Existing(known)) if known.request_digest == notification.request_digest => {
                Ok(MemberOutcome::Stored { may_leave })
            }
            Ok(Created::Existing(_)) => Ok(MemberOutcome::Duplicate(BadLine::duplicate(line))),
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
            Err(error @ PortError::Unavailable { .. }) => Err(error),
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
