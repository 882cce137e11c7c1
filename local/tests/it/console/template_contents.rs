//! What the variants of a template may say. The console refuses what a channel's provider would
//! refuse of every message, and names the text by its path.

use serde_json::{Value, json};

use super::operator::{
    CREATE, create, detail, get, status_and_field, text_channel, text_template, with, world,
};

const MAIN: &str = "alimtalk-main";

/// A variant for a channel.
fn variant(channel: &str, content: &Value) -> Value {
    json!({ "channel": channel, "content": content })
}

/// An Alimtalk content with members replaced or, for null, removed.
fn alimtalk(changes: &Value) -> Value {
    with(json!({ "type": "alimtalk", "code": "CODE_01", "body": "#{name}님" }), changes)
}

fn sms(body: &str) -> Value {
    json!({ "type": "sms", "body": body })
}

/// An Alimtalk content with one button.
fn button(button: &Value) -> Value {
    let button = with(json!({ "name": "안내", "type": "WL" }), button);
    alimtalk(&json!({ "buttons": [button] }))
}

/// Contents that the first variant cannot have, and the field at fault within the content.
fn faulty_contents() -> Vec<(Value, &'static str)> {
    let quick_replies = vec![json!({ "name": "예", "type": "BK" }); 6];
    vec![
        (json!({ "body": "b" }), "type"),
        (json!({ "type": "fax", "body": "b" }), "type"),
        (alimtalk(&json!({ "body": null })), "body"),
        (alimtalk(&json!({ "body": " " })), "body"),
        (alimtalk(&json!({ "body": "Dear #{name, hello" })), "body"),
        (alimtalk(&json!({ "body": "Dear #{}, hello" })), "body"),
        (alimtalk(&json!({ "subject": "s" })), "subject"),
        // Only the text around the variables counts here: its 1,001 characters are too many.
        (alimtalk(&json!({ "body": format!("#{{name}}{}", "가".repeat(1001)) })), "body"),
        (alimtalk(&json!({ "code": null })), "code"),
        (alimtalk(&json!({ "code": "" })), "code"),
        (alimtalk(&json!({ "code": "c".repeat(33) })), "code"),
        (alimtalk(&json!({ "buttons": quick_replies })), "buttons"),
        (button(&json!({})), "buttons[0].url_mobile"),
        (button(&json!({ "url_pc": "https://a.kr" })), "buttons[0].url_mobile"),
        (button(&json!({ "url_mobile": "javascript:alert(1)" })), "buttons[0].url_mobile"),
        (
            button(&json!({ "url_mobile": "https://a.kr", "url_pc": "JavaScript:alert(1)" })),
            "buttons[0].url_pc",
        ),
        (button(&json!({ "type": "AL" })), "buttons[0].scheme_ios"),
        (
            button(&json!({ "type": "AL", "scheme_ios": "javascript:alert(1)" })),
            "buttons[0].scheme_ios",
        ),
        (
            button(&json!({ "type": "AL", "scheme_android": "data:text/html,a" })),
            "buttons[0].scheme_android",
        ),
        (button(&json!({ "url_mobile": "https://a.kr", "name": "" })), "buttons[0].name"),
        (alimtalk(&json!({ "fallback": sms("") })), "fallback.body"),
        (alimtalk(&json!({ "fallback": sms("#{") })), "fallback.body"),
        (alimtalk(&json!({ "fallback": sms(&"가".repeat(46)) })), "fallback.body"),
        (
            alimtalk(&json!({ "fallback": { "type": "lms", "subject": "😀", "body": "b" } })),
            "fallback.subject",
        ),
        (sms(""), "body"),
        (sms(&"가".repeat(46)), "body"),
        (sms("😀"), "body"),
        (json!({ "type": "sms", "body": "b", "code": "C" }), "code"),
        (json!({ "type": "lms", "subject": "가".repeat(33), "body": "b" }), "subject"),
        (json!({ "type": "lms", "body": "가".repeat(1001) }), "body"),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_content_that_the_provider_would_refuse_is_refused_by_its_path_and_not_stored() {
    let world = world().await;
    for (content, field) in faulty_contents() {
        let template = json!({
            "category": "informational", "variants": [variant(MAIN, &content)],
        });
        let refused = world.operate("PUT", "/v1/templates/t", &[CREATE], template).await;
        let path = format!("variants[0].content.{field}");
        assert_eq!(status_and_field(&refused), (422, path.as_str()), "{content}: {}", refused.body);
        assert!(!detail(&refused).is_empty());
    }
    assert_eq!(get(&world, "/v1/templates/t").await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn faulty_variants_are_refused_by_their_place() {
    let world = world().await;
    create(&world, "/v1/channels/text-only", text_channel()).await;
    let good = variant(MAIN, &alimtalk(&json!({})));
    let text = |body: &str| variant("text-only", &sms(body));
    let eleven: Vec<_> = (0..11).map(|n| variant(&format!("c{n}"), &sms("b"))).collect();
    for (variants, field) in [
        (json!([]), "variants"),
        (json!(eleven), "variants"),
        (json!([variant("nowhere", &sms("b"))]), "variants[0].channel"),
        (json!([good, variant("nowhere", &sms("b"))]), "variants[1].channel"),
        (json!([good, text("b"), good]), "variants[2].channel"),
        // The channel has no Kakao sender profile, so it sends no Alimtalk.
        (json!([variant("text-only", &alimtalk(&json!({})))]), "variants[0].content.type"),
        (json!([good, text(&"가".repeat(46))]), "variants[1].content.body"),
        (json!([{ "channel": MAIN }]), "variants[0].content"),
        (json!([{ "content": sms("b") }]), "variants[0].channel"),
        (json!([with(good.clone(), &json!({ "code": "C" }))]), "variants[0].code"),
    ] {
        let template = json!({ "category": "informational", "variants": variants });
        let refused = world.operate("PUT", "/v1/templates/t", &[CREATE], &template).await;
        assert_eq!(status_and_field(&refused), (422, field), "{variants}: {}", refused.body);
    }
    assert_eq!(get(&world, "/v1/templates/t").await.status, 404);

    // At its limits a template is stored.
    let longest = alimtalk(&json!({ "body": format!("#{{name}}{}", "가".repeat(1000)) }));
    let variants = json!([variant(MAIN, &longest), text(&"가".repeat(45))]);
    let template = json!({ "category": "informational", "variants": variants });
    create(&world, "/v1/templates/t", template).await;
    assert_eq!(get(&world, "/v1/templates/t").await.body["variants"], variants);
}

/// A channel is changed after the template was stored.
#[tokio::test(start_paused = true)]
async fn a_channel_keeps_the_setting_that_the_contents_of_its_templates_need() {
    let world = world().await;
    let path = "/v1/channels/second";
    let with_key = with(text_channel()["provider"].clone(), &json!({ "sender_key": "key" }));
    let channel = with(text_channel(), &json!({ "provider": with_key }));
    create(&world, path, channel).await;
    let template = |content: &Value| {
        with(text_template("second"), &json!({ "variants": [variant("second", content)] }))
    };
    let stored = create(&world, "/v1/templates/t", template(&alimtalk(&json!({})))).await;
    let without_key = async || {
        let etag = get(&world, path).await.etag.expect("an ETag");
        world.operate("PUT", path, &[("if-match", &etag)], text_channel()).await
    };
    let refused = without_key().await;
    assert_eq!(status_and_field(&refused), (422, "provider"), "{}", refused.body);
    assert!(detail(&refused).contains("the template t"), "{}", refused.body);

    let etag = stored.etag.expect("an ETag");
    let text = template(&sms("b"));
    let changed = world.operate("PUT", "/v1/templates/t", &[("if-match", &etag)], text).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(without_key().await.status, 200);
}
