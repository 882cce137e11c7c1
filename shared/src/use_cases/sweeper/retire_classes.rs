//! Retires window classes that no message uses any more: a sender reads every open class of its
//! lane, and a lane gets a class for each time zone and for each window that it ever had.
//!
//! A class is retired when it was not used for [`RETIRE_AFTER_MS`] and has no message. No message is
//! left behind in a class that is not listed:
//!
//! - Whoever makes a message `queued` adds its class first, and remembers for an hour at most that
//!   it did (`WindowClasses::add_class`). The message is stored within minutes of that. So when a
//!   message is stored, the last use of its class is little more than an hour old.
//! - The message was stored before the sweeper looked: the index shows it, and the class stays. If
//!   the index lags, the class was used within the lag and an hour, which is far less than 25 hours,
//!   and the sweeper does not even look.
//! - The message was stored after the sweeper looked: its class was added again before. If that was
//!   before the removal, the last use has changed, so the removal fails. If it was after the
//!   removal, the class is listed again.
//! - Two functions may add a class at once, and the one whose clock is behind may write last. That
//!   sets the last use back by the difference of two clocks.

use tokio::time::Instant;

use super::Sweeper;
use super::looks::report_failure;
use crate::domain::Channel;
use crate::domain::agenda::ready_partition;
use crate::ports::{PortError, Saved};

/// How long a class must not have been used. A class that is used every day stays.
const RETIRE_AFTER_MS: i64 = 25 * 60 * 60 * 1000;
/// Classes are looked at in one minute out of so many.
const LOOK_EVERY_MINUTES: i64 = 15;
const LOOK_IN_MINUTE: i64 = 14;

impl Sweeper {
    /// Retires the unused classes of the channels' lanes when it is time, until `give_up_at`. A
    /// channel that fails is tried again a quarter of an hour later.
    pub(super) async fn retire_classes(&self, channels: &[Channel], give_up_at: Instant) {
        let minute = self.clock.now_ms() / 60_000;
        if minute % LOOK_EVERY_MINUTES != LOOK_IN_MINUTE {
            return;
        }
        for channel in channels {
            match self.retire_classes_of(channel, give_up_at).await {
                Ok(0) => {}
                Ok(retired) => {
                    tracing::info!(channel = %channel.name, retired, "window classes were retired");
                }
                Err(error) => report_failure(channel, &error),
            }
        }
    }

    /// Retires the unused classes of one lane. Returns how many.
    async fn retire_classes_of(
        &self,
        channel: &Channel,
        give_up_at: Instant,
    ) -> Result<usize, PortError> {
        let mut retired = 0;
        let unused_since_ms = self.clock.now_ms() - RETIRE_AFTER_MS;
        for read in self.classes.used_classes(&channel.name).await? {
            if Instant::now() >= give_up_at {
                break;
            }
            let Some(last_used_ms) = read.last_used_ms else {
                // The row is of an earlier version. The 25 hours begin now.
                self.classes.add_class(&channel.name, &read.class).await?;
                continue;
            };
            if last_used_ms > unused_since_ms {
                continue;
            }
            let ready = ready_partition(&channel.name, &read.class);
            let has_messages = !self.agenda.entries(&ready, None, None, 1).await?.is_empty();
            if has_messages {
                continue;
            }
            match self.classes.retire_class(&channel.name, &read).await? {
                Saved::Done => retired += 1,
                // It was used meanwhile.
                Saved::Conflict => {}
            }
        }
        Ok(retired)
    }
}
