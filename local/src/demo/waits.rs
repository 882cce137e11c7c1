//! How long messages waited for their turn, from the provider's record of arrivals: real-time
//! messages while the batch was sent, and the batch itself.

use std::collections::BTreeMap;

use alimi::domain::{Notification, NotificationId, Priority};

use crate::simulator::Arrival;

/// A message of the batch may leave before a real-time message that became ready less than this
/// ago: it may have been claimed earlier, and a claim is valid for 2 s.
const CLAIMED_US: i64 = 3_000_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Waits {
    /// When the first and the last message of the batch arrived.
    pub(super) batch_us: Option<(i64, i64)>,
    /// The waits of the batch's messages.
    pub(super) batch_ms: Vec<f64>,
    /// The waits of real-time messages that were ready while the batch was sent.
    pub(super) real_time_ms: Vec<f64>,
    /// Real-time messages that waited while messages of the batch were claimed and sent.
    pub(super) overtaken: Vec<NotificationId>,
}

impl Waits {
    pub(super) fn of(
        arrivals: &[Arrival],
        stored: &BTreeMap<NotificationId, Notification>,
    ) -> Self {
        let mut first_us: BTreeMap<&NotificationId, i64> = BTreeMap::new();
        for arrival in arrivals {
            if let Some(reference) = &arrival.reference {
                first_us.entry(&reference.id).or_insert(arrival.at_us);
            }
        }
        let arrived = |is_real_time: bool| {
            let of_kind = first_us.iter().filter_map(|(id, at_us)| {
                let notification = stored.get(*id)?;
                let ready_us = 1000 * notification.ready_at_ms;
                ((notification.priority == Priority::REAL_TIME) == is_real_time)
                    .then_some((*id, ready_us, *at_us))
            });
            of_kind.collect::<Vec<_>>()
        };
        let batch = arrived(false);
        let mut batch_at_us: Vec<i64> = batch.iter().map(|(_, _, at_us)| *at_us).collect();
        batch_at_us.sort_unstable();
        let (Some(&began_us), Some(&ended_us)) = (batch_at_us.first(), batch_at_us.last()) else {
            return Self::default();
        };
        let waited_ms = |ready_us: i64, at_us: i64| (at_us - ready_us).max(0) as f64 / 1000.0;
        let mut waits = Self {
            batch_us: Some((began_us, ended_us)),
            batch_ms: batch.iter().map(|(_, ready, at)| waited_ms(*ready, *at)).collect(),
            ..Self::default()
        };
        for (id, ready_us, at_us) in arrived(true) {
            if ready_us <= ended_us && at_us >= began_us {
                waits.real_time_ms.push(waited_ms(ready_us, at_us));
            }
            let next = batch_at_us.partition_point(|left| *left < ready_us + CLAIMED_US);
            if batch_at_us.get(next).is_some_and(|left_us| *left_us < at_us) {
                waits.overtaken.push(id.clone());
            }
        }
        waits
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::testing::world::{World, WorldSettings};

    #[tokio::test(start_paused = true)]
    async fn a_real_time_message_that_the_batch_overtakes_is_reported() {
        let world = World::new(WorldSettings::default()).await;
        let post = async |key: &str, priority: u16| {
            let body = json!({
                "template": "photo-and-video", "priority": priority,
                "to": { "id": key, "phone": "010-1234-5678" },
                "variables": { "name": "n", "code": "c" },
            });
            let (status, created) =
                world.produce("POST", "/v1/notifications", Some(key), body.to_string()).await;
            assert_eq!(status, 202);
            created["id"].as_str().expect("an id").parse::<NotificationId>().expect("an id")
        };
        for n in 0..100 {
            post(&format!("batch-{n}"), 600).await;
        }
        world.start_senders();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let urgent = post("urgent", 0).await;
        world.settle(Duration::from_secs(600)).await;

        let mut arrivals = world.simulator.arrivals();
        let waits = Waits::of(&arrivals, &world.notifications());
        assert_eq!(waits.batch_ms.len(), 100);
        assert_eq!(waits.real_time_ms.len(), 1);
        assert!(waits.real_time_ms[0] < 1000.0, "{:?}", waits.real_time_ms);
        assert!(waits.overtaken.is_empty());

        // The same record, but the real-time message arrives last, six seconds later.
        for arrival in &mut arrivals {
            if arrival.reference.as_ref().is_some_and(|reference| reference.id == urgent) {
                arrival.at_us += 6_000_000;
            }
        }
        arrivals.sort_by_key(|arrival| arrival.at_us);
        let mut stored = world.notifications();
        for notification in stored.values_mut().filter(|n| n.id == urgent) {
            notification.ready_at_ms -= 3_000;
        }
        assert_eq!(Waits::of(&arrivals, &stored).overtaken, [urgent]);
        assert_eq!(Waits::of(&[], &stored), Waits::default());
    }
}
