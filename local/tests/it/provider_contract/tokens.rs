//! The life of an access token. A provider without tokens is always ready.

use std::time::Duration;

use alimi::domain::Outcome;
use alimi::ports::{LaneAdvice, Readiness};
use alimi_local::simulator::{Answer, Kind};

use super::answers::{assert_holds, sample};
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

pub async fn a_token_that_was_revoked_is_replaced(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    let Some(life) = fixture.token_life() else { return };
    let sample = sample(fixture);
    connected.send(&sample, &reference("before")).await;
    tokio::time::sleep(life / 24).await;
    connected.simulator.forget_tokens();

    let refused = connected.send(&sample, &reference("refused")).await;
    assert_eq!(refused.response.outcome, Outcome::ChannelDown);
    assert_eq!(refused.advice, LaneAdvice::Continue, "a new token is enough");
    // The shared token is the one that was refused.
    assert_eq!(connected.readiness(&*connected.provider).await, Readiness::NeedsPreparation);
    let sent = connected.send(&sample, &reference("after")).await;
    assert_eq!(sent.response.outcome, Outcome::Accepted);
    assert_eq!(connected.count(Kind::Token), 2);
    connected.settle().await;
    assert_eq!(connected.texts_on_phones().len(), 2);
}

pub async fn a_token_that_is_refused_at_once_holds_the_channel(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    connected.simulator.order(Answer::RefuseToken);
    let result = connected.send(&sample(fixture), &reference("refused")).await;
    assert_eq!(result.response.outcome, Outcome::ChannelDown);
    assert_holds(result.advice);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let sent = connected.send(&sample(fixture), &reference("after")).await;
    assert_eq!(sent.response.outcome, Outcome::Accepted);
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
