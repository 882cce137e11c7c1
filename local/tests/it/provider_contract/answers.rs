//! What the answers to a message mean.

use std::time::Duration;

use alimi::domain::Outcome;
use alimi::ports::{LaneAdvice, Readiness, SendResult};
use alimi_local::simulator::{Answer, Kind, SimulatorSettings};

use super::connected::{Connected, adapter, reference, unconnected};
use super::fixture::{Fixture, Sample};

/// The longest pause that a refusal without a time may cause.
const PAUSE_MAX: Duration = Duration::from_secs(60);

pub async fn an_accepted_message_appears_once_on_the_phone(fixture: Fixture) {
    for sample in fixture.samples() {
        let connected = Connected::new(fixture).await;
        let reference = reference("accepted");
        let result = connected.send(&sample, &reference).await;
        assert_eq!(result.response.outcome, Outcome::Accepted);
        assert_eq!(result.advice, LaneAdvice::Continue);
        assert!(result.response.received_at_ms >= result.response.sent_at_ms);

        connected.settle().await;
        let messages = connected.simulator.messages();
        assert_eq!(messages.len(), 1);
        let message = &messages[0];
        assert_eq!(message.shown.medium, sample.content.channel_type());
        assert_eq!(message.shown.text, sample.text());
        assert_eq!(message.number, sample.to_on_wire);
        assert_eq!(message.reference, reference.to_string());
        assert!(!message.is_fallback);
    }
}

pub async fn the_longest_texts_arrive_whole(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    for (index, limit) in fixture.text_limits().into_iter().enumerate() {
        let sample = Sample { content: limit.longest, ..sample(fixture) };
        let result = connected.send(&sample, &reference(&format!("longest-{index}"))).await;
        assert_eq!(result.response.outcome, Outcome::Accepted, "{index}");
        connected.settle().await;
        let texts = connected.texts_on_phones();
        assert_eq!(texts.last().map(String::as_str), Some(sample.text()), "{index}");
    }
}

pub async fn a_message_that_is_refused_for_good_is_rejected(fixture: Fixture) {
    let result = refused(fixture, Answer::Reject).await;
    assert_eq!(result.response.outcome, Outcome::Rejected);
    assert_eq!(result.advice, LaneAdvice::Continue);
    let code = result.response.code.expect("an operator needs the provider's code");
    let explained = adapter(&unconnected(fixture)).explain(&code);
    assert!(explained.is_some(), "an operator needs {code} in words");
}

pub async fn a_refusal_with_a_time_slows_the_channel_down_for_that_time(fixture: Fixture) {
    let result = refused(fixture, Answer::Throttle { reset_s: Some(7) }).await;
    assert_eq!(result.response.outcome, Outcome::Throttled);
    assert_eq!(result.advice, LaneAdvice::SlowDown(Duration::from_secs(7)));
}

pub async fn a_refusal_without_a_time_slows_the_channel_down_briefly(fixture: Fixture) {
    let result = refused(fixture, Answer::Throttle { reset_s: None }).await;
    assert_eq!(result.response.outcome, Outcome::Throttled);
    let LaneAdvice::SlowDown(pause) = result.advice else {
        panic!("the advice is {:?}", result.advice)
    };
    assert!(!pause.is_zero() && pause <= PAUSE_MAX, "{pause:?}");
}

pub async fn requests_above_the_limit_are_throttled(fixture: Fixture) {
    const ABOVE: usize = 5;
    let connected = Connected::new(fixture).await;
    let sample = sample(fixture);
    connected.send(&sample, &reference("first")).await;
    tokio::time::sleep(Duration::from_secs(2)).await;

    let limit = usize::try_from(SimulatorSettings::default().per_second).expect("a small limit");
    let references: Vec<_> =
        (0..limit + ABOVE).map(|index| reference(&format!("burst-{index}"))).collect();
    let sending = references.iter().map(|reference| connected.send_unprepared(&sample, reference));
    let results = futures::future::join_all(sending).await;
    let count = |outcome| results.iter().filter(|r| r.response.outcome == outcome).count();
    assert_eq!((count(Outcome::Accepted), count(Outcome::Throttled)), (limit, ABOVE));
    connected.settle().await;
    assert_eq!(connected.texts_on_phones().len(), limit + 1);
}

pub async fn an_account_that_is_down_opens_the_circuit(fixture: Fixture) {
    let result = refused(fixture, Answer::AccountDown).await;
    assert_eq!(result.response.outcome, Outcome::ChannelDown);
    assert_eq!(result.advice, LaneAdvice::OpenCircuit);
}

pub async fn wrong_credentials_open_the_circuit(fixture: Fixture) {
    let not_prepared = match Connected::with_secret(fixture, fixture.wrong_secret()).await {
        Err(not_prepared) => not_prepared,
        Ok(connected) => match connected.readiness(&*connected.provider).await {
            Readiness::NeedsPreparation => {
                let not_prepared = connected.provider.prepare().await.expect_err("no access");
                assert_eq!(not_prepared.outcome, Some(Outcome::ChannelDown));
                not_prepared
            }
            Readiness::Ready => {
                let sample = sample(fixture);
                let result = connected.send_unprepared(&sample, &reference("wrong")).await;
                assert_eq!(result.response.outcome, Outcome::ChannelDown);
                assert_eq!(result.advice, LaneAdvice::OpenCircuit);
                return;
            }
        },
    };
    assert_eq!(not_prepared.advice, LaneAdvice::OpenCircuit);
}

pub async fn an_address_that_is_gone_is_recognised_where_the_provider_tells_it(fixture: Fixture) {
    let result = refused(fixture, Answer::AddressGone).await;
    let expected =
        if fixture.recognises_gone_addresses() { Outcome::AddressGone } else { Outcome::Rejected };
    assert_eq!(result.response.outcome, expected);
    assert_eq!(result.advice, LaneAdvice::Continue);
}

/// The first of the fixture's messages.
pub fn sample(fixture: Fixture) -> Sample {
    fixture.samples().into_iter().next().expect("a message")
}

/// The result of a message that the provider answers like this, and does not take.
async fn refused(fixture: Fixture, answer: Answer) -> SendResult {
    let connected = Connected::new(fixture).await;
    connected.simulator.order(answer);
    let result = connected.send(&sample(fixture), &reference("refused")).await;
    assert_ne!(result.response.outcome, Outcome::Unsent);
    connected.settle().await;
    assert!(connected.texts_on_phones().is_empty(), "a refused message appeared");
    assert!(connected.receipts().is_empty(), "a refused message has a receipt");
    assert_eq!(connected.count(Kind::Message), 1, "the client sent the message again");
    result
}
