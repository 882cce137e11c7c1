//! Waiting for a result of the deployed stack.

use std::time::Duration;

use tokio::time::Instant;

use crate::api;
use crate::result::Result;

/// Calls `find` again and again until it finds something, or the time is up. An error of the API,
/// and an API that is not reached, are retried; the first such error is printed.
pub async fn until<T>(
    what: &str,
    within: Duration,
    mut find: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    const PAUSE: Duration = Duration::from_millis(100);
    let end = Instant::now() + within;
    let mut has_printed = false;
    loop {
        let last = match find().await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => String::new(),
            Err(error) if api::is_temporary(error.as_ref()) => format!("; last error: {error}"),
            Err(error) => return Err(error),
        };
        if Instant::now() > end {
            return Err(format!("waited {} s in vain for {what}{last}", within.as_secs()).into());
        }
        if !last.is_empty() && !std::mem::replace(&mut has_printed, true) {
            println!("  still waiting for {what}{last}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_with_the_first_find() {
        let mut calls = 0;
        let found = until("a third call", Duration::from_secs(1), async || {
            calls += 1;
            Ok((calls == 3).then_some(calls))
        });
        assert_eq!(found.await.expect("found"), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_in_vain_names_what_it_waited_for() {
        let never = until::<()>("rain", Duration::from_secs(7), async || Ok(None));
        let error = never.await.expect_err("it never rains").to_string();
        assert_eq!(error, "waited 7 s in vain for rain");
    }

    fn answered(status: u16) -> Result<serde_json::Value> {
        api::Answer { status, etag: None, body: serde_json::Value::Null }.expect(200)
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_of_the_api_is_retried_and_a_refusal_is_not() {
        let mut calls = 0;
        let found = until("a second call", Duration::from_secs(1), async || {
            calls += 1;
            answered(if calls == 1 { 503 } else { 200 }).map(Some)
        });
        found.await.expect("found");
        assert_eq!(calls, 2);

        let mut calls = 0;
        let refused = until("nothing", Duration::from_secs(1), async || {
            calls += 1;
            answered(404).map(Some)
        });
        let error = refused.await.expect_err("not found").to_string();
        assert_eq!(error, "answered with 404, not 200: null");
        assert_eq!(calls, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_lasts_to_the_end_is_reported() {
        let failing = until("an answer", Duration::from_secs(7), async || answered(500).map(Some));
        let error = failing.await.expect_err("it always fails").to_string();
        let expected =
            "waited 7 s in vain for an answer; last error: answered with 500, not 200: null";
        assert_eq!(error, expected);
    }
}
