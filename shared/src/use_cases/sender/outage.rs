//! What becomes of messages while their provider cannot take them: they wait in the queue, and end
//! once they have waited too long.

use std::collections::VecDeque;

use jiff::Timestamp;
use tokio::time::Instant;

use super::dependencies::Sender;
use crate::domain::agenda::{just_after, ready_at_ms_in, ready_partition};
use crate::domain::duration::millis;
use crate::domain::hours::Opening;
use crate::domain::{Channel, Event, WindowClass};
use crate::ports::{AgendaEntry, PortError};

/// So many messages at the head of each class are checked at each probe: only their rows say
/// whether they have expired by their own time.
const HEADS: usize = 16;
/// So many messages are looked at together once some have waited too long for the provider.
const PAGE: usize = 500;

/// Ends the messages of open window classes that have waited too long, page by page.
pub(super) struct LateMessages<'a> {
    sender: &'a Sender,
    channel: String,
    open_since_ms: i64,
    give_up_after_ms: i64,
    /// The open classes that remain.
    partitions: VecDeque<String>,
    /// Where to go on in the first of them.
    from: Option<String>,
}

impl<'a> LateMessages<'a> {
    /// Begins with the lane's first open class.
    pub(super) async fn of(
        sender: &'a Sender,
        channel: &Channel,
        open_since_ms: i64,
    ) -> Result<Self, PortError> {
        let now = Timestamp::from_millisecond(sender.clock.now_ms()).unwrap_or_default();
        let mut classes = sender.classes.classes(&channel.name).await?;
        classes.push(WindowClass::EXEMPT);
        classes.retain(|class| matches!(class.opening(now), Opening::Open { .. }));
        let partitions = classes.iter().map(|class| ready_partition(&channel.name, class));
        Ok(Self {
            sender,
            channel: channel.name.clone(),
            open_since_ms,
            give_up_after_ms: millis(channel.give_up_after),
            partitions: partitions.collect(),
            from: None,
        })
    }

    /// Ends the late messages of the next page. Returns whether there may be more.
    pub(super) async fn end_next_page(&mut self) -> Result<bool, PortError> {
        let Some(partition) = self.partitions.front() else { return Ok(false) };
        let at_ms = self.sender.clock.now_ms();
        // A message is late if it has waited since this time, and the circuit has been open since
        // then too.
        let late_since_ms = at_ms.saturating_sub(self.give_up_after_ms);
        let is_long_outage = self.open_since_ms <= late_since_ms;
        let limit = if is_long_outage { PAGE } else { HEADS };
        let from = self.from.as_deref();
        let page = self.sender.agenda.entries(partition, from, None, limit).await?;
        let is_full = page.len() == limit;
        let last = page.last().map(|entry| just_after(&entry.sort));
        let is_first_page = self.from.is_none();
        let is_late =
            |entry: &AgendaEntry| ready_at_ms_in(&entry.sort).is_some_and(|at| at <= late_since_ms);
        let checked: Vec<AgendaEntry> = page
            .into_iter()
            .enumerate()
            .filter(|(place, entry)| {
                !is_long_outage || (is_first_page && *place < HEADS) || is_late(entry)
            })
            .map(|(_, entry)| entry)
            .collect();
        let event = Event::OutageChecked {
            open_since_ms: self.open_since_ms,
            give_up_after_ms: self.give_up_after_ms,
            at_ms,
        };
        let mut moved = Vec::new();
        let apply = self.sender.apply_within_lane(&self.channel);
        let applied = apply.apply_all(&checked, &event, &mut moved).await;
        if !moved.is_empty() {
            tracing::error!(
                channel = %self.channel,
                expired = moved.len(),
                "messages expired while the provider could take none"
            );
        }
        applied?;
        if is_full && (is_long_outage || moved.len() == checked.len()) {
            self.from = last;
        } else {
            self.partitions.pop_front();
            self.from = None;
        }
        Ok(!self.partitions.is_empty())
    }
}

/// Ends late messages until this time, for a lane whose provider cannot be used at all. The next
/// drain goes on.
pub(super) async fn end_late_messages(
    sender: &Sender,
    channel: &Channel,
    open_since_ms: i64,
    until: Instant,
) -> Result<(), PortError> {
    let mut late = LateMessages::of(sender, channel, open_since_ms).await?;
    while late.end_next_page().await? && Instant::now() < until {}
    Ok(())
}
