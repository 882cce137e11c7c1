//! What receipts mean, and which requests to the webhook hold none.

use std::time::Duration;

use alimi::domain::{IncomingReceipt, Outcome, Verdict};
use alimi_local::simulator::Receipts;
use tokio::time::Instant;

use super::answers::sample;
use super::connected::{Connected, adapter, reference, unconnected};
use super::fixture::{Fixture, Sample};

const VERDICTS: [Verdict; 4] =
    [Verdict::Delivered, Verdict::PrimaryUndelivered, Verdict::Undelivered, Verdict::Inconclusive];

pub async fn a_receipt_before_the_answer_names_its_attempt(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    connected.simulator.order(Receipts::Early);
    let reference = reference("early");
    let result = connected.send(&sample(fixture), &reference).await;
    let answered_at = Instant::now();
    assert_eq!(result.response.outcome, Outcome::Accepted);
    assert_eq!(connected.verdicts(&reference), once(fixture, Verdict::Delivered));
    assert!(connected.first_receipt_at().is_none_or(|at| at < answered_at));
}

pub async fn a_late_receipt_names_its_attempt(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    connected.simulator.order(Receipts::Late);
    let reference = reference("late");
    connected.send(&sample(fixture), &reference).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(connected.verdicts(&reference), [], "the receipt is not late");
    connected.settle().await;
    assert_eq!(connected.verdicts(&reference), once(fixture, Verdict::Delivered));
}

pub async fn a_doubled_receipt_is_read_twice_alike(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    connected.simulator.order(Receipts::Doubled);
    connected.send(&sample(fixture), &reference("doubled")).await;
    connected.settle().await;
    let receipts = connected.receipts();
    let count = if fixture.receipts().is_some() { 2 } else { 0 };
    assert_eq!(receipts.len(), count);
    assert!(receipts.iter().all(|receipt| *receipt == receipts[0]));
    assert_eq!(connected.texts_on_phones().len(), 1);
}

pub async fn a_fallback_is_told_apart_from_the_first_choice(fixture: Fixture) {
    for sample in fixture.samples() {
        let Some(fallback) = sample.content.media().fallback else { continue };
        let (connected, receipts) = receipts_of(fixture, &sample, Receipts::Fallback).await;
        let messages = connected.simulator.messages();
        assert_eq!(messages.len(), 1);
        assert!(messages[0].is_fallback);
        assert_eq!(messages[0].shown.medium, fallback);
        if fixture.receipts().is_some() {
            let verdicts: Vec<Verdict> = receipts.iter().map(|r| r.receipt.verdict).collect();
            assert_eq!(verdicts, [Verdict::PrimaryUndelivered, Verdict::Delivered]);
            assert_ne!(receipts[0].receipt.medium, receipts[1].receipt.medium);
        }
    }
}

pub async fn an_undelivered_message_is_recognised(fixture: Fixture) {
    for sample in fixture.samples() {
        let (connected, receipts) = receipts_of(fixture, &sample, Receipts::Undelivered).await;
        assert!(connected.texts_on_phones().is_empty());
        if fixture.receipts().is_none() {
            continue;
        }
        let verdicts: Vec<Verdict> = receipts.iter().map(|r| r.receipt.verdict).collect();
        if sample.content.media().fallback.is_some() {
            assert_eq!(verdicts, [Verdict::PrimaryUndelivered, Verdict::Undelivered]);
        } else {
            assert_eq!(verdicts.len(), 1);
            assert_is_undelivered(verdicts[0]);
        }
    }
}

pub async fn receipts_out_of_order_keep_their_meaning(fixture: Fixture) {
    for sample in fixture.samples() {
        let (connected, receipts) = receipts_of(fixture, &sample, Receipts::OutOfOrder).await;
        assert_eq!(connected.texts_on_phones().len(), 1);
        if fixture.receipts().is_none() {
            continue;
        }
        let verdicts: Vec<Verdict> = receipts.iter().map(|r| r.receipt.verdict).collect();
        let second = match sample.content.media().fallback {
            Some(_) => Verdict::PrimaryUndelivered,
            None => Verdict::Inconclusive,
        };
        assert_eq!(verdicts, [Verdict::Delivered, second]);
    }
}

pub async fn an_uncertain_receipt_is_inconclusive(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    connected.simulator.order(Receipts::Uncertain);
    let reference = reference("uncertain");
    connected.send(&sample(fixture), &reference).await;
    connected.settle().await;
    assert_eq!(connected.verdicts(&reference), once(fixture, Verdict::Inconclusive));
}

pub async fn a_message_may_have_no_receipt(fixture: Fixture) {
    let connected = Connected::new(fixture).await;
    connected.simulator.order(Receipts::Never);
    let result = connected.send(&sample(fixture), &reference("never")).await;
    assert_eq!(result.response.outcome, Outcome::Accepted);
    connected.settle().await;
    assert!(connected.receipts().is_empty());
    assert_eq!(connected.texts_on_phones().len(), 1);
}

pub fn each_verdict_is_read_from_its_receipt(fixture: Fixture) {
    let Some(receipts) = fixture.receipts() else { return };
    let adapter = adapter(&unconnected(fixture));
    let reference = reference("verdict");
    for verdict in VERDICTS {
        let Some(request) = receipts.receipt(&reference, verdict) else { continue };
        for _ in 0..2 {
            let read = adapter.read_receipts(&request).expect("receipts");
            assert_eq!(read.len(), 1, "{verdict:?}");
            assert_eq!(read[0].reference.as_ref(), Some(&reference), "{verdict:?}");
            assert_eq!(read[0].receipt.verdict, verdict);
            let code = &read[0].receipt.code;
            assert!(!code.is_empty());
            assert!(adapter.explain(code).is_some(), "an operator needs {code} in words");
        }
    }
    assert!(receipts.receipt(&reference, Verdict::Delivered).is_some());
    assert!(receipts.receipt(&reference, Verdict::Undelivered).is_some());
}

pub fn a_receipt_of_another_system_names_no_attempt(fixture: Fixture) {
    let Some(receipts) = fixture.receipts() else { return };
    let adapter = adapter(&unconnected(fixture));
    let foreign = receipts.foreign();
    assert!(!foreign.is_empty());
    for (index, request) in foreign.iter().enumerate() {
        let read = adapter.read_receipts(request).expect("the provider must not send it again");
        assert!(!read.is_empty(), "{index}");
        assert!(read.iter().all(|receipt| receipt.reference.is_none()), "{index}");
    }
}

pub fn a_malformed_receipt_is_refused_by_its_field_and_not_quoted(fixture: Fixture) {
    let Some(receipts) = fixture.receipts() else { return };
    let adapter = adapter(&unconnected(fixture));
    let malformed = receipts.malformed();
    assert!(!malformed.is_empty());
    for (field, request) in &malformed {
        let error = adapter.read_receipts(request).expect_err(field);
        assert_eq!(error.field, *field);
        assert!(!error.detail.is_empty());
        let body = String::from_utf8_lossy(request.body());
        let quoted = error.detail.split_whitespace().find(|word| {
            word.chars().filter(char::is_ascii_digit).count() >= 4 && body.contains(*word)
        });
        assert_eq!(quoted, None, "{error}");
    }
}

pub fn every_receipt_of_a_batch_is_read(fixture: Fixture) {
    let Some(receipts) = fixture.receipts() else { return };
    let references = [reference("first"), reference("second"), reference("third")];
    let Some(request) = receipts.batch(&references) else { return };
    let read = adapter(&unconnected(fixture)).read_receipts(&request).expect("receipts");
    let named: Vec<_> = read.into_iter().filter_map(|receipt| receipt.reference).collect();
    assert_eq!(named, references);
}

pub fn a_receipt_without_its_signature_is_refused(fixture: Fixture) {
    let Some(receipts) = fixture.receipts() else { return };
    let Some(request) = receipts.unsigned(&reference("unsigned")) else { return };
    assert!(adapter(&unconnected(fixture)).read_receipts(&request).is_err());
}

/// A message that the provider treats like this, and its receipts in order.
async fn receipts_of(
    fixture: Fixture,
    sample: &Sample,
    ordered: Receipts,
) -> (Connected, Vec<IncomingReceipt>) {
    let connected = Connected::new(fixture).await;
    connected.simulator.order(ordered);
    let reference = reference("receipts");
    let result = connected.send(sample, &reference).await;
    assert_eq!(result.response.outcome, Outcome::Accepted);
    connected.settle().await;
    let receipts = connected.receipts();
    assert!(receipts.iter().all(|receipt| receipt.reference.as_ref() == Some(&reference)));
    (connected, receipts)
}

/// One receipt, if the provider sends receipts.
fn once(fixture: Fixture, verdict: Verdict) -> Vec<Verdict> {
    fixture.receipts().map(|_| verdict).into_iter().collect()
}

/// A message without a fallback is undelivered when its first choice is.
fn assert_is_undelivered(verdict: Verdict) {
    let is_undelivered = match verdict {
        Verdict::PrimaryUndelivered | Verdict::Undelivered => true,
        Verdict::Delivered | Verdict::Inconclusive => false,
    };
    assert!(is_undelivered, "{verdict:?}");
}
