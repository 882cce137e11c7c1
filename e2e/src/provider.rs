//! The simulated provider beside the stack. Its pushes go to the deployed webhook.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use alimi::domain::NotificationId;
use alimi::time::SystemClock;
use alimi_local::simulator::{
    Arrival, PASSWORD, Pushed, Simulator, SimulatorSettings, busiest_second, router,
};
use futures::FutureExt;
use tokio::net::TcpListener;

use crate::{Result, api, until};

/// Requests that it takes in any sliding second.
pub const PER_SECOND: u32 = 20;

/// The provider, listening on loopback until the program ends.
pub struct Provider {
    /// Its address.
    pub url: String,
    /// The password that it asks for.
    pub password: &'static str,
    simulator: Arc<Simulator>,
}

impl Provider {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> Result<Self> {
        let settings = SimulatorSettings {
            per_second: PER_SECOND,
            // So that some requests are always under way.
            latency: Duration::from_millis(250),
            ..SimulatorSettings::default()
        };
        let simulator = Simulator::new(settings, Arc::new(SystemClock));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(axum::serve(listener, router(simulator.clone())).into_future());
        Ok(Self { url, password: PASSWORD, simulator })
    }

    /// Registers the webhook, once.
    ///
    /// # Errors
    /// When the address is none.
    pub fn push_to(&self, webhook: String) -> Result<()> {
        let client = api::client(&webhook)?;
        self.simulator.push_to(Arc::new(move |push| {
            let call = client.post(&webhook).header("content-type", "application/json");
            let call = call.body(push.to_string()).send();
            async move { call.await.map_or(0, |answer| answer.status().as_u16()) }.boxed()
        }));
        Ok(())
    }

    /// How many requests came until now.
    pub fn count(&self) -> usize {
        self.simulator.arrivals().len()
    }

    /// The messages that were taken, in order; the first `skipped` requests are left out.
    pub fn taken_after(&self, skipped: usize) -> Vec<Arrival> {
        let arrivals = self.simulator.arrivals().into_iter().skip(skipped);
        arrivals.filter(Arrival::was_taken).collect()
    }

    /// When a message was taken; an error if it was never, or more than once.
    ///
    /// # Errors
    /// Says which.
    pub fn taken_once_us(&self, id: &NotificationId) -> Result<i64> {
        match self.taken_us(id)[..] {
            [at_us] => Ok(at_us),
            [] => Err(format!("{id} did not arrive").into()),
            [_, _, ..] => Err(format!("{id} ARRIVED MORE THAN ONCE").into()),
        }
    }

    /// When a message was taken, each time.
    pub fn taken_us(&self, id: &NotificationId) -> Vec<i64> {
        let arrivals = self.taken_after(0).into_iter();
        arrivals.filter(|arrival| is_of(arrival, id)).map(|arrival| arrival.at_us).collect()
    }

    /// When the webhook was first brought the news that a message was delivered.
    pub fn told_delivered_us(&self, id: &NotificationId) -> Option<i64> {
        let pushed = self.simulator.pushed();
        let of_it = |push: &&Pushed| push.reference.as_ref().is_some_and(|key| key.id == *id);
        let first = pushed.iter().filter(of_it).find(|push| push.says_delivered());
        first.map(|push| push.at_us)
    }

    /// Waits until all pushes have been taken, or given up.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn all_pushed(&self) -> Result<()> {
        until("the provider's last push", Duration::from_secs(60), async || {
            Ok((self.simulator.pushes_under_way() == 0).then_some(()))
        })
        .await
    }

    /// The promises that hold over everything that arrived.
    ///
    /// # Errors
    /// Names the first that is broken.
    pub fn audit(&self) -> Result<String> {
        let arrivals = self.simulator.arrivals();
        let busiest = busiest_second(&arrivals);
        let limit = usize::try_from(PER_SECOND)?;
        if busiest > limit {
            return Err(format!("{busiest} requests in a sliding second; {limit} allowed").into());
        }
        let mut times: HashMap<NotificationId, usize> = HashMap::new();
        for arrival in arrivals.iter().filter(|arrival| arrival.was_taken()) {
            if let Some(reference) = &arrival.reference {
                *times.entry(reference.id.clone()).or_default() += 1;
            }
        }
        if let Some((id, times)) = times.iter().find(|(_, times)| **times > 1) {
            return Err(format!("{id} ARRIVED {times} TIMES").into());
        }
        Ok(format!(
            "{} messages, none twice; busiest second {busiest} of {limit} allowed",
            times.len()
        ))
    }
}

/// Whether an arrival is of this notification.
pub fn is_of(arrival: &Arrival, id: &NotificationId) -> bool {
    arrival.reference.as_ref().is_some_and(|reference| reference.id == *id)
}
