//! How many notifications a second `enqueue` accepts, compared with puts of the same items with the
//! bare client.

use std::sync::Arc;

use alimi::use_cases::SenderSettings;
use alimi_local::aws::embedded;
use alimi_local::aws::queue::LocalQueue;
use alimi_local::simulator::SimulatorSettings;
use alimi_local::stack::Stack;
use alimi_local::testing::database_usage::DatabaseUsage;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::bare_puts::{BarePuts, rate_per_second};
use crate::bed::{Bed, NO_RECEIPT};
use crate::program::Failure;
use crate::requests::{create, post};
use crate::statistics::percentile;

const ROUNDS: usize = 5;
const SINGLES: usize = 800;
const BULK: usize = 100;
const BULKS: usize = 8;

/// Notifications a second: the median of the rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnqueueResults {
    pub bare_puts: f64,
    pub single: f64,
    pub bulk: f64,
}

/// Measures all three by turns, so that other work on the machine affects each of them alike.
pub fn measure(bar: &ProgressBar) -> Result<EnqueueResults, Failure> {
    bar.set_length(3 * ROUNDS as u64);
    let bed = Bed::new(SimulatorSettings::default())?;
    bed.configure(|_| {})?;
    let functions = Builder::new_current_thread().enable_all().build()?;
    let stack = bed.stack(
        Arc::new(LocalQueue::default()),
        &DatabaseUsage::default(),
        SenderSettings::default(),
    );
    let client = embedded::client_over_tcp(bed.endpoint());
    let bare_puts = functions.block_on(BarePuts::new(&stack, &client))?;
    let (mut puts, mut singles, mut bulks) = (vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        bar.set_message("bare conditional puts");
        let bare = rate_per_second(SINGLES, 1, |index| bare_puts.put(round * SINGLES + index));
        puts.push(functions.block_on(bare)?);
        bar.inc(1);
        bar.set_message("one notification a request");
        singles.push(functions.block_on(rate_per_second(SINGLES, 1, |index| {
            let key = format!("single-{round}-{index}");
            let stack = &stack;
            async move { create(stack, &key, 600, NO_RECEIPT).await.map(|_| ()) }
        }))?);
        bar.inc(1);
        bar.set_message(format!("{BULK} notifications a request"));
        let mut rate = 0.0;
        for index in 0..BULKS {
            let key = format!("bulk-{round}-{index}");
            // One request at a time: a bulk request works on its items concurrently.
            let one = rate_per_second(1, BULK, |_| bulk(&stack, key.clone()));
            rate += functions.block_on(one)? / BULKS as f64;
        }
        bulks.push(rate);
        bar.inc(1);
    }
    Ok(EnqueueResults {
        bare_puts: percentile(&mut puts, 0.5),
        single: percentile(&mut singles, 0.5),
        bulk: percentile(&mut bulks, 0.5),
    })
}

async fn bulk(stack: &Stack, key: String) -> Result<(), Failure> {
    let one = json!({
        "template": "consultation-start",
        "to": { "id": "teacher-1", "phone": NO_RECEIPT },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        "priority": 600,
    });
    let (status, answer) =
        post(stack, "/v1/notifications", &key, &Value::Array(vec![one; BULK])).await?;
    if status < 300 { Ok(()) } else { Err(format!("{status}: {answer}").into()) }
}
