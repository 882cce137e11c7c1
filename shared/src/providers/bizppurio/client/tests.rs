use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::domain::{Address, Attempt, Content, PhoneNumber, Reference};
use crate::ports::{Clock, ConnectionEvent, ProviderHttp, Tokens};
use crate::providers::endpoints::Endpoints;

/// 2026-11-22 00:00:00 UTC.
const NOW_MS: i64 = 1_795_305_600_000;
const REFKEY: &str = "0123456789abcdef0123456789abcd01";
const PASSWORD: &str = "hidden-password";

/// Answers requests, stores the token, and tells the time, which stands still.
#[derive(Default)]
struct World {
    answers: Mutex<VecDeque<Result<http::Response<Bytes>, NoResponse>>>,
    /// The path, the authorization and the body of each request.
    requests: Mutex<Vec<(String, String, Value)>>,
    stored: Mutex<Option<StoredToken>>,
}

impl World {
    fn answers(&self, status: u16, body: &Value) {
        let response = http::Response::builder().status(status);
        let response = response.body(Bytes::from(body.to_string())).expect("a response");
        self.answers.lock().expect("no panic").push_back(Ok(response));
    }

    fn stays_silent(&self) {
        let silence = NoResponse::MaybeSent("timed out".into());
        self.answers.lock().expect("no panic").push_back(Err(silence));
    }

    fn requests(&self) -> Vec<(String, String, Value)> {
        std::mem::take(&mut *self.requests.lock().expect("no panic"))
    }
}

#[async_trait]
impl ProviderHttp for World {
    fn drop_stale_connections(&self, _: &str, _: Duration) {}

    async fn send(&self, call: ProviderCall) -> Result<http::Response<Bytes>, NoResponse> {
        let request = call.request;
        let authorization = request.headers()[AUTHORIZATION].to_str().expect("a text").to_owned();
        let body = serde_json::from_slice(request.body()).expect("JSON");
        let url = request.uri().to_string();
        self.requests.lock().expect("no panic").push((url, authorization, body));
        self.answers.lock().expect("no panic").pop_front().expect("an answer")
    }
}

#[async_trait]
impl Tokens for World {
    async fn load_token(&self, channel: &str) -> Result<Option<StoredToken>, PortError> {
        assert_eq!(channel, "main");
        Ok(self.stored.lock().expect("no panic").clone())
    }

    async fn save_token(&self, channel: &str, token: &StoredToken) -> Result<(), PortError> {
        assert_eq!(channel, "main");
        *self.stored.lock().expect("no panic") = Some(token.clone());
        Ok(())
    }
}

impl Clock for World {
    fn now_us(&self) -> i64 {
        NOW_MS * 1000
    }
}

fn account(world: &Arc<World>) -> Bizppurio {
    let channel: Channel = serde_json::from_value(json!({
        "name": "main",
        "provider": { "kind": "bizppurio", "account": "example", "from": "0212345678" },
        "limit": { "per_second": 10 },
    }))
    .expect("a channel");
    let settings = &channel.provider.settings;
    let settings = Settings::read(settings, Endpoints::ProvidersOwn).expect("settings");
    let io = ProviderIo { http: world.clone(), tokens: world.clone(), clock: world.clone() };
    Bizppurio::new(&channel, settings, SecretString::from(PASSWORD), io)
}

fn gives_token(world: &World, token: &str) {
    let body = json!({ "accesstoken": token, "type": "Bearer", "expired": "20261123090000" });
    world.answers(200, &body);
}

async fn ready_account(world: &Arc<World>) -> Bizppurio {
    let account = account(world);
    gives_token(world, "t");
    account.prepare().await.expect("a token");
    world.requests();
    account
}

async fn send(account: &Bizppurio) -> SendResult {
    let content: Content =
        serde_json::from_value(json!({ "type": "sms", "body": "a" })).expect("content");
    let to = PhoneNumber::try_from("010-1234-5678".to_owned()).expect("a number");
    let (reference, to) = (reference(), Address::Phone(to));
    let message = Outgoing { reference: &reference, to: &to, content: &content };
    account.send(message, Arc::new(|_: ConnectionEvent| true)).await
}

fn reference() -> Reference {
    REFKEY.parse().expect("a reference")
}

async fn ask(account: &Bizppurio, provider_message_id: Option<&str>) -> Asked {
    let attempt = Attempt {
        number: 1,
        claim: 1,
        fence: 1,
        claimed_at_ms: NOW_MS,
        request_sent_at_ms: Some(NOW_MS),
        response_received_at_ms: Some(NOW_MS),
        outcome: Some(Outcome::Accepted),
        code: Some("1000".into()),
        provider_message_id: provider_message_id.map(str::to_owned),
        inquiries: 0,
    };
    let to = PhoneNumber::try_from("010-1234-5678".to_owned()).expect("a number");
    let (reference, to) = (reference(), Address::Phone(to));
    account.ask(Inquiry { reference: &reference, to: &to, attempt: &attempt }).await
}

#[tokio::test]
async fn a_token_is_fetched_with_the_password_and_shared() {
    let world = Arc::new(World::default());
    let account = account(&world);
    assert_eq!(account.readiness(NOW_MS).await.expect("an answer"), Readiness::NeedsPreparation);
    gives_token(&world, "t");
    account.prepare().await.expect("a token");
    assert_eq!(account.readiness(NOW_MS).await.expect("an answer"), Readiness::Ready);
    // Base64 of the account and the password.
    let basic = "Basic ZXhhbXBsZTpoaWRkZW4tcGFzc3dvcmQ=".to_owned();
    let url = "https://api.bizppurio.com/v1/token".to_owned();
    assert_eq!(world.requests(), [(url, basic, json!({}))]);

    let stored = world.stored.lock().expect("no panic").clone().expect("a token");
    assert_eq!(stored.token.expose_secret(), "t");
    assert_eq!(stored.expires_at_ms, NOW_MS + 86_400_000);
    let other = self::account(&world);
    assert_eq!(other.readiness(NOW_MS).await.expect("an answer"), Readiness::Ready);
    assert_eq!(world.requests(), []);
}

#[tokio::test]
async fn a_message_is_posted_with_the_token_and_its_answer_is_kept() {
    let world = Arc::new(World::default());
    let account = ready_account(&world).await;
    world.answers(200, &json!({ "code": 1000, "messagekey": "k" }));
    let result = send(&account).await;
    let expected = Response {
        sent_at_ms: NOW_MS,
        received_at_ms: NOW_MS,
        outcome: Outcome::Accepted,
        code: Some("1000".into()),
        provider_message_id: Some("k".into()),
    };
    assert_eq!(result.response, expected);
    let requests = world.requests();
    let [(url, authorization, body)] = requests.as_slice() else { panic!("one request") };
    assert_eq!(url, "https://api.bizppurio.com/v3/message");
    assert_eq!(authorization, "Bearer t");
    assert_eq!(body["type"], "sms");
    assert_eq!(body["to"], "01012345678");
    assert_eq!(body["refkey"], REFKEY);
}

#[tokio::test]
async fn without_a_token_no_message_is_posted() {
    let world = Arc::new(World::default());
    let result = send(&account(&world)).await;
    assert_eq!(result.response.outcome, Outcome::Unsent);
    assert_eq!(result.advice, LaneAdvice::Continue);
    assert_eq!(world.requests(), []);
}

#[tokio::test]
async fn a_refused_token_is_not_taken_from_the_store_again() {
    let world = Arc::new(World::default());
    let account = ready_account(&world).await;
    world.answers(400, &json!({ "code": 3002 }));
    assert_eq!(send(&account).await.response.outcome, Outcome::ChannelDown);
    assert_eq!(account.readiness(NOW_MS).await.expect("an answer"), Readiness::NeedsPreparation);
    gives_token(&world, "t2");
    account.prepare().await.expect("a token");
    assert_eq!(account.readiness(NOW_MS).await.expect("an answer"), Readiness::Ready);
}

/// The provider gives this token, and then refuses the message that is sent with it.
async fn is_refused(world: &World, account: &Bizppurio, token: &str) -> LaneAdvice {
    gives_token(world, token);
    account.prepare().await.expect("a token");
    world.answers(400, &json!({ "code": 3002 }));
    let result = send(account).await;
    assert_eq!(result.response.outcome, Outcome::ChannelDown);
    result.advice
}

#[tokio::test]
async fn the_circuit_opens_when_two_new_tokens_in_a_row_are_refused() {
    let world = Arc::new(World::default());
    let account = account(&world);
    assert_eq!(is_refused(&world, &account, "t1").await, LaneAdvice::Continue);
    assert_eq!(is_refused(&world, &account, "t2").await, LaneAdvice::OpenCircuit);
}

#[tokio::test]
async fn an_answer_to_a_message_between_two_refused_tokens_keeps_the_circuit_closed() {
    let world = Arc::new(World::default());
    let account = account(&world);
    for (token, answer) in [("t1", 1000), ("t3", 2000)] {
        assert_eq!(is_refused(&world, &account, token).await, LaneAdvice::Continue, "{token}");
        gives_token(&world, "t2");
        account.prepare().await.expect("a token");
        world.answers(200, &json!({ "code": answer }));
        send(&account).await;
    }
}

#[tokio::test]
async fn a_token_of_a_probe_that_is_refused_opens_the_circuit() {
    let world = Arc::new(World::default());
    let account = account(&world);
    gives_token(&world, "t");
    account.probe().await.expect("a token");
    world.answers(400, &json!({ "code": 3002 }));
    assert_eq!(send(&account).await.advice, LaneAdvice::OpenCircuit);
}

#[tokio::test]
async fn a_probe_sends_no_message_and_shares_its_token() {
    let world = Arc::new(World::default());
    let account = ready_account(&world).await;
    gives_token(&world, "t2");
    account.probe().await.expect("a token");
    let requests = world.requests();
    let urls: Vec<&str> = requests.iter().map(|(url, _, _)| url.as_str()).collect();
    assert_eq!(urls, ["https://api.bizppurio.com/v1/token"]);
    let stored = world.stored.lock().expect("no panic").clone().expect("a token");
    assert_eq!(stored.token.expose_secret(), "t2");
    world.answers(200, &json!({ "code": 1000, "messagekey": "k" }));
    send(&account).await;
    assert_eq!(world.requests()[0].1, "Bearer t2");
}

#[tokio::test]
async fn a_probe_of_an_account_that_is_refused_says_so_and_quotes_no_secret() {
    let world = Arc::new(World::default());
    let account = account(&world);
    world.answers(400, &json!({ "code": "3007", "description": PASSWORD }));
    let refused = account.probe().await.expect_err("no token");
    assert_eq!(refused.outcome, Some(Outcome::ChannelDown));
    assert!(!refused.detail.contains(PASSWORD), "{refused}");
    world.stays_silent();
    let silent = account.probe().await.expect_err("no token");
    assert_eq!(silent.outcome, Some(Outcome::Unreachable));
}

#[tokio::test]
async fn a_receipt_is_asked_for_by_the_messages_key() {
    let world = Arc::new(World::default());
    let account = ready_account(&world).await;
    for (code, expected) in [
        (1000, Asked::ReceiptComes),
        (3012, Asked::NotKnown { code: "3012".into() }),
        (3013, Asked::NoAnswer),
    ] {
        world.answers(200, &json!({ "code": code }));
        assert_eq!(ask(&account, Some("k")).await, expected, "{code}");
        let url = "https://api.bizppurio.com/v2/report".to_owned();
        let body = json!({ "account": "example", "messagekey": "k" });
        assert_eq!(world.requests(), [(url, "Bearer t".to_owned(), body)]);
    }
    world.stays_silent();
    assert_eq!(ask(&account, Some("k")).await, Asked::NoAnswer);
}

#[tokio::test]
async fn a_message_whose_key_is_not_known_cannot_be_asked_about() {
    let world = Arc::new(World::default());
    let account = ready_account(&world).await;
    assert_eq!(ask(&account, None).await, Asked::CannotBeAsked);
    assert_eq!(world.requests(), []);
}

#[tokio::test]
async fn without_a_token_nothing_is_asked() {
    let world = Arc::new(World::default());
    assert_eq!(ask(&account(&world), Some("k")).await, Asked::NoAnswer);
    assert_eq!(world.requests(), []);
}

#[tokio::test]
async fn a_token_that_a_question_shows_to_be_refused_is_not_used_again() {
    let world = Arc::new(World::default());
    let account = ready_account(&world).await;
    world.answers(400, &json!({ "code": 3005 }));
    assert_eq!(ask(&account, Some("k")).await, Asked::NoAnswer);
    assert_eq!(account.readiness(NOW_MS).await.expect("an answer"), Readiness::NeedsPreparation);
}
