//! Every invalid document is refused, and the answer names the field at fault.

use serde_json::json;

use super::operator::{
    CREATE, change, daily, detail, get, scheduled_world, status_and_field, text_template, with,
    world,
};

#[tokio::test(start_paused = true)]
async fn every_invalid_channel_is_refused_with_the_field_at_fault() {
    let world = world().await;
    let path = "/v1/channels/alimtalk-main";
    let good = get(&world, path).await.body;
    let limit = |per_second: i32| json!({ "limit": { "per_second": per_second } });
    for (changes, field) in [
        (limit(0), "limit.per_second"),
        (limit(-1), "limit.per_second"),
        (json!({ "limit": {} }), "limit.per_second"),
        (json!({ "limit": null }), "limit"),
        (json!({ "limits": 1 }), "limits"),
        (json!({ "timezone": "Seoul" }), "timezone"),
        (json!({ "timezone": "asia/seoul" }), "timezone"),
        (json!({ "timezone": "Etc/Unknown" }), "timezone"),
        (json!({ "name": "other" }), "name"),
        (json!({ "window": { "from": "19:00", "to": "10:00" } }), "window"),
        (json!({ "window": { "from": "20:00", "to": "21:00" } }), "window"),
        (json!({ "provider": { "kind": "smtp" } }), "provider.kind"),
        (json!({ "provider_deduplicates": true }), "provider_deduplicates"),
        (json!({ "secret": "alimi/other" }), "secret"),
        (json!({ "only_to": ["010"] }), "only_to[0]"),
        (json!({ "only_to": ["010-1234-5678", "1012345678"] }), "only_to[1]"),
        (json!({ "only_to": "010-1234-5678" }), "only_to"),
        (json!({ "confirmation": { "by": "acceptance" } }), "confirmation.by"),
        (json!({ "confirmation": { "by": "receipt", "within": "97h" } }), "confirmation.within"),
    ] {
        let answer = change(&world, path, &with(good.clone(), &changes)).await;
        assert_eq!(status_and_field(&answer), (422, field), "{changes}: {}", answer.body);
        assert!(!detail(&answer).is_empty());
    }
    assert_eq!(get(&world, path).await.body, good);
    let bad_name = world.operate("PUT", "/v1/channels/A%20b", &[CREATE], &good).await;
    assert_eq!(status_and_field(&bad_name), (422, "name"));
}

#[tokio::test(start_paused = true)]
async fn every_invalid_template_audience_and_window_is_refused_with_the_field_at_fault() {
    let world = world().await;
    let template = with(text_template("alimtalk-main"), &json!({ "category": "advertising" }));
    let members = json!({ "source": { "kind": "members" } });
    let hours = json!({ "scheduled": { "from": "09:00", "to": "18:00" } });
    let window = |from: &str, to: &str| json!({ "from": from, "to": to });
    for (path, body, changes, field) in [
        ("templates/t", &template, json!({ "category": "urgent" }), "category"),
        ("templates/t", &template, json!({ "channel": "alimtalk-main" }), "channel"),
        ("templates/t", &template, json!({ "variants": null }), "variants"),
        ("templates/t", &template, json!({ "variants": {} }), "variants"),
        ("templates/t", &template, json!({ "window": window("06:00", "08:00") }), "window"),
        ("templates/t", &template, json!({ "window": window("10:00", "25:00") }), "window"),
        ("audiences/a", &members, json!({ "source": { "kind": "fax" } }), "source.kind"),
        ("audiences/a", &members, json!({ "source": null }), "source"),
        ("audiences/a", &members, json!({ "members": [] }), "members"),
        (
            "audiences/a",
            &members,
            json!({ "source": { "kind": "members", "version": "v" } }),
            "source.version",
        ),
        (
            "audiences/a",
            &members,
            json!({ "source": { "kind": "members", "size": 7 } }),
            "source.size",
        ),
        (
            "audiences/a",
            &members,
            json!({ "source": { "kind": "s3", "bucket": "b", "key": "k", "format": "csv" } }),
            "source.bucket",
        ),
        (
            "audiences/a",
            &members,
            json!({ "source": {
                "kind": "s3", "bucket": "My Bucket", "key": "k", "format": "csv",
            } }),
            "source.bucket",
        ),
        ("hours/stack", &hours, json!({ "scheduled": window("18:00", "09:00") }), "scheduled"),
        ("hours/stack", &hours, json!({ "sunday": window("18:00", "19:00") }), "sunday"),
        ("hours/other", &hours, json!({}), "name"),
    ] {
        let body = with(body.clone(), &changes);
        let answer = world.operate("PUT", &format!("/v1/{path}"), &[CREATE], &body).await;
        assert_eq!(status_and_field(&answer), (422, field), "{path} {changes}: {}", answer.body);
    }
    let answer = world.operate("PUT", "/v1/templates/t", &[CREATE], "{").await;
    assert_eq!(status_and_field(&answer), (400, "body"));
    let huge = format!("\"{}\"", "x".repeat(alimi_console::DOCUMENT_BYTES_MAX));
    let answer = world.operate("PUT", "/v1/templates/t", &[CREATE], huge).await;
    assert_eq!(status_and_field(&answer), (413, "body"));
}

#[tokio::test(start_paused = true)]
async fn every_invalid_producer_is_refused_with_the_field_at_fault() {
    let world = world().await;
    let good = json!({ "principals": ["shop-backend"] });
    let an_arn = "arn:aws:iam::123456789012:role/shop";
    for (name, changes, field) in [
        // Alimi uses these names itself.
        ("alimi", json!({}), "name"),
        ("schedules", json!({}), "name"),
        ("p", json!({ "name": "other" }), "name"),
        ("p", json!({ "keys": "k" }), "keys"),
        ("p", json!({ "tokens": [] }), "tokens"),
        ("p", json!({ "principals": "shop" }), "principals"),
        ("p", json!({ "principals": ["a", an_arn] }), "principals[1]"),
        ("p", json!({ "principals": [""] }), "principals[0]"),
        ("p", json!({ "grants": { "priority_min": -1 } }), "grants.priority_min"),
        ("p", json!({ "grants": { "templates": "all" } }), "grants.templates"),
        ("p", json!({ "grants": { "quota": 1 } }), "grants.quota"),
    ] {
        let path = format!("/v1/producers/{name}");
        let answer = world.operate("PUT", &path, &[CREATE], with(good.clone(), &changes)).await;
        assert_eq!(status_and_field(&answer), (422, field), "{name} {changes}: {}", answer.body);
        assert_eq!(get(&world, &path).await.status, 404, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_invalid_schedule_is_refused_with_the_field_at_fault() {
    let world = scheduled_world().await;
    for (changes, field) in [
        (json!({ "expression": "cron(0 25 * * ? *)" }), "expression"),
        (json!({ "expression": "every day" }), "expression"),
        (json!({ "expression": null }), "expression"),
        (json!({ "expression": "at(2026-03-02T09:59:59)" }), "expression"),
        (json!({ "expression": "cron(0 11 30 2 ? *)" }), "expression"),
        (json!({ "timezone": "Seoul" }), "timezone"),
        (json!({ "template": "nope" }), "template"),
        (json!({ "audience": "nobody" }), "audience"),
        (json!({ "channel": "nowhere" }), "channel"),
        (json!({ "producer": "nobody" }), "producer"),
        (json!({ "priority": 0 }), "priority"),
        (json!({ "priority": 10_000 }), "priority"),
        (json!({ "catch_up": "maybe" }), "catch_up"),
        (json!({ "starts_at": "2026-01-01T00:00:00Z" }), "starts_at"),
        (json!({ "when": "now" }), "when"),
    ] {
        let body = with(daily(), &changes);
        let answer = world.operate("PUT", "/v1/schedules/bad", &[CREATE], &body).await;
        assert_eq!(status_and_field(&answer), (422, field), "{changes}: {}", answer.body);
    }
    assert_eq!(status_and_field(&get(&world, "/v1/schedules/bad").await), (404, "name"));
}
