//! The settings of a channel's provider. Each faulty one is named, and none is quoted.

use std::sync::Arc;

use alimi::domain::Channel;
use alimi::ports::Expected;
use alimi::providers::{BuiltInAdapters, Endpoints};
use alimi::time::SystemRandomness;
use alimi::use_cases::{ConfigureCatalog, Entry};
use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::operator::{change, get, status_and_field, with, world};

const PATH: &str = "/v1/channels/alimtalk-main";

#[tokio::test(start_paused = true)]
async fn every_faulty_setting_of_a_provider_is_named_and_not_quoted() {
    let world = world().await;
    let good = get(&world, PATH).await.body;
    for (settings, field) in [
        (json!({ "account": null }), "provider.account"),
        (json!({ "account": "hidden-words-of-21-by" }), "provider.account"),
        (json!({ "account": "" }), "provider.account"),
        (json!({ "from": null }), "provider.from"),
        (json!({ "from": "02-1234-5678" }), "provider.from"),
        (json!({ "sender_key": "hidden".repeat(7) }), "provider.sender_key"),
        (json!({ "environment": "hidden" }), "provider.environment"),
        (json!({ "lms_keyword": "hidden" }), "provider.lms_keyword"),
        (json!({ "message_chars_max": 1301 }), "provider.message_chars_max"),
        (json!({ "endpoint": "ftp://hidden.example.com" }), "provider.endpoint"),
        (json!({ "endpoint": "http://user:hidden@example.com" }), "provider.endpoint"),
        (json!({ "base_url": "https://hidden.example.com" }), "provider.base_url"),
        (json!({ "password": "hidden" }), "provider.password"),
        (json!({ "kind": "hidden" }), "provider.kind"),
        (json!({ "kind": null }), "provider.kind"),
    ] {
        let provider = with(good["provider"].clone(), &settings);
        let changed = with(good.clone(), &json!({ "provider": provider }));
        let refused = change(&world, PATH, &changed).await;
        assert_eq!(status_and_field(&refused), (422, field), "{settings}: {}", refused.body);
        assert!(!refused.body.to_string().contains("hidden"), "{}", refused.body);
    }
    assert_eq!(get(&world, PATH).await.body, good);
}

/// The console of a stack whose providers are not simulated.
fn deployed(world: &World) -> ConfigureCatalog {
    ConfigureCatalog {
        documents: world.store.clone(),
        catalog: world.store.clone(),
        adapters: Arc::new(BuiltInAdapters::new(Endpoints::ProvidersOwn)),
        agenda: world.store.clone(),
        classes: world.store.clone(),
        waker: world.queue.clone(),
        clock: world.clock.clone(),
        randomness: Arc::new(SystemRandomness),
    }
}

/// Otherwise an operator could read the account's password at a host of their own.
#[tokio::test(start_paused = true)]
async fn an_endpoint_is_accepted_only_where_providers_may_be_simulated() {
    let world = world().await;
    let read = get(&world, PATH).await.body;
    let with_endpoint = |endpoint: &Value| {
        let provider = with(read["provider"].clone(), &json!({ "endpoint": endpoint }));
        with(read.clone(), &json!({ "provider": provider }))
    };
    let elsewhere = with_endpoint(&json!("https://api.example.com"));
    assert_eq!(change(&world, PATH, &elsewhere).await.status, 200);

    let configure = deployed(&world);
    let put = async |body: Value| {
        let channel: Channel = serde_json::from_value(body).expect("a channel");
        configure.put(Entry::Channel(channel), Expected::Any, "kim").await
    };
    let refused = put(elsewhere).await.expect_err("an endpoint");
    let names_it = refused.to_string().starts_with("provider.endpoint: ");
    assert!(names_it, "{refused}");
    let saved = put(with_endpoint(&Value::Null)).await;
    assert!(saved.is_ok(), "{saved:?}");
    assert_eq!(get(&world, PATH).await.body["provider"].get("endpoint"), None);
}
