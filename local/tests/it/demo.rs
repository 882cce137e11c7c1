//! The demo keeps its promises, on the machine's clock and over real sockets, with fewer
//! teachers.

use std::time::Duration;

use alimi_local::demo::{self, DemoSettings};
use jiff::SignedDuration;

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_with_faults_sends_nothing_twice_or_out_of_order() {
    let settings = DemoSettings {
        teachers: 30,
        // Slow enough that the batch, some seconds later, still meets real-time messages.
        pace: Duration::from_millis(250),
        // With this allowance the lane uses half of its limit, so that a machine that stalls for a
        // while breaks no promise.
        jitter: Some(SignedDuration::from_millis(1000)),
        refusal_every: Duration::from_secs(6),
        ..DemoSettings::default()
    };
    let outcome = demo::run(settings).await.expect("the demo runs");
    assert!(outcome.broken.is_empty(), "{:#?}", outcome.broken);
    for row in [
        "sequences",
        "30 members",
        "30 / 0 / 0",
        "00:00–24:00",
        "one SMS and one LMS, by themselves",
        "fallback delivered",
        "fallback not needed",
    ] {
        assert!(outcome.table.contains(row), "{row}: {}", outcome.table);
    }
}
