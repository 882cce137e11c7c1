//! Requests that must send nothing to a person.

use alimi::domain::{Attempt, Outcome, Verdict};
use alimi::ports::{Asked, Inquiry, LaneAdvice, SendResult};
use alimi_local::simulator::{Kind, Receipts};

use super::answers::sample;
use super::connected::{Connected, reference};
use super::fixture::Fixture;

pub async fn a_probe_sends_nothing(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    connected.provider.probe().await.expect("the provider is reached");
    assert_eq!(connected.count(Kind::Message), 0);
    let reference = reference("sent");
    connected.send(&sample(fixture), &reference).await;
    let requests = connected.simulator.arrivals().len();
    connected.provider.probe().await.expect("the provider is reached");
    let probes = connected.simulator.arrivals().len() - requests;
    assert_eq!(probes, 1, "the pacer gives a probe one slot");

    connected.settle().await;
    assert_eq!(connected.count(Kind::Message), 1, "only the message was counted as one");
    assert_eq!(connected.texts_on_phones().len(), 1, "a probe appeared on the phone");
    assert!(connected.verdicts(&reference).len() <= 1, "a probe has a receipt");
}

pub async fn a_probe_finds_what_keeps_messages_from_leaving(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    connected.network.go_down();
    let unreachable = connected.provider.probe().await.expect_err("no connection");
    assert_eq!(unreachable.outcome, Some(Outcome::Unreachable));
    assert_eq!(unreachable.advice, LaneAdvice::OpenCircuit);

    let refused = match Connected::with_secret(fixture, fixture.wrong_secret()).await {
        Err(refused) => refused,
        Ok(connected) => {
            let refused = connected.provider.probe().await.expect_err("no access");
            assert_eq!(refused.outcome, Some(Outcome::ChannelDown));
            assert_eq!(connected.count(Kind::Message), 0);
            refused
        }
    };
    assert_eq!(refused.advice, LaneAdvice::OpenCircuit);
}

pub async fn asking_sends_nothing_to_the_recipient(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    let (sample, reference) = (sample(fixture), reference("asked"));
    let result = connected.send(&sample, &reference).await;
    connected.settle().await;

    let attempt = attempt(&result);
    let inquiry = Inquiry { reference: &reference, to: &sample.to, attempt: &attempt };
    let asked = connected.provider.ask(inquiry).await;
    connected.settle().await;
    let can_be_asked = connected.adapter.guarantees().can_be_asked;
    match asked {
        Asked::CannotBeAsked => assert!(!can_be_asked, "the guarantees say that it can be asked"),
        Asked::ReceiptComes => {
            assert!(can_be_asked);
            let verdicts = connected.verdicts(&reference);
            assert_eq!(verdicts, [Verdict::Delivered, Verdict::Delivered]);
        }
        Asked::Answered(receipt) => {
            assert!(can_be_asked);
            assert_eq!(receipt.verdict, Verdict::Delivered);
        }
        Asked::NotKnown { .. } | Asked::NoAnswer => panic!("{asked:?} about a delivered message"),
    }
    assert_eq!(connected.count(Kind::Message), 1);
    assert_eq!(connected.texts_on_phones().len(), 1, "an inquiry appeared on the phone");
}

pub async fn asking_in_vain_says_so(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    let (sample, reference) = (sample(fixture), reference("asked"));
    connected.simulator.order(Receipts::Never);
    let result = connected.send(&sample, &reference).await;
    let known = attempt(&result);
    let invented =
        Attempt { provider_message_id: Some("99999999999999999999".to_owned()), ..known.clone() };
    let unanswered = Attempt { provider_message_id: None, ..known.clone() };
    for attempt in [&invented, &unanswered] {
        let inquiry = Inquiry { reference: &reference, to: &sample.to, attempt };
        assert_tells_nothing(&connected.provider.ask(inquiry).await);
    }
    connected.network.go_down();
    let inquiry = Inquiry { reference: &reference, to: &sample.to, attempt: &known };
    assert_tells_nothing(&connected.provider.ask(inquiry).await);
    assert_eq!(connected.count(Kind::Message), 1);
}

fn assert_tells_nothing(asked: &Asked) {
    match asked {
        Asked::CannotBeAsked | Asked::NotKnown { .. } | Asked::NoAnswer => {}
        Asked::ReceiptComes | Asked::Answered(_) => panic!("{asked:?}"),
    }
}

/// The attempt, as its notification's record keeps it.
pub fn attempt(result: &SendResult) -> Attempt {
    let response = &result.response;
    Attempt {
        number: 1,
        claim: 1,
        fence: 1,
        claimed_at_ms: response.sent_at_ms,
        request_sent_at_ms: Some(response.sent_at_ms),
        response_received_at_ms: Some(response.received_at_ms),
        outcome: Some(response.outcome),
        code: response.code.clone(),
        provider_message_id: response.provider_message_id.clone(),
        inquiries: 0,
    }
}
