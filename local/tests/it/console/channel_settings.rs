//! The settings of a channel's provider. Each faulty one is named, and none is quoted.

use std::sync::Arc;

use alimi::domain::Channel;
use alimi::ports::Expected;
use alimi::providers::{BuiltInAdapters, Endpoints};
use alimi::time::SystemRandomness;
use alimi::use_cases::{ConfigureCatalog, Entry};
use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::operator::{change, detail, get, status_and_field, with, world};

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
        uploads: world.store.clone(),
        key_uses: world.store.clone(),
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

/// The ways in which a channel's document could name another host than its provider's.
#[tokio::test(start_paused = true)]
async fn a_channel_of_a_deployed_stack_names_no_host() {
    let world = world().await;
    let stored = get(&world, PATH).await.body;
    let provider = with(stored["provider"].clone(), &json!({ "endpoint": null }));
    let good = with(stored.clone(), &json!({ "provider": provider }));
    let configure = deployed(&world);
    let long = format!("https://{}.hidden.example.com", "a".repeat(100_000));
    for url in [
        "https://hidden.example.com",
        "http://api.bizppurio.com",
        "http://127.0.0.1",
        "http://10.0.0.1",
        "http://169.254.169.254/latest/meta-data",
        "https://user:hidden@api.bizppurio.com",
        "https://api.bizppurio.com\r\nhost: hidden.example.com",
        "https://api.bizppurio.com:99999",
        &long,
    ] {
        for name in ["endpoint", "base_url", "host", "url"] {
            let mut changed = good.clone();
            changed["provider"][name] = url.into();
            let channel: Channel = serde_json::from_value(changed).expect("a channel");
            let put = configure.put(Entry::Channel(channel), Expected::Any, "kim").await;
            let refused = put.expect_err("a host").to_string();
            assert!(refused.starts_with(&format!("provider.{name}: ")), "{refused}");
            assert!(!refused.contains("hidden"), "{refused}");
        }
    }
    assert_eq!(get(&world, PATH).await.body, stored);
}

/// The secret's name follows from the channel's name, so no channel can use another one's secret.
#[tokio::test(start_paused = true)]
async fn a_channel_names_no_secret() {
    let world = world().await;
    let good = get(&world, PATH).await.body;
    for name in ["secret", "secret_name", "secret_prefix"] {
        let mut changed = good.clone();
        changed[name] = "alimi/other".into();
        let refused = change(&world, PATH, &changed).await;
        assert_eq!(status_and_field(&refused), (422, name), "{}", refused.body);
        assert!(detail(&refused).starts_with("is an unknown field"), "{}", refused.body);
        changed = good.clone();
        changed["provider"][name] = "alimi/other".into();
        let refused = change(&world, PATH, &changed).await;
        let field = format!("provider.{name}");
        assert_eq!(status_and_field(&refused), (422, field.as_str()), "{}", refused.body);
    }
    assert_eq!(get(&world, PATH).await.body, good);
}
