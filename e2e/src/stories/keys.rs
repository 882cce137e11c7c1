//! Stories about API keys, through the API that the authorizer guards.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::requests::step;
use crate::api::Answer;
use crate::result::{Result, StoryResult, ensure};
use crate::stack::Stack;
use crate::waiting::until;

/// API Gateway keeps the authorizer's answer for a minute, and the authorizer keeps a producer's keys
/// for ten seconds.
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(90);

/// The path of the keys of the producer that the operator has stored.
const KEYS: &str = "/v1/producers/photos/keys";

fn text(body: &Value, name: &str) -> Result<String> {
    let text = body[name].as_str().ok_or_else(|| format!("no {name}: {body}"))?;
    Ok(text.to_owned())
}

/// Makes a key. Returns its id and the header that sends it.
async fn make_key(stack: &Stack, scopes: &Value) -> Result<(String, String)> {
    let wanted = json!({ "scopes": scopes });
    let made = stack.api.create(KEYS, "unused", &wanted).await?.expect(201)?;
    Ok((text(&made, "id")?, format!("Bearer {}", text(&made, "key")?)))
}

fn notification() -> Value {
    let mut one = step("photo-and-video");
    one["to"] = json!({ "id": "by-key", "phone": "010-1234-5678" });
    one
}

async fn post(stack: &Stack, authorization: Option<&str>) -> Result<Answer> {
    let (path, body) = ("/v1/notifications", notification());
    stack.keys.with_authorization(authorization, Method::POST, path, "by-key", &body).await
}

async fn get(stack: &Stack, authorization: &str, path: &str) -> Result<Answer> {
    let keys = &stack.keys;
    keys.with_authorization(Some(authorization), Method::GET, path, "unused", &Value::Null).await
}

/// API Gateway asks the authorizer, and the function looks at the scopes. Each route of operators is
/// missing there.
pub async fn a_key_opens_the_routes_of_its_scopes(stack: &Stack) -> StoryResult {
    let (_, both) = make_key(stack, &json!(["notifications:read", "notifications:write"])).await?;
    let (_, reading) = make_key(stack, &json!(["notifications:read"])).await?;
    post(stack, None).await?.expect(401)?;
    post(stack, Some("Bearer ak_malformed")).await?.expect(403)?;
    let guessed = format!("{}0000", &both[..both.len() - 4]);
    post(stack, Some(&guessed)).await?.expect(403)?;
    let posted = post(stack, Some(&both)).await?.expect(202)?;
    let again = post(stack, Some(&both)).await?.expect(200)?;
    ensure(posted["id"] == again["id"], || "the repeated request has another id".to_owned())?;

    let id = text(&posted, "id")?;
    let path = format!("/v1/notifications/{id}");
    // The read comes first, so that the refusal of the post follows from the kept answer.
    get(stack, &reading, &path).await?.expect(200)?;
    let refused = post(stack, Some(&reading)).await?.expect(403)?;
    ensure(refused.to_string().contains("insufficient-scope"), || format!("{refused}"))?;
    get(stack, &both, "/v1/channels").await?.expect(404)?;
    let owner = stack.api.get(&format!("/v1/ops/notifications/{id}")).await?.expect(200)?;
    ensure(owner["owner"] == "photos", || format!("the owner is {}", owner["owner"]))?;
    let listed = stack.api.get(KEYS).await?.expect(200)?;
    let used = listed["items"].as_array().into_iter().flatten();
    let used = used.filter(|key| !key["last_used_at"].is_null()).count();
    ensure(used >= 2, || format!("the uses of the keys are not recorded: {listed}"))?;
    Ok("401 without a key, 403 with a wrong or lesser one, 202 and 200 with the right one"
        .to_owned())
}

/// A deleted key is refused once the kept answers are forgotten.
pub async fn a_deleted_key_is_refused(stack: &Stack) -> StoryResult {
    let (id, deleted) = make_key(stack, &json!(["notifications:write"])).await?;
    let (_, other) = make_key(stack, &json!(["notifications:write"])).await?;
    post(stack, Some(&deleted)).await?.expect(200)?;
    stack.api.remove(&format!("{KEYS}/{id}")).await?.expect(204)?;
    until("the deleted key to be refused", FORGOTTEN_WITHIN, async || {
        Ok((post(stack, Some(&deleted)).await?.status == 403).then_some(()))
    })
    .await?;
    post(stack, Some(&other)).await?.expect(200)?;
    Ok("the deleted key is refused, and the other one still works".to_owned())
}
