//! The simulated provider beside the stack. It sends its receipts to the deployed webhook.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use alimi::domain::NotificationId;
use alimi::time::SystemClock;
use alimi_local::simulator::{
    AcceptedReceipt, Arrival, PASSWORD, Simulator, SimulatorSettings, busiest_second, router,
};
use futures::FutureExt;
use tokio::net::TcpListener;

use crate::api;
use crate::result::Result;
use crate::waiting::until;

/// The provider's limit: requests in any sliding second.
pub const PER_SECOND: u32 = 20;

/// The provider. It listens on loopback until the program ends.
pub struct Provider {
    pub url: String,
    pub password: &'static str,
    simulator: Arc<Simulator>,
}

impl Provider {
    /// Starts the provider on a free port.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> Result<Self> {
        let settings = SimulatorSettings {
            per_second: PER_SECOND,
            // A crashed sender then has requests in flight.
            latency: Duration::from_millis(250),
            ..SimulatorSettings::default()
        };
        let simulator = Simulator::new(settings, Arc::new(SystemClock));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(axum::serve(listener, router(simulator.clone())).into_future());
        Ok(Self { url, password: PASSWORD, simulator })
    }

    /// Registers the webhook. Only the first call has an effect.
    ///
    /// # Errors
    /// When the address is invalid.
    pub fn deliver_receipts_to(&self, webhook: String) -> Result<()> {
        let client = api::client(&webhook)?;
        self.simulator.deliver_receipts_to(Arc::new(move |receipt| {
            let call = client.post(&webhook).header("content-type", "application/json");
            let call = call.body(receipt.to_string()).send();
            async move { call.await.map_or(0, |answer| answer.status().as_u16()) }.boxed()
        }));
        Ok(())
    }

    /// The number of requests so far.
    pub fn count(&self) -> usize {
        self.simulator.arrivals().len()
    }

    /// The accepted messages in order, without the first `skipped` requests.
    pub fn accepted_after(&self, skipped: usize) -> Vec<Arrival> {
        let arrivals = self.simulator.arrivals().into_iter().skip(skipped);
        arrivals.filter(Arrival::was_accepted).collect()
    }

    /// When the provider accepted a message.
    ///
    /// # Errors
    /// When it did not accept the message exactly once.
    pub fn accepted_once_us(&self, id: &NotificationId) -> Result<i64> {
        match self.accepted_us(id)[..] {
            [at_us] => Ok(at_us),
            [] => Err(format!("{id} did not arrive").into()),
            [_, _, ..] => Err(format!("{id} ARRIVED MORE THAN ONCE").into()),
        }
    }

    /// Every time at which the provider accepted a message.
    pub fn accepted_us(&self, id: &NotificationId) -> Vec<i64> {
        let arrivals = self.accepted_after(0).into_iter();
        arrivals.filter(|arrival| is_of(arrival, id)).map(|arrival| arrival.at_us).collect()
    }

    /// When the provider sent the first receipt that says delivered.
    pub fn delivery_receipt_us(&self, id: &NotificationId) -> Option<i64> {
        let receipts = self.simulator.accepted_receipts();
        let is_of_message = |receipt: &&AcceptedReceipt| {
            receipt.reference.as_ref().is_some_and(|key| key.id == *id)
        };
        let first = receipts.iter().filter(is_of_message).find(|receipt| receipt.says_delivered());
        first.map(|receipt| receipt.at_us)
    }

    /// Waits until the webhook has accepted every receipt, or the provider has given up.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn all_receipts_sent(&self) -> Result<()> {
        until("the provider's last receipt", Duration::from_secs(60), async || {
            Ok((self.simulator.pending_receipts() == 0).then_some(()))
        })
        .await
    }

    /// Checks the promises about everything that arrived.
    ///
    /// # Errors
    /// The first broken promise.
    pub fn audit(&self) -> Result<String> {
        let arrivals = self.simulator.arrivals();
        let busiest = busiest_second(&arrivals);
        let limit = usize::try_from(PER_SECOND)?;
        if busiest > limit {
            return Err(format!("{busiest} requests in a sliding second; {limit} allowed").into());
        }
        let mut times: HashMap<NotificationId, usize> = HashMap::new();
        for arrival in arrivals.iter().filter(|arrival| arrival.was_accepted()) {
            if let Some(reference) = &arrival.reference {
                *times.entry(reference.id.clone()).or_default() += 1;
            }
        }
        if let Some((id, times)) = times.iter().find(|(_, times)| **times > 1) {
            return Err(format!("{id} ARRIVED {times} TIMES").into());
        }
        Ok(format!(
            "{} messages, none sent twice; {busiest} of {limit} requests in the busiest second",
            times.len()
        ))
    }
}

/// Whether an arrival belongs to a notification.
pub fn is_of(arrival: &Arrival, id: &NotificationId) -> bool {
    arrival.reference.as_ref().is_some_and(|reference| reference.id == *id)
}
