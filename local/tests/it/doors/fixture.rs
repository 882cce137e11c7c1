//! A world behind the doors of API Gateway.

use alimi_local::aws::api_gateway::Gateway;
use alimi_local::testing::database_usage::DatabaseUsage;
use alimi_local::testing::world::{Answer, World, WorldSettings, operate};
use axum::Router;
use serde_json::{Value, json};

use crate::phone_numbers::DELIVERED;

pub struct Doors {
    pub world: World,
    pub gateway: Gateway,
    /// The database requests of all functions.
    pub usage: DatabaseUsage,
}

pub async fn doors() -> Doors {
    let usage = DatabaseUsage::default();
    let settings = WorldSettings { database_usage: usage.clone(), ..WorldSettings::default() };
    let world = World::new(settings).await;
    let gateway = Gateway::new(&world.stack).expect("the template's APIs");
    Doors { world, gateway, usage }
}

impl Doors {
    /// Stores the producer `shop`, with the role `shop-backend`.
    pub async fn store_shop(&self, grants: Value) {
        let shop = json!({ "principals": ["shop-backend"], "grants": grants });
        let path = "/v1/producers/shop";
        let answer = self.world.operate("PUT", path, &[("if-none-match", "*")], shop).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// Makes a key of the producer `shop`, and returns the answer's body.
    pub async fn make_key(&self, wanted: Value) -> Value {
        let body = if wanted.is_null() { String::new() } else { wanted.to_string() };
        let made = self.world.operate("POST", "/v1/producers/shop/keys", &[], body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.body
    }

    pub async fn delete_key(&self, id: &str) -> u16 {
        let path = format!("/v1/producers/shop/keys/{id}");
        self.world.operate("DELETE", &path, &[], "").await.status
    }

    pub async fn listed_keys(&self) -> Vec<Value> {
        let listed = self.world.operate("GET", "/v1/producers/shop/keys", &[], "").await;
        assert_eq!(listed.status, 200, "{}", listed.body);
        listed.body["items"].as_array().expect("items").clone()
    }

    /// Sends a request to the API for keys.
    pub async fn with_key(
        &self,
        key: &str,
        method: &str,
        path: &str,
        idempotency_key: Option<&str>,
        body: &Value,
    ) -> Answer {
        let bearer = format!("Bearer {key}");
        let authorization = [("authorization", bearer.as_str())];
        call(&self.gateway.key_api(), &authorization, method, path, idempotency_key, body).await
    }

    /// Posts the valid notification with an API key.
    pub async fn post_with_key(&self, key: &str, idempotency_key: &str) -> Answer {
        let (path, body) = ("/v1/notifications", notification());
        self.with_key(key, "POST", path, Some(idempotency_key), &body).await
    }

    /// The routes of `enqueue` for the role of the producer `shop`.
    pub fn shop(&self) -> Router {
        self.world.stack.enqueue_called_by(|_| Some("shop-backend".to_owned()))
    }

    /// The same in another process.
    pub fn shop_in_another_process(&self) -> Router {
        self.world.stack.enqueue_of_another_process(|_| Some("shop-backend".to_owned()))
    }
}

/// Posts to the routes of `enqueue`.
pub async fn post(enqueue: &Router, path: &str, idempotency_key: &str, body: &Value) -> Answer {
    call(enqueue, &[], "POST", path, Some(idempotency_key), body).await
}

pub async fn call(
    router: &Router,
    headers: &[(&str, &str)],
    method: &str,
    path: &str,
    idempotency_key: Option<&str>,
    body: &Value,
) -> Answer {
    let mut headers = headers.to_vec();
    headers.extend(idempotency_key.map(|key| ("idempotency-key", key)));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    operate(router.clone(), method, path, &headers, body).await
}

/// A valid notification.
pub fn notification() -> Value {
    json!({
        "template": "photo-and-video",
        "to": { "id": "teacher-1", "phone": DELIVERED },
        "variables": { "name": "김하나", "code": "a1" },
    })
}

/// A valid sequence of two steps.
pub fn sequence() -> Value {
    let variables = json!({ "name": "n", "date": "d", "code": "c" });
    let step = |template: &str| json!({ "template": template, "variables": variables });
    json!({
        "to": { "id": "teacher-1", "phone": DELIVERED },
        "steps": [step("consultation-start"), step("photo-and-video")],
    })
}

pub fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("no {name}: {body}"))
}
