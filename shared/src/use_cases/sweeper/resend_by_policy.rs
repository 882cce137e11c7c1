//! Sends failed messages again where their channel has a policy for it. What is sent again follows from
//! the stored messages alone, so a round that crashes or runs twice sends nothing twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::time::Instant;

use crate::domain::agenda::{sort_at, time_ms_in};
use crate::domain::resend_policy::ResendPolicy;
use crate::domain::{Channel, Decider, ExceptionFilter, Producer, ResendTerms};
use crate::ports::{
    Catalog, Clock, ExceptionEntry, Exceptions, Notifications, PortError, Repair, RepairPlaces,
};
use crate::use_cases::apply::Apply;
use crate::use_cases::decide::Act;

/// How many entries of the index are read at a time.
const PAGE: usize = 100;
/// How many messages are sent again at a time.
const CONCURRENCY: usize = 8;
/// How long a round works for one channel, so that it does not hold up the others.
const WORK_FOR: Duration = Duration::from_secs(5);
/// How long a round works for all channels.
const WORK_FOR_ALL: Duration = Duration::from_secs(30);
/// An entry may appear in the index so much later than its time.
const INDEX_LAG_MS: i64 = 120_000;

#[derive(Clone)]
pub struct ResendByPolicy {
    pub catalog: Arc<dyn Catalog>,
    pub exceptions: Arc<dyn Exceptions>,
    pub notifications: Arc<dyn Notifications>,
    /// How far each channel's exceptions were read.
    pub places: Arc<dyn RepairPlaces>,
    pub apply: Apply,
    pub clock: Arc<dyn Clock>,
}

/// Where each channel goes on, by its name.
type Places = BTreeMap<String, String>;

impl ResendByPolicy {
    /// Does one round. A channel that fails does not keep the others from their work.
    ///
    /// # Errors
    /// [`PortError`] when the channels cannot be listed, or the places cannot be read or stored.
    pub async fn round(&self) -> Result<(), PortError> {
        let until = Instant::now() + WORK_FOR_ALL;
        let channels = self.catalog.channels().await?;
        let with_policies: Vec<&Channel> =
            channels.iter().filter(|channel| !channel.resend.is_empty()).collect();
        if with_policies.is_empty() {
            return Ok(());
        }
        let stored = self.places.place(Repair::ResentByPolicy).await?;
        let earlier: Places =
            stored.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let mut places = Places::new();
        for channel in with_policies {
            let mut place = earlier.get(&channel.name).cloned();
            let until = until.min(Instant::now() + WORK_FOR);
            if let Err(error) = self.resend(channel, &mut place, until).await {
                tracing::error!(
                    channel = %channel.name, %error,
                    "failed messages were not sent again as the channel's policies say; the next \
                     round goes on"
                );
            }
            if let Some(place) = place {
                places.insert(channel.name.clone(), place);
            }
        }
        if places != earlier {
            // A map of texts can always be written as JSON.
            let text = serde_json::to_string(&places).unwrap_or_default();
            self.places.save_place(Repair::ResentByPolicy, Some(&text)).await?;
        }
        Ok(())
    }

    /// Goes through a channel's exceptions behind `place`, which follows.
    async fn resend(
        &self,
        channel: &Channel,
        place: &mut Option<String>,
        until: Instant,
    ) -> Result<(), PortError> {
        let now_ms = self.clock.now_ms();
        let longest = channel.resend.iter().map(|policy| policy.within.as_millis()).max();
        let longest_ms = longest.and_then(|within| i64::try_from(within).ok()).unwrap_or(0);
        let place_ms = place.as_deref().and_then(time_ms_in);
        let from_ms = place_ms.map_or(i64::MIN, |at_ms| at_ms - INDEX_LAG_MS);
        let filter = ExceptionFilter {
            channel: channel.name.clone(),
            since_ms: Some(from_ms.max(now_ms - longest_ms)),
            ..ExceptionFilter::default()
        };
        let mut after = None;
        while Instant::now() < until {
            let page = self.exceptions.exceptions(&filter, after.as_deref(), PAGE).await?;
            let last = page.entries.last().map(|last| last.sort.clone());
            self.resend_all(channel, page.entries).await?;
            let read_to = page.next.clone().or(last).or_else(|| Some(sort_at(now_ms)));
            if read_to > *place {
                *place = read_to;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn resend_all(
        &self,
        channel: &Channel,
        entries: Vec<ExceptionEntry>,
    ) -> Result<(), PortError> {
        let may_take = |entry: &ExceptionEntry| {
            let reason = entry.reason.as_deref();
            channel.resend.iter().any(|policy| policy.may_take(entry.status, reason))
        };
        let mut resent = stream::iter(entries.into_iter().filter(may_take))
            .map(|entry| async move { self.resend_one(channel, &entry).await })
            .buffer_unordered(CONCURRENCY);
        let mut failed = None;
        while let Some(result) = resent.next().await {
            match result {
                Ok(()) => {}
                // A retry would fail as well, and must not hold up the others.
                Err(error @ PortError::Unusable { .. }) => {
                    tracing::error!(%error, "a failed message cannot be read; it stays as it is");
                }
                Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
                    failed = failed.or(Some(error));
                }
            }
        }
        match failed {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }

    async fn resend_one(&self, channel: &Channel, entry: &ExceptionEntry) -> Result<(), PortError> {
        let Some(found) = self.notifications.load(&entry.id).await? else { return Ok(()) };
        let now_ms = self.clock.now_ms();
        let takes = |policy: &&ResendPolicy| policy.takes(&found, now_ms);
        let Some(policy) = channel.resend.iter().find(takes) else { return Ok(()) };
        let decider = Decider {
            by: Producer::ALIMI.to_owned(),
            reason: policy.in_words(),
            revision: found.revision,
            job: None,
        };
        let terms = ResendTerms { by_policy: true, ..ResendTerms::default() };
        // A refusal is no error: a receipt or a person was faster, the step before is not over, or a
        // fallback has left in place of this one.
        let _applied =
            self.apply.apply_to(found, &Act::Resend(terms).event(decider, now_ms)).await?;
        Ok(())
    }
}
