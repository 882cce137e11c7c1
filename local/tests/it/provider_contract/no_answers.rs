//! What it means when no usable answer comes. The message may have been taken whenever the request
//! may have been written.

use std::time::Duration;

use alimi::domain::Outcome;
use alimi::ports::{LaneAdvice, Readiness};
use alimi_local::simulator::{Answer, Kind};
use tokio::time::Instant;

use super::answers::sample;
use super::connected::{Connected, reference};
use super::fixture::Fixture;

pub async fn a_connection_that_cannot_be_opened_is_unreachable(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    let sample = sample(fixture);
    connected.send(&sample, &reference("before")).await;
    connected.network.go_down();
    let result = connected.send_unprepared(&sample, &reference("unreachable")).await;
    assert_eq!(result.response.outcome, Outcome::Unreachable);
    assert_eq!(result.advice, LaneAdvice::Continue, "one failure may be bad luck");
    connected.settle().await;
    assert_eq!(connected.count(Kind::Message), 1);

    let unprepared = Connected::new(fixture).await;
    unprepared.network.go_down();
    if unprepared.readiness(&*unprepared.provider).await == Readiness::NeedsPreparation {
        let not_prepared = unprepared.provider.prepare().await.expect_err("no connection");
        assert_eq!(not_prepared.outcome, Some(Outcome::Unreachable));
        assert_eq!(not_prepared.advice, LaneAdvice::OpenCircuit);
    }
}

pub async fn without_a_free_socket_a_message_is_unsent_and_the_channel_waits_briefly(
    fixture: Fixture,
) {
    let connected = Connected::new(fixture).await;
    let sample = sample(fixture);
    connected.network.run_out_of_sockets();
    if connected.readiness(&*connected.provider).await == Readiness::NeedsPreparation {
        let not_prepared = connected.provider.prepare().await.expect_err("no socket");
        assert_eq!(not_prepared.outcome, None, "the provider is not the cause");
        assert_waits_briefly(not_prepared.advice);
    }
    let not_probed = connected.provider.probe().await.expect_err("no socket");
    assert_eq!(not_probed.outcome, None, "the provider is not the cause");
    assert_waits_briefly(not_probed.advice);

    connected.network.come_back();
    connected.send(&sample, &reference("before")).await;
    connected.network.run_out_of_sockets();
    let result = connected.send_unprepared(&sample, &reference("unsent")).await;
    assert_eq!(result.response.outcome, Outcome::Unsent);
    assert_waits_briefly(result.advice);
    connected.settle().await;
    assert_eq!(connected.count(Kind::Message), 1);
}

fn assert_waits_briefly(advice: LaneAdvice) {
    let LaneAdvice::HoldFor(pause) = advice else { panic!("the advice is {advice:?}") };
    assert!((Duration::from_millis(100)..=Duration::from_secs(2)).contains(&pause), "{pause:?}");
}

pub async fn a_slow_answer_counts(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    let slow = connected.provider.total_timeout() / 2;
    connected.simulator.order(Answer::Slow(slow));
    let result = connected.send(&sample(fixture), &reference("slow")).await;
    assert_eq!(result.response.outcome, Outcome::Accepted);
    let took_ms = result.response.received_at_ms - result.response.sent_at_ms;
    assert!(took_ms >= i64::try_from(slow.as_millis()).expect("a short time"), "{took_ms} ms");
}

pub async fn a_time_out_is_uncertain(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    let total_timeout = connected.provider.total_timeout();
    // The token has a request of its own.
    connected.send(&sample(fixture), &reference("before")).await;
    connected.simulator.order(Answer::Hang);
    let began = Instant::now();
    let result = connected.send_unprepared(&sample(fixture), &reference("hanging")).await;
    assert_eq!(result.response.outcome, Outcome::Uncertain);
    let took = began.elapsed();
    assert!(took <= total_timeout + Duration::from_millis(10), "{took:?}");
    connected.settle().await;
    assert_eq!(connected.texts_on_phones().len(), 2, "the provider had taken the message");
}

pub async fn a_connection_that_is_reset_is_uncertain(fixture: Fixture) {
    // The client cannot tell the two apart.
    uncertain(fixture, Answer::ResetBefore, 0).await;
    uncertain(fixture, Answer::ResetAfter, 1).await;
}

pub async fn a_server_error_is_uncertain(fixture: Fixture) {
    uncertain(fixture, Answer::ServerError, 0).await;
}

pub async fn an_answer_that_cannot_be_read_is_uncertain(fixture: Fixture) {
    uncertain(fixture, Answer::Malformed, 1).await;
}

/// Checks that the client does not know whether the provider took the message, and does not send it
/// again.
async fn uncertain(fixture: Fixture, answer: Answer, taken: usize) {
    let connected = Connected::new(fixture).await;
    connected.simulator.order(answer);
    let reference = reference("uncertain");
    let result = connected.send(&sample(fixture), &reference).await;
    assert_eq!(result.response.outcome, Outcome::Uncertain, "{answer:?}");
    connected.settle().await;
    assert_eq!(connected.count(Kind::Message), 1, "{answer:?}: the client sent it again");
    assert_eq!(connected.texts_on_phones().len(), taken, "{answer:?}");
    let receipts = if fixture.receipts().is_some() { taken } else { 0 };
    assert_eq!(connected.verdicts(&reference).len(), receipts, "{answer:?}");
}
