//! What invokes the functions that no HTTP request invokes.

use std::time::Duration;

use alimi::domain::Status;
use serde_json::{Value, json};

use super::answers::failed;
use super::ids::SINGLE;
use crate::testing::sample_case::{Case, on};

const MEMBER_ONE: &str = "0f77ff2fd22d528ea42961f3555455";
const MEMBER_TWO: &str = "4c307d78ac62406204825a192d0595";

const OVER_THE_DEADLINE: Duration = Duration::from_mins(31);

pub(super) fn cases() -> Vec<Case> {
    [waking(), sweeping(), observing(), firing(), planning()].into_iter().flatten().collect()
}

fn swept(lanes_woken: usize, deadlines_closed: usize) -> Value {
    json!({
        "lanes_woken": lanes_woken, "deadlines_closed": deadlines_closed, "channels_failed": 0,
    })
}

fn waking() -> Vec<Case> {
    let waiting = ["enqueue/single"];
    vec![
        on("sender/wake").answers(failed(&[])),
        on("sender/wake")
            .after(&waiting)
            .answers(failed(&[]))
            .stores(&[(SINGLE, Status::Accepted)]),
        on("sender/batch")
            .after(&waiting)
            .answers(failed(&[]))
            .stores(&[(SINGLE, Status::Accepted)]),
        on("sender/no-wake")
            .after(&waiting)
            .answers(failed(&["2a34aa93-756a-44b9-80a3-d5c4b171613c"]))
            .stores(&[(SINGLE, Status::Queued)]),
        on("sender/no-group-of-ours")
            .after(&waiting)
            .answers(failed(&["a5951644-2220-41e1-b2c1-e471a36c45c5"]))
            .stores(&[(SINGLE, Status::Queued)]),
        on("sender/batch-with-no-wake")
            .after(&waiting)
            .answers(failed(&["cdeadaf1-b4ee-4bc8-8229-819ec764145d"]))
            .stores(&[(SINGLE, Status::Accepted)]),
        // A retry would change nothing, so the message counts as handled.
        on("sender/unknown-channel")
            .after(&waiting)
            .answers(failed(&[]))
            .stores(&[(SINGLE, Status::Queued)]),
    ]
}

fn sweeping() -> Vec<Case> {
    vec![
        on("sweeper/tick").answers(swept(0, 0)),
        on("sweeper/tick")
            .after(&["enqueue/single"])
            .answers(swept(1, 0))
            .stores(&[(SINGLE, Status::Queued)]),
        on("sweeper/tick")
            .after(&["enqueue/single", "sender/wake"])
            .answers(swept(0, 0))
            .stores(&[(SINGLE, Status::Accepted)]),
        on("sweeper/tick")
            .after(&["enqueue/single", "sender/wake"])
            .and_a_pause(OVER_THE_DEADLINE)
            .answers(swept(0, 1))
            .stores(&[(SINGLE, Status::Unconfirmed)]),
    ]
}

fn observing() -> Vec<Case> {
    let nothing = json!({ "dead_letters_recorded": 0, "queues_failed": 0 });
    vec![on("observer/tick").answers(nothing)]
}

/// The schedule `daily` and its audience of two exist before each event.
fn firing() -> Vec<Case> {
    let two = [(MEMBER_ONE, Status::Queued), (MEMBER_TWO, Status::Queued)];
    let ended = json!({ "outcome": "ended", "counts": { "members": 2, "stored": 2 } });
    vec![
        on("trigger/fired").answers(ended.clone()).stores(&two),
        on("trigger/fired-with-fractions").answers(ended.clone()).stores(&two),
        // The scheduler may deliver an event twice. The second one has no effect.
        on("trigger/fired-with-fractions")
            .after(&["trigger/fired", "trigger/go-on"])
            .answers(ended)
            .stores(&two),
        on("trigger/go-on").answers(failed(&[])).stores(&two),
        on("trigger/redriven-firing").answers(failed(&[])).stores(&two),
        on("trigger/redriven-invocation").answers(failed(&[])).stores(&two),
        on("console/daily-runs")
            .after(&["trigger/fired"])
            .answers(json!({
                "statusCode": 200,
                "body": { "items": [{ "status": "sending", "open": 2, "open_is_minimum": false }] },
            }))
            .stores(&two),
        on("trigger/no-run").answers(failed(&["5f0c5d3a-5a2e-4d55-9a0c-0e5f6b1f7c03"])),
        // A retry would change nothing, so the message counts as handled.
        on("trigger/unknown-schedule").answers(json!({ "outcome": "no_such_schedule" })),
    ]
}

fn planning() -> Vec<Case> {
    ["planner/changed", "planner/deleted", "planner/many"]
        .map(|event| on(event).answers(failed(&[])))
        .into()
}
