//! The provider's routes, called as its clients call them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alimi::time::SystemClock;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::router;
use crate::simulator::{Arrival, Behaviour, PASSWORD, Receipts, Simulator, SimulatorSettings};

const REFKEY: &str = "0123456789abcdef0123456789abcd01";

struct Provider {
    simulator: Arc<Simulator>,
    router: Router,
    token: String,
    receipts: Arc<Mutex<Vec<Value>>>,
}

impl Provider {
    async fn new() -> Self {
        let settings = SimulatorSettings { per_second: 1_000, ..SimulatorSettings::default() };
        let simulator = Simulator::new(settings, Arc::new(SystemClock));
        let receipts = Arc::new(Mutex::new(Vec::new()));
        let sent = Arc::clone(&receipts);
        simulator.deliver_receipts_to(Arc::new(move |receipt: Value| {
            sent.lock().expect("a lock").push(receipt);
            async { 200_u16 }.boxed()
        }));
        let router = router(Arc::clone(&simulator));
        let mut provider = Self { simulator, router, token: String::new(), receipts };
        let credentials = STANDARD.encode(format!("example:{PASSWORD}"));
        let (status, answer) =
            provider.post("/v1/token", &format!("Basic {credentials}"), json!({})).await;
        assert_eq!(status, 200);
        let token = answer["accesstoken"].as_str().expect("a token");
        provider.token = format!("Bearer {token}");
        provider
    }

    async fn post(&self, path: &str, authorization: &str, body: Value) -> (u16, Value) {
        let request = Request::post(path)
            .header("authorization", authorization)
            .body(Body::from(body.to_string()))
            .expect("a request");
        let (status, body) = self.exchange(request).await;
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    async fn send(&self, message: Value) -> (u16, Value) {
        self.post("/v3/message", &self.token, message).await
    }

    async fn get(&self, path: &str) -> String {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let (status, body) = self.exchange(request).await;
        assert_eq!(status, 200);
        body
    }

    async fn exchange(&self, request: Request<Body>) -> (u16, String) {
        let Ok(response) = self.router.clone().oneshot(request).await;
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    async fn settle(&self) {
        while self.simulator.pending_receipts() > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn results(&self) -> Vec<(String, String)> {
        let receipts = self.receipts.lock().expect("a lock");
        let text = |receipt: &Value, field: &str| receipt[field].as_str().unwrap_or("").to_owned();
        receipts.iter().map(|receipt| (text(receipt, "MEDIA"), text(receipt, "RESULT"))).collect()
    }
}

fn alimtalk(to: &str) -> Value {
    json!({
        "account": "example", "type": "at", "from": "0212345678", "to": to, "refkey": REFKEY,
        "content": { "at": {
            "senderkey": "key", "templatecode": "CODE", "message": "안녕하세요",
            "button": [{ "name": "안내", "type": "WL", "url_mobile": "https://example.com/m" }],
        } },
        "resend": { "first": "sms" },
        "recontent": { "sms": { "message": "짧은 글" } },
    })
}

fn text_message(kind: &str) -> Value {
    json!({
        "account": "example", "type": kind, "from": "0212345678", "to": "01012345678",
        "refkey": REFKEY, "content": { kind: { "subject": "제목", "message": "글" } },
    })
}

fn results(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(media, result)| ((*media).to_owned(), (*result).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_delivered_message_is_shown_as_it_looks_on_the_phone() {
    let provider = Provider::new().await;
    let (status, answer) = provider.send(alimtalk("01012345678")).await;
    assert_eq!((status, &answer["code"]), (200, &json!(1000)));
    provider.settle().await;
    let shown: Value =
        serde_json::from_str(&provider.get("/_sim/messages.json").await).expect("JSON");
    let mut shown = shown["messages"].clone();
    shown[0].as_object_mut().expect("a message").remove("at").expect("a time");
    let expected = json!([{
        "number": "01012345678", "reference": REFKEY, "attempt": 1, "is_fallback": false,
        "medium": "alimtalk", "code": "CODE", "subject": null, "text": "안녕하세요",
        "buttons": [{ "name": "안내", "links": ["https://example.com/m"] }],
    }]);
    assert_eq!(shown, expected);
    let page = provider.get("/_sim").await;
    assert!(page.contains("01012345678 · Alimtalk") && page.contains("안녕하세요"), "{page}");
    assert_eq!(provider.results(), results(&[("KAT", "7000")]));
}

#[tokio::test(start_paused = true)]
async fn a_fallback_is_shown_instead_of_the_first_choice() {
    let provider = Provider::new().await;
    provider.send(alimtalk("01090060000")).await;
    provider.settle().await;
    let messages = provider.simulator.messages();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].is_fallback);
    assert_eq!(messages[0].shown.text, "짧은 글");
    assert_eq!(provider.results(), results(&[("KAT", "7308"), ("SMS", "4100")]));
}

#[tokio::test(start_paused = true)]
async fn text_messages_can_be_sent_by_themselves() {
    for (kind, media, result) in
        [("sms", "SMS", "4100"), ("lms", "LMS", "6600"), ("mms", "LMS", "6600")]
    {
        let provider = Provider::new().await;
        let (status, _) = provider.send(text_message(kind)).await;
        assert_eq!(status, 200, "{kind}");
        provider.settle().await;
        assert_eq!(provider.simulator.messages()[0].shown.text, "글");
        assert_eq!(provider.results(), results(&[(media, result)]), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_message_is_refused() {
    type Change = fn(&mut Value);
    let provider = Provider::new().await;
    let changes: [Change; 8] = [
        |message| message["to"] = "+821012345678".into(),
        |message| message["refkey"] = "".into(),
        |message| message["refkey"] = "0".repeat(33).into(),
        |message| message["type"] = "ft".into(),
        |message| message["type"] = "sms".into(),
        |message| message["content"]["at"]["templatecode"] = Value::Null,
        |message| message["content"]["at"]["button"][0]["name"] = "".into(),
        |message| message["recontent"] = Value::Null,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut message = alimtalk("01012345678");
        change(&mut message);
        let (status, answer) = provider.send(message).await;
        assert_eq!((status, &answer["code"]), (400, &json!(2000)), "{index}");
    }
    provider.settle().await;
    assert!(provider.simulator.messages().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_is_retried_meets_only_the_first_request_of_a_message() {
    let provider = Provider::new().await;
    for (number, status, code) in
        [("01090110000", 429, 5002), ("01090130000", 400, 3009), ("01090140000", 400, 3002)]
    {
        let mut message = alimtalk(number);
        // The second attempt at the same message.
        let reference = format!("{}{number}", "0".repeat(19));
        message["refkey"] = format!("{reference}01").into();
        let (refused, answer) = provider.send(message.clone()).await;
        assert_eq!((refused, &answer["code"]), (status, &json!(code)), "{number}");
        message["refkey"] = format!("{reference}02").into();
        let (accepted, _) = provider.send(message).await;
        assert_eq!(accepted, 200, "{number}");
    }
    provider.settle().await;
    let attempts: Vec<_> =
        provider.simulator.messages().iter().map(|message| message.attempt).collect();
    assert_eq!(attempts, [Some(2); 3]);
}

#[tokio::test(start_paused = true)]
async fn an_order_goes_before_the_scenario_of_the_phone_number() {
    let provider = Provider::new().await;
    provider.simulator.order(Receipts::Uncertain);
    let (status, _) = provider.send(alimtalk("01090010000")).await;
    assert_eq!(status, 200, "the number would be rejected");
    provider.settle().await;
    assert_eq!(provider.results(), results(&[("KAT", "7305")]));
    provider.simulator.order(Behaviour::default());
    assert_eq!(provider.send(alimtalk("01090010000")).await.0, 200);
    assert_eq!(provider.send(alimtalk("01090010000")).await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_is_asked_for_comes_again() {
    let provider = Provider::new().await;
    let (_, sent) = provider.send(alimtalk("01012345678")).await;
    let inquiry = json!({ "account": "example", "messagekey": sent["messagekey"] });
    let ask = async |body: &Value| {
        let (_, answer) = provider.post("/v2/report", &provider.token, body.clone()).await;
        answer["code"].clone()
    };
    assert_eq!(ask(&inquiry).await, 3013, "no receipt was sent yet");
    provider.settle().await;
    assert_eq!(ask(&inquiry).await, 1000);
    provider.settle().await;
    assert_eq!(provider.results(), results(&[("KAT", "7000"); 2]));
    assert_eq!(provider.simulator.messages().len(), 1);
    assert_eq!(ask(&json!({ "account": "example", "messagekey": "0" })).await, 3012);
}

#[tokio::test(start_paused = true)]
async fn without_a_valid_token_nothing_is_taken() {
    let provider = Provider::new().await;
    provider.simulator.forget_tokens();
    let (status, answer) = provider.send(alimtalk("01012345678")).await;
    assert_eq!((status, &answer["code"]), (400, &json!(3002)));
    let (status, answer) = provider.post("/v1/token", "Basic eDp5", json!({})).await;
    assert_eq!((status, &answer["code"]), (400, &json!("3001")));
    assert!(!provider.simulator.arrivals().iter().any(Arrival::was_accepted));
}
