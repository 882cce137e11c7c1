//! The DynamoDB units that a delivered notification uses, counted on a simulated clock.

use std::time::Duration;

use alimi::domain::Status;
use alimi_local::testing::database_usage::{DatabaseUsage, Usage};
use alimi_local::testing::world::{World, WorldSettings};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::bed::{CATALOG, CHANNEL};
use crate::program::Failure;

/// Dollars for a million units, on demand, in us-east-1.
const WRITE_DOLLARS: f64 = 0.625;
const READ_DOLLARS: f64 = 0.125;
const COUNT: usize = 400;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CostRow {
    pub kind: String,
    pub delivered: usize,
    /// The largest item as JSON, once it is delivered.
    pub item_bytes: usize,
    pub enqueue_write_units: f64,
    pub later_write_units: f64,
    pub read_units: f64,
    pub requests: f64,
}

impl CostRow {
    pub fn write_units(&self) -> f64 {
        self.enqueue_write_units + self.later_write_units
    }

    pub fn dollars_a_million(&self) -> f64 {
        self.write_units() * WRITE_DOLLARS + self.read_units * READ_DOLLARS
    }
}

/// The path, the idempotency key and the body of a request.
type Post = (&'static str, String, Value);

/// The name of a kind of message, the number of requests, and the request for each index.
type Kind<'a> = (&'a str, usize, &'a dyn Fn(usize) -> Post);

pub fn measure(bar: &ProgressBar) -> Result<Vec<CostRow>, Failure> {
    let single = |index: usize, template: &str| {
        let body = json!({ "template": template, "to": to(), "variables": variables() });
        ("/v1/notifications", format!("k{index}"), body)
    };
    let short = |index| single(index, "short");
    let long = |index| single(index, "long");
    let grouped = |index| {
        let (path, key, mut body) = single(index, "short");
        body["tag"] = "campaign-1".into();
        (path, key, body)
    };
    let bulk = |index: usize| {
        let one = json!({ "template": "short", "to": to(), "variables": variables() });
        ("/v1/notifications", format!("k{index}"), Value::Array(vec![one; 100]))
    };
    let sequence = |index: usize| {
        let step = json!({ "template": "short", "variables": variables() });
        ("/v1/sequences", format!("k{index}"), json!({ "to": to(), "steps": vec![step; 3] }))
    };
    let kinds: [Kind<'_>; 5] = [
        ("standalone, posted one by one", COUNT, &short),
        ("standalone, posted in bulk of 100", COUNT / 100, &bulk),
        ("each step of a sequence of 3", COUNT / 4, &sequence),
        ("standalone, with a group", COUNT, &grouped),
        ("standalone, body of 2 KB", COUNT, &long),
    ];
    bar.set_length(kinds.len() as u64);
    let mut rows = Vec::new();
    for (kind, requests, request) in kinds {
        bar.set_message(kind.to_owned());
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build()?;
        rows.push(runtime.block_on(one(kind, requests, request))?);
        bar.inc(1);
    }
    Ok(rows)
}

async fn one(
    kind: &str,
    requests: usize,
    request: &dyn Fn(usize) -> Post,
) -> Result<CostRow, Failure> {
    let usage = DatabaseUsage::default();
    let section = "\ntemplates:\n";
    let catalog = CATALOG.replacen(section, &format!("{section}{}", templates()), 1);
    let world = World::new(WorldSettings {
        catalog,
        database_usage: usage.clone(),
        ..WorldSettings::default()
    })
    .await;
    let start = usage.total();
    for index in 0..requests {
        let (path, key, body) = request(index);
        let (status, answer) = world.produce("POST", path, Some(&key), body).await;
        if !status.is_success() {
            return Err(format!("{status}: {answer}").into());
        }
    }
    let enqueued = usage.total();
    world.start_senders();
    // No sweeper runs: nothing went wrong, so it would do nothing for these messages.
    let all = || world.notifications();
    while all().values().any(|notification| notification.status != Status::Delivered) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let end = usage.total();
    let stored = all();
    let delivered = stored.len();
    let each = |units: f64| units / delivered as f64;
    let (enqueue, later): (Usage, Usage) = (enqueued.since(start), end.since(enqueued));
    Ok(CostRow {
        kind: kind.to_owned(),
        delivered,
        item_bytes: stored
            .values()
            .map(|notification| serde_json::to_string(notification).map_or(0, |text| text.len()))
            .max()
            .unwrap_or(0),
        enqueue_write_units: each(enqueue.write_units),
        later_write_units: each(later.write_units),
        read_units: each(end.since(start).read_units),
        requests: each(end.since(start).requests as f64),
    })
}

fn to() -> Value {
    json!({ "id": "teacher-1", "phone": "010-1234-5678" })
}

fn variables() -> Value {
    json!({ "name": "김하나", "date": "3월 2일", "code": "a1" })
}

/// A template of 100 bytes and one of 2 KB, as entries of a catalog file. Neither has a fallback or
/// buttons.
fn templates() -> String {
    let long = "가".repeat(680);
    format!(
        "
  short:
    category: informational
    variants:
      - channel: {CHANNEL}
        content:
          type: alimtalk
          code: SHORT_01
          body: \"#{{name}} 선생님, #{{date}} 상담이 시작됩니다. 앱에서 확인해 주세요.\"
  long:
    category: informational
    variants:
      - channel: {CHANNEL}
        content:
          type: alimtalk
          code: LONG_01
          body: \"{long}\"
"
    )
}
