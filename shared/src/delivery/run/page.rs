//! A page of a run: every member's notification is stored, or it is said why not.

use std::collections::HashSet;

use futures::{StreamExt, TryStreamExt, stream};

use super::member::Planned;
use super::pace::Pace;
use super::{Course, Runner};
use crate::domain::RunKey;
use crate::domain::audience::file::Record;
use crate::domain::run::{MemberFault, RunCounts};
use crate::ports::{Created, PortError};

/// What became of a member.
enum Fate {
    Stored { may_leave: bool },
    Unsendable(MemberFault),
    Doubled(MemberFault),
}

impl Runner {
    /// Stores a page. Answers with its counts, its faults by line, and whether the lane has work.
    ///
    /// A failure leaves some of the page stored; repeating the page gives the same counts.
    pub(super) async fn store_page(
        &self,
        key: &RunKey,
        course: &Course,
        pace: &mut Pace,
        records: Vec<Record>,
    ) -> Result<(RunCounts, Vec<MemberFault>, bool), PortError> {
        // Within a page members are stored side by side: which of two would come first is chance.
        // Of a member's lines the first one that can be sent counts, as it does across pages.
        let mut ids = HashSet::new();
        let fates: Vec<Fate> = stream::iter(records)
            .map(|record| {
                let planned = match record.member {
                    Err(bad) => Err(Fate::Unsendable(MemberFault {
                        line: bad.line,
                        field: bad.field,
                        fault: bad.fault,
                    })),
                    Ok(member) => match self.plan(key, course, record.line, &member) {
                        Err(error) => Err(Fate::Unsendable(MemberFault {
                            line: record.line,
                            field: Some(error.field),
                            fault: error.detail,
                        })),
                        Ok(_) if !ids.insert(member.id) => {
                            Err(Fate::Doubled(MemberFault::doubled(record.line)))
                        }
                        Ok(planned) => Ok(planned),
                    },
                };
                let slot = planned.as_ref().ok().and_then(|_| pace.next_slot());
                async move {
                    let planned = match planned {
                        Ok(planned) => planned,
                        Err(fate) => return Ok(fate),
                    };
                    if let Some(slot) = slot {
                        tokio::time::sleep_until(slot).await;
                    }
                    self.store(record.line, planned).await
                }
            })
            .buffer_unordered(self.settings.concurrency.max(1))
            .try_collect()
            .await?;
        Ok(summed_up(fates))
    }

    async fn store(&self, line: u64, planned: Planned) -> Result<Fate, PortError> {
        let Planned { notification, may_leave } = planned;
        // The lane has to know the class before there is a message of it, or nobody would look.
        self.classes.add_class(&notification.channel, &notification.window_class).await?;
        match self.notifications.create(&notification).await {
            Ok(Created::New) => Ok(Fate::Stored { may_leave }),
            // This run made it of this line, before a crash or while another had the lease.
            Ok(Created::Existing(known)) if known.request_digest == notification.request_digest => {
                Ok(Fate::Stored { may_leave })
            }
            Ok(Created::Existing(_)) => Ok(Fate::Doubled(MemberFault::doubled(line))),
            // It would stop the run as often as it is tried.
            Err(PortError::Corrupt { what, detail }) => {
                tracing::error!(id = %notification.id, what, %detail, "a notification cannot be read");
                Ok(Fate::Unsendable(MemberFault {
                    line,
                    field: None,
                    fault: "its notification is there, and cannot be read".to_owned(),
                }))
            }
            Err(error @ PortError::Unavailable { .. }) => Err(error),
        }
    }
}

fn summed_up(fates: Vec<Fate>) -> (RunCounts, Vec<MemberFault>, bool) {
    let mut counts = RunCounts::default();
    let mut faults = Vec::new();
    let mut any_may_leave = false;
    for fate in fates {
        counts.members += 1;
        match fate {
            Fate::Stored { may_leave } => {
                counts.stored += 1;
                any_may_leave |= may_leave;
            }
            Fate::Unsendable(fault) => {
                counts.unsendable += 1;
                faults.push(fault);
            }
            Fate::Doubled(fault) => {
                counts.doubled += 1;
                faults.push(fault);
            }
        }
    }
    faults.sort_by_key(|fault| fault.line);
    (counts, faults, any_may_leave)
}
