//! Nothing that is logged, returned or printed for debugging contains a credential, a phone number
//! or a text.

use alimi::domain::{Address, Outcome};
use alimi::ports::{Inquiry, Outgoing};
use alimi_local::simulator::{Answer, Receipts};

use super::answers::sample;
use super::connected::{Connected, adapter, reference, unconnected};
use super::fixture::{Fixture, Sample};
use super::harmless::attempt;
use crate::captured_log::CapturedLog;

/// Every answer that is no acceptance, and the absence of one.
const ANSWERS: [Answer; 10] = [
    Answer::Reject,
    Answer::Throttle { reset_s: Some(1) },
    Answer::AccountDown,
    Answer::AddressGone,
    Answer::ServerError,
    Answer::Malformed,
    Answer::Hang,
    Answer::ResetBefore,
    Answer::ResetAfter,
    Answer::RefuseToken,
];

pub async fn no_log_error_or_debug_output_contains_a_secret(fixture: Fixture) {
    let log = CapturedLog::start();
    tracing::trace!(target: "alimi", "trace lines are seen");
    let mut shown = requests(fixture).await;
    shown.extend(refused_credentials(fixture).await);
    shown.extend(refused_receipts(fixture));

    let logged = log.text();
    assert!(logged.contains("trace lines are seen"));
    assert!(logged.lines().count() > 3, "the adapter logs something: {logged}");
    let texts = shown.iter().map(String::as_str).chain(logged.lines());
    let forbidden = forbidden_words(fixture);
    for text in texts {
        for word in &forbidden {
            assert!(!text.contains(word.as_str()), "{word:?} is in: {text}");
        }
    }
}

/// What the client returns and what its types print, for every answer.
async fn requests(fixture: Fixture) -> Vec<String> {
    let connected = Connected::new(fixture).await;
    let mut shown = vec![format!("{:?}", connected.channel)];
    for (index, sample) in fixture.samples().iter().enumerate() {
        let reference = reference(&format!("shown-{index}"));
        let message = Outgoing { reference: &reference, to: &sample.to, content: &sample.content };
        shown.push(format!("{message:?}"));
        let result = connected.send(sample, &reference).await;
        assert_eq!(result.response.outcome, Outcome::Accepted);
        let attempt = attempt(&result);
        let inquiry = Inquiry { reference: &reference, to: &sample.to, attempt: &attempt };
        shown.push(format!("{inquiry:?}"));
        connected.settle().await;
        shown.push(format!("{:?}", connected.provider.ask(inquiry).await));
        shown.push(format!("{result:?}"));
    }
    for (index, answer) in ANSWERS.into_iter().enumerate() {
        connected.simulator.order(answer);
        let reference = reference(&format!("answer-{index}"));
        let result = connected.send(&sample(fixture), &reference).await;
        assert_ne!(result.response.outcome, Outcome::Accepted, "{answer:?}");
        shown.push(format!("{result:?}"));
    }
    connected.simulator.order(Receipts::Undelivered);
    connected.send(&sample(fixture), &reference("undelivered")).await;
    connected.settle().await;
    shown.push(format!("{:?}", connected.receipts()));

    connected.network.go_down();
    let result = connected.send_unprepared(&sample(fixture), &reference("unreachable")).await;
    shown.push(format!("{result:?}"));
    let error = connected.provider.probe().await.expect_err("no connection");
    shown.extend([format!("{error:?}"), error.to_string()]);
    shown
}

/// The errors of a channel with wrong credentials, and of one whose secret cannot be parsed.
async fn refused_credentials(fixture: Fixture) -> Vec<String> {
    let mut errors = Vec::new();
    let broken = fixture.secret().replace(['{', '}'], "");
    for secret in [fixture.wrong_secret(), broken] {
        match Connected::with_secret(fixture, secret).await {
            Ok(connected) => errors.extend(connected.provider.probe().await.err()),
            Err(error) => errors.push(error),
        }
    }
    assert_eq!(errors.len(), 2);
    errors.iter().flat_map(|error| [format!("{error:?}"), error.to_string()]).collect()
}

/// The errors of receipts that cannot be read, and of messages that may not leave.
fn refused_receipts(fixture: Fixture) -> Vec<String> {
    let adapter = adapter(&unconnected(fixture));
    let to = sample(fixture).to;
    let mut errors = Vec::new();
    if let Some(receipts) = fixture.receipts() {
        for (_, request) in receipts.malformed() {
            errors.extend(adapter.read_receipts(&request).err());
        }
    }
    for limit in fixture.text_limits() {
        errors.extend(adapter.check_fixed(&limit.longer));
        errors.extend(adapter.check(&to, &limit.longer).err());
    }
    errors.iter().flat_map(|error| [format!("{error:?}"), error.to_string()]).collect()
}

fn forbidden_words(fixture: Fixture) -> Vec<String> {
    let mut words = fixture.secret_words();
    for sample in fixture.samples() {
        words.extend(texts(&sample));
        words.push(sample.to_on_wire);
        match sample.to {
            Address::Phone(phone) => {
                let digits = phone.expose().trim_start_matches('+');
                // Also a number that is printed in another form.
                words.push(digits[digits.len() - 8..].to_owned());
            }
        }
    }
    for limit in fixture.text_limits() {
        let sample = Sample { content: limit.longer, ..sample(fixture) };
        words.extend(texts(&sample));
    }
    words.retain(|word| !word.is_empty());
    assert!(words.len() > 3);
    words
}

/// The texts of a message that are long enough to be recognised.
fn texts(sample: &Sample) -> Vec<String> {
    let mut texts = Vec::new();
    let mapped: Result<_, ()> = sample.content.try_map_texts(|_, text| {
        texts.push(text.to_owned());
        Ok(String::new())
    });
    mapped.expect("the content");
    texts.retain(|text| text.chars().count() >= 6);
    texts
}
