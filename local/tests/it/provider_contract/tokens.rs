//! The life of an access token. A provider without tokens is always ready.

use std::time::Duration;

use alimi::domain::Outcome;
use alimi::ports::{LaneAdvice, Readiness};
use alimi_local::simulator::{Answer, Kind};

use super::answers::sample;
use super::connected::{Connected, reference};
use super::fixture::Fixture;

pub async fn a_token_is_renewed_before_it_expires(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    let Some(life) = fixture.token_life() else {
        assert_eq!(connected.readiness(&*connected.provider).await, Readiness::Ready);
        return;
    };
    for step in 0..72 {
        let reference = reference(&format!("step-{step}"));
        let result = connected.send(&sample(fixture), &reference).await;
        assert_eq!(result.response.outcome, Outcome::Accepted, "in step {step} of 24 in a life");
        tokio::time::sleep(life / 24).await;
    }
    let tokens = connected.count(Kind::Token);
    assert!((3..=9).contains(&tokens), "{tokens} tokens in three lives");
}

/// Another user of the account may revoke a token as soon as it was fetched.
pub async fn a_token_that_was_revoked_is_replaced(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    let Some(life) = fixture.token_life() else { return };
    let sample = sample(fixture);
    let ages = [life / 24, Duration::from_secs(60), Duration::ZERO];
    for (round, token_age) in ages.into_iter().enumerate() {
        let send = async |what: &str| {
            connected.send(&sample, &reference(&format!("{what}-{round}"))).await
        };
        send("before").await;
        tokio::time::sleep(token_age).await;
        connected.simulator.forget_tokens();
        let refused = send("refused").await;
        assert_eq!(refused.response.outcome, Outcome::ChannelDown);
        assert_eq!(refused.advice, LaneAdvice::Continue, "a new token is enough");
        // The shared token is the one that was refused.
        assert_eq!(connected.readiness(&*connected.provider).await, Readiness::NeedsPreparation);
        let renewed = send("after").await;
        assert_eq!(renewed.response.outcome, Outcome::Accepted, "a token of {token_age:?}");
    }
    assert_eq!(connected.count(Kind::Token), 4);
    connected.settle().await;
    assert_eq!(connected.texts_on_phones().len(), 6);
}

pub async fn without_a_token_a_message_is_unsent(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    if fixture.token_life().is_none() {
        return;
    }
    let sample = sample(fixture);
    let result = connected.send_unprepared(&sample, &reference("unprepared")).await;
    assert_eq!((result.response.outcome, result.advice), (Outcome::Unsent, LaneAdvice::Continue));
    // Several requests are in flight when the first of them finds that the token is refused.
    connected.send(&sample, &reference("before")).await;
    connected.simulator.forget_tokens();
    connected.send(&sample, &reference("refused")).await;
    let result = connected.send_unprepared(&sample, &reference("behind it")).await;
    assert_eq!((result.response.outcome, result.advice), (Outcome::Unsent, LaneAdvice::Continue));
    assert_eq!(connected.count(Kind::Message), 2);
}

pub async fn a_new_token_that_is_refused_too_opens_the_circuit(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    if fixture.token_life().is_none() {
        return;
    }
    let sample = sample(fixture);
    let refused = async |name: &str| {
        connected.simulator.order(Answer::RefuseToken);
        let result = connected.send(&sample, &reference(name)).await;
        assert_eq!(result.response.outcome, Outcome::ChannelDown, "{name}");
        result.advice
    };
    assert_eq!(refused("first").await, LaneAdvice::Continue);
    assert_eq!(refused("second").await, LaneAdvice::OpenCircuit);
    assert_eq!(refused("third").await, LaneAdvice::OpenCircuit);
    let sent = connected.send(&sample, &reference("after")).await;
    assert_eq!(sent.response.outcome, Outcome::Accepted);
    assert_eq!(refused("much later").await, LaneAdvice::Continue);
}

/// The circuit is open when the provider is probed, so a refusal is not the first one.
pub async fn a_token_of_a_probe_that_is_refused_opens_the_circuit(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    if fixture.token_life().is_none() {
        return;
    }
    connected.provider.probe().await.expect("the provider is reached");
    connected.simulator.order(Answer::RefuseToken);
    let result = connected.send(&sample(fixture), &reference("refused")).await;
    assert_eq!(result.response.outcome, Outcome::ChannelDown);
    assert_eq!(result.advice, LaneAdvice::OpenCircuit);
}

pub async fn senders_share_a_token(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    connected.send(&sample(fixture), &reference("before")).await;
    let tokens = connected.count(Kind::Token);
    let next = connected.next_sender().await;
    assert_eq!(connected.readiness(&*next).await, Readiness::Ready);
    assert_eq!(connected.count(Kind::Token), tokens);
    assert_eq!(tokens, usize::from(fixture.token_life().is_some()));
}
