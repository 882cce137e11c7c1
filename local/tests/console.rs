//! What operators may change, what they are refused, and what they get to hear.
#![expect(clippy::expect_used, reason = "helpers fail the test that called them")]

use std::time::Duration;

use alimi::delivery::Audiences;
use alimi::domain::hours::Window;
use alimi::domain::{RunKey, Schedule};
use alimi::ports::WakeGroup;
use alimi::ports::scheduling::{Members, Uploads};
use alimi_local::catalog_file::CatalogFile;
use alimi_local::embedded::DatabaseFault;
use alimi_local::world::{Answer, Doom, World, WorldSettings, operate};
use serde_json::{Value, json};

const CREATE: (&str, &str) = ("if-none-match", "*");
const CSV: (&str, &str) = ("content-type", "text/csv; charset=utf-8");
const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");

async fn world() -> World {
    World::new(WorldSettings::default()).await
}

/// A world with an audience and a schedule that sends photo requests to it every day at eleven.
async fn scheduled_world() -> World {
    let world = world().await;
    create(&world, "/v1/audiences/teachers", json!({ "source": { "kind": "members" } })).await;
    create(&world, "/v1/schedules/daily", daily()).await;
    world
}

fn daily() -> Value {
    json!({
        "expression": "cron(0 11 * * ? *)",
        "template": "photo-and-video",
        "audience": "teachers",
    })
}

fn with(mut body: Value, changes: &Value) -> Value {
    if let (Value::Object(body), Value::Object(changes)) = (&mut body, changes) {
        body.extend(changes.clone());
        body.retain(|_, value| !value.is_null());
    }
    body
}

async fn get(world: &World, path: &str) -> Answer {
    world.operate("GET", path, &[], "").await
}

async fn create(world: &World, path: &str, body: Value) -> Answer {
    let answer = world.operate("PUT", path, &[CREATE], body).await;
    assert_eq!(answer.status, 201, "{path}: {}", answer.body);
    answer
}

async fn change(world: &World, path: &str, body: &Value) -> Answer {
    let etag = get(world, path).await.etag.expect("an ETag");
    world.operate("PUT", path, &[("if-match", &etag)], body).await
}

async fn delete(world: &World, path: &str) -> Answer {
    let etag = get(world, path).await.etag.expect("an ETag");
    world.operate("DELETE", path, &[("if-match", &etag)], "").await
}

/// A text of this many lines.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().concat()
}

fn told(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.body["field"].as_str().unwrap_or_default())
}

fn detail(answer: &Answer) -> &str {
    answer.body["detail"].as_str().unwrap_or_default()
}

async fn upload(world: &World, query: &str, format: (&str, &str), body: &str) -> Answer {
    let path = format!("/v1/audiences/teachers/members{query}");
    world.operate("POST", &path, &[format], body).await
}

/// Ids and lines of the members that hold, in order.
async fn members(world: &World) -> Vec<(String, u64)> {
    let audience = get(world, "/v1/audiences/teachers").await.body;
    let Some(version) = audience["source"]["version"].as_str() else { return vec![] };
    let members = world.store.members("teachers", version, None, 10_000).await.expect("members");
    members.into_iter().map(|member| (member.member.id, member.line)).collect()
}

// ------------------------------------------------------------------------------------- Documents

#[tokio::test(start_paused = true)]
async fn a_catalog_file_leaves_a_channel_paused_and_is_checked_against_the_stored_hours() {
    let world = world().await;
    let text = WorldSettings::default().catalog;
    let path = "/v1/channels/alimtalk-main";
    let paused = world.operate("POST", &format!("{path}/pause"), &[], "").await;
    assert_eq!(paused.body["paused"], true);
    let file = CatalogFile::read(&text).expect("the file");
    file.apply(&world.store).await.expect("it is stored");
    assert_eq!(get(&world, path).await.body["paused"], true);

    // The file has no hours of its own; the stored ones leave its template none.
    let evening = json!({ "scheduled": { "from": "08:00", "to": "22:00" } });
    create(&world, "/v1/hours/stack", evening).await;
    let mut file = CatalogFile::read(&text).expect("the file");
    file.hours = None;
    let window = |from, to| Window::new(from, to).expect("a window");
    for (from, to, holds) in [("20:00", "20:30", true), ("22:00", "23:00", false)] {
        for template in file.templates.values_mut() {
            template.window = Some(window(from, to));
        }
        assert_eq!(file.apply(&world.store).await.is_ok(), holds, "{from}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_read_can_be_changed_and_put_back() {
    let world = scheduled_world().await;
    for path in
        ["/v1/channels/alimtalk-main", "/v1/templates/photo-and-video", "/v1/schedules/daily"]
    {
        let read = get(&world, path).await;
        let etag = read.etag.expect("an ETag");
        let put = world.operate("PUT", path, &[("if-match", &etag)], &read.body).await;
        assert_eq!((put.status, &put.body), (200, &read.body), "{path}");
        assert_eq!(put.etag.as_deref(), Some("\"2\""), "{path}");
    }
    let page = get(&world, "/v1/templates?limit=1").await.body;
    assert_eq!(page["items"][0]["name"], "consultation-start");
    assert_eq!(page["next"], "consultation-start");
    let page = get(&world, "/v1/templates?limit=1&after=consultation-start").await.body;
    assert_eq!(page["items"][0]["name"], "photo-and-video");
    assert_eq!(page["items"][0]["changed_by"], "local");
    let page = get(&world, "/v1/templates?after=photo-and-video").await.body;
    assert_eq!(page, json!({ "items": [] }));
}

#[tokio::test(start_paused = true)]
async fn of_two_who_change_the_same_revision_one_wins_and_the_other_is_told() {
    let world = scheduled_world().await;
    let etag = get(&world, "/v1/schedules/daily").await.etag.expect("an ETag");
    let put = |hour: u8| {
        let expression = format!("cron(0 {hour} * * ? *)");
        let body = with(daily(), &json!({ "expression": expression }));
        let (world, etag) = (&world, etag.clone());
        async move { world.operate("PUT", "/v1/schedules/daily", &[("if-match", &etag)], body).await }
    };
    let answers = futures::future::join_all([put(12), put(13), put(14)]).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:#?}");
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(told(lost), (412, "If-Match"));
        assert_eq!(lost.etag.as_deref(), Some("\"2\""), "the revision to look at");
    }
    let read = get(&world, "/v1/schedules/daily").await;
    assert_eq!((&read.body, read.etag), (&won[0].body, Some("\"2\"".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_change_has_to_say_what_it_relies_on() {
    let world = scheduled_world().await;
    let path = "/v1/schedules/daily";
    for (headers, status, field) in [
        (&[][..], 428, "If-Match"),
        (&[("if-match", "1")], 400, "If-Match"),
        (&[("if-match", "W/\"1\"")], 400, "If-Match"),
        (&[("if-match", "*")], 400, "If-Match"),
        (&[("if-match", "\"1\""), CREATE], 400, "If-None-Match"),
        (&[("if-none-match", "\"1\"")], 400, "If-None-Match"),
        (&[("if-match", "\"7\"")], 412, "If-Match"),
        (&[CREATE], 412, "If-Match"),
    ] {
        let put = world.operate("PUT", path, headers, daily()).await;
        assert_eq!(told(&put), (status, field), "{headers:?}");
        let deleted = world.operate("DELETE", path, headers, "").await;
        assert_eq!(told(&deleted), (status, field), "{headers:?}");
    }
    let put = world.operate("PUT", "/v1/schedules/new", &[("if-match", "\"1\"")], daily()).await;
    assert_eq!((told(&put), &put.etag), ((412, "If-Match"), &None));
    let gone = world.operate("DELETE", "/v1/schedules/new", &[("if-match", "\"1\"")], "").await;
    assert_eq!(told(&gone), (404, "name"));
    assert_eq!(get(&world, path).await.etag.as_deref(), Some("\"1\""), "nothing was changed");
}

#[tokio::test(start_paused = true)]
async fn the_history_tells_who_changed_what_and_no_revision_is_used_twice() {
    let world = scheduled_world().await;
    let kim = world.stack.console_called_by(|_| Some("kim".to_owned()));
    let lee = world.stack.console_called_by(|_| Some("lee".to_owned()));
    let path = "/v1/schedules/daily";
    let first = with(daily(), &json!({ "enabled": false }));
    let put = operate(kim.clone(), "PUT", path, &[("if-match", "\"1\"")], first.to_string()).await;
    assert_eq!(put.status, 200, "{}", put.body);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let gone = operate(lee.clone(), "DELETE", path, &[("if-match", "\"2\"")], String::new()).await;
    assert_eq!(gone.status, 204);
    assert_eq!(told(&get(&world, path).await), (404, "name"));

    let anew = operate(kim, "PUT", path, &[CREATE], daily().to_string()).await;
    assert_eq!((anew.status, anew.etag.as_deref()), (201, Some("\"4\"")));
    let stale = operate(lee, "PUT", path, &[("if-match", "\"2\"")], daily().to_string()).await;
    assert_eq!(stale.status, 412, "whoever read the first one cannot overwrite the second");

    let history = get(&world, "/v1/schedules/daily/history").await.body;
    let items = history["items"].as_array().expect("items");
    let of = |name: &str| items.iter().map(|item| item[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("revision"), [4, 3, 2, 1]);
    assert_eq!(of("changed_by"), ["kim", "lee", "kim", "local"]);
    assert_eq!(of("deleted"), [false, true, false, false]);
    assert_eq!(items[2]["document"]["enabled"], false);
    assert!(items[1].get("document").is_none());
    assert!(items[1]["changed_at"].as_str() > items[2]["changed_at"].as_str(), "{history:#}");

    let channel = get(&world, "/v1/channels/alimtalk-main/history").await.body;
    assert_eq!(channel["items"][0]["changed_by"], "catalog file");
    assert_eq!(told(&get(&world, "/v1/channels/nobody/history").await), (404, "name"));
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_answer_is_lost_is_made_once() {
    let world = scheduled_world().await;
    // Each request of the change in turn.
    for requests in 0..12 {
        let path = "/v1/schedules/daily";
        let before = get(&world, path).await.etag.expect("an ETag");
        world.faults.pass(requests);
        world.faults.add(DatabaseFault::AnswerLost);
        let put = world.operate("PUT", path, &[("if-match", &before)], daily()).await;
        world.faults.clear();
        assert_eq!(put.status, 200, "{requests}: {}", put.body);
        assert_eq!(get(&world, path).await.etag, put.etag);
    }
    let history = get(&world, "/v1/schedules/daily/history").await.body;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(13));
}

#[tokio::test(start_paused = true)]
async fn every_bad_channel_is_refused_by_its_field() {
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
        (json!({ "secret": "" }), "secret"),
    ] {
        let answer = change(&world, path, &with(good.clone(), &changes)).await;
        assert_eq!(told(&answer), (422, field), "{changes}: {}", answer.body);
        assert!(!detail(&answer).is_empty());
    }
    assert_eq!(get(&world, path).await.body, good);
    let bad_name = world.operate("PUT", "/v1/channels/A%20b", &[CREATE], &good).await;
    assert_eq!(told(&bad_name), (422, "name"));
}

#[tokio::test(start_paused = true)]
async fn every_bad_template_audience_and_window_is_refused_by_its_field() {
    let world = world().await;
    let template = json!({ "channel": "alimtalk-main", "category": "advertising", "body": "b" });
    let members = json!({ "source": { "kind": "members" } });
    let hours = json!({ "scheduled": { "from": "09:00", "to": "18:00" } });
    let window = |from: &str, to: &str| json!({ "from": from, "to": to });
    for (path, body, changes, field) in [
        ("templates/t", &template, json!({ "channel": "nowhere" }), "channel"),
        ("templates/t", &template, json!({ "category": "urgent" }), "category"),
        ("templates/t", &template, json!({ "body": " " }), "body"),
        ("templates/t", &template, json!({ "body": null }), "body"),
        ("templates/t", &template, json!({ "body": "Dear #{name, hello" }), "body"),
        (
            "templates/t",
            &template,
            json!({ "body": "#{a}", "fallback": { "type": "sms", "body": "#{" } }),
            "fallback.body",
        ),
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
        assert_eq!(told(&answer), (422, field), "{path} {changes}: {}", answer.body);
    }
    let answer = world.operate("PUT", "/v1/templates/t", &[CREATE], "{").await;
    assert_eq!(told(&answer), (400, "body"));
    let huge = format!("\"{}\"", "x".repeat(alimi_console::DOCUMENT_BYTES_MAX));
    let answer = world.operate("PUT", "/v1/templates/t", &[CREATE], huge).await;
    assert_eq!(told(&answer), (413, "body"));
}

#[tokio::test(start_paused = true)]
async fn hours_that_leave_a_template_none_are_refused_whoever_changes_them() {
    let world = world().await;
    let evening = json!({
        "channel": "alimtalk-main", "category": "informational", "body": "b",
        "window": { "from": "17:00", "to": "19:00" },
    });
    create(&world, "/v1/templates/evening", evening).await;
    let narrow = json!({ "scheduled": { "from": "10:00", "to": "17:00" } });
    let answer = world.operate("PUT", "/v1/hours/stack", &[CREATE], &narrow).await;
    assert_eq!(told(&answer), (422, "scheduled"));
    assert!(detail(&answer).contains("evening"), "{}", answer.body);

    let path = "/v1/channels/alimtalk-main";
    let morning = json!({ "window": { "from": "08:00", "to": "12:00" } });
    let morning = with(get(&world, path).await.body, &morning);
    assert_eq!(told(&change(&world, path, &morning).await), (422, "window"));

    // Nothing of the default hours is left to this one, so they cannot come back.
    let late = json!({ "scheduled": { "from": "10:00", "to": "22:00" } });
    create(&world, "/v1/hours/stack", late).await;
    let night = json!({ "window": { "from": "20:00", "to": "21:00" } });
    let night = with(get(&world, "/v1/templates/evening").await.body, &night);
    assert_eq!(change(&world, "/v1/templates/evening", &night).await.status, 200);
    assert_eq!(told(&delete(&world, "/v1/hours/stack").await), (422, "scheduled"));
    assert_eq!(delete(&world, "/v1/templates/evening").await.status, 204);
    assert_eq!(delete(&world, "/v1/hours/stack").await.status, 204);
    assert!(detail(&get(&world, "/v1/hours/stack").await).contains("10:00–19:00"));
}

#[tokio::test(start_paused = true)]
async fn every_bad_schedule_is_refused_by_its_field() {
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
        (json!({ "priority": 0 }), "priority"),
        (json!({ "priority": 10_000 }), "priority"),
        (json!({ "catch_up": "maybe" }), "catch_up"),
        (json!({ "starts_at": "2026-01-01T00:00:00Z" }), "starts_at"),
        (json!({ "when": "now" }), "when"),
    ] {
        let body = with(daily(), &changes);
        let answer = world.operate("PUT", "/v1/schedules/bad", &[CREATE], &body).await;
        assert_eq!(told(&answer), (422, field), "{changes}: {}", answer.body);
    }
    assert_eq!(told(&get(&world, "/v1/schedules/bad").await), (404, "name"));
}

#[tokio::test(start_paused = true)]
async fn a_schedule_at_dawn_is_refused_with_its_first_time_and_accepted_when_it_may_wait() {
    let world = scheduled_world().await;
    let path = "/v1/schedules/dawn";
    let dawn = with(daily(), &json!({ "expression": "cron(30 4 * * ? *)" }));
    let refused = world.operate("PUT", path, &[CREATE], &dawn).await;
    assert_eq!(told(&refused), (422, "expression"));
    assert!(detail(&refused).contains("2026-03-03T04:30:00+09:00"), "{}", refused.body);
    assert!(detail(&refused).contains("10:00–19:00"), "{}", refused.body);

    let waiting = with(dawn, &json!({ "outside_window": "defer" }));
    create(&world, path, waiting).await;
    let preview = get(&world, "/v1/schedules/dawn/preview").await.body;
    assert_eq!(preview["times"][0]["at"], "2026-03-03T04:30:00+09:00");
    assert_eq!(preview["times"][0]["decision"], "wait");
    assert_eq!(preview["times"][0]["until"], "2026-03-03T10:00:00+09:00");

    // The end of the window is outside it, and its beginning is inside.
    let evening = with(daily(), &json!({ "expression": "cron(0 19 * * ? *)" }));
    assert_eq!(world.operate("PUT", "/v1/schedules/e", &[CREATE], &evening).await.status, 422);
    let opening = with(daily(), &json!({ "expression": "cron(0 10 * * ? *)" }));
    create(&world, "/v1/schedules/o", opening).await;
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_falls_outside_when_the_clocks_change_is_refused_with_that_day() {
    let world = scheduled_world().await;
    // 20:30 in New York is 10:30 in Seoul in winter, and 09:30 from 8 March 2026 on.
    let changes = json!({ "expression": "cron(30 20 * * ? *)", "timezone": "America/New_York" });
    let york = with(daily(), &changes);
    let refused = world.operate("PUT", "/v1/schedules/york", &[CREATE], &york).await;
    assert_eq!(told(&refused), (422, "expression"));
    assert!(detail(&refused).contains("2026-03-08T20:30:00-04:00"), "{}", refused.body);

    let later = with(york, &json!({ "expression": "cron(30 21 * * ? *)" }));
    create(&world, "/v1/schedules/york", later).await;
    let times = get(&world, "/v1/schedules/york/preview").await.body["times"].clone();
    assert_eq!(times[0]["at"], "2026-03-01T21:30:00-05:00");
    assert!(times.as_array().is_some_and(|times| times.iter().all(|t| t["decision"] == "send")));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_would_shut_a_schedule_out_is_refused_with_its_first_time() {
    // Every day at eleven in Seoul.
    let world = scheduled_world().await;
    let window = |from: &str, to: &str| json!({ "from": from, "to": to });
    let (channel, template) = ("/v1/channels/alimtalk-main", "/v1/templates/photo-and-video");
    let late =
        with(get(&world, channel).await.body, &json!({ "window": window("12:00", "19:00") }));
    create(&world, "/v1/channels/late", with(late, &json!({ "name": "late" }))).await;
    create(&world, "/v1/hours/stack", json!({ "advertising": window("12:00", "19:00") })).await;
    for (path, changes, field) in [
        (channel, json!({ "window": window("12:00", "19:00") }), "window"),
        (channel, json!({ "timezone": "America/New_York" }), "timezone"),
        (template, json!({ "window": window("12:00", "19:00") }), "window"),
        (template, json!({ "category": "advertising" }), "category"),
        (template, json!({ "channel": "late" }), "channel"),
        ("/v1/hours/stack", json!({ "scheduled": window("12:00", "19:00") }), "scheduled"),
    ] {
        let before = get(&world, path).await.body;
        let changed = with(before.clone(), &changes);
        let refused = change(&world, path, &changed).await;
        assert_eq!(told(&refused), (422, field), "{path} {changes}: {}", refused.body);
        assert!(detail(&refused).contains("the schedule daily"), "{}", refused.body);
        assert!(detail(&refused).contains("2026-03-02T11:00:00+09:00"), "{}", refused.body);
        // What has nothing to do with hours is not held up.
        assert_eq!(change(&world, path, &before).await.status, 200);
    }
    let narrow =
        with(get(&world, template).await.body, &json!({ "window": window("12:00", "19:00") }));
    let waiting = with(daily(), &json!({ "outside_window": "defer" }));
    assert_eq!(change(&world, "/v1/schedules/daily", &waiting).await.status, 200);
    assert_eq!(change(&world, template, &narrow).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_hours_is_not_held_up_by_what_it_does_not_touch() {
    let world = scheduled_world().await;
    let window = |from: &str, to: &str| json!({ "window": { "from": from, "to": to } });
    // Switched off, it fires at no time that could be shut out; until it is switched on.
    let off = with(daily(), &json!({ "expression": "cron(0 18 * * ? *)", "enabled": false }));
    create(&world, "/v1/schedules/off", off.clone()).await;
    let channel = "/v1/channels/alimtalk-main";
    let narrow = with(get(&world, channel).await.body, &window("10:00", "17:00"));
    assert_eq!(change(&world, channel, &narrow).await.status, 200);
    let on = with(off, &json!({ "enabled": true }));
    assert_eq!(told(&change(&world, "/v1/schedules/off", &on).await), (422, "expression"));

    // Outside its window already, by whatever way: that is no fault of what is changed now. What
    // was inside is still not shut out.
    let dawn = with(daily(), &json!({ "expression": "cron(30 4 * * ? *)", "name": "dawn" }));
    let dawn: Schedule = serde_json::from_value(dawn).expect("a schedule");
    world.store.put_schedule(&dawn).await.expect("stored");
    let body = json!({ "channel": "alimtalk-main", "category": "informational", "body": "b" });
    create(&world, "/v1/templates/other", body.clone()).await;
    let other = with(body, &window("11:00", "17:00"));
    assert_eq!(change(&world, "/v1/templates/other", &other).await.status, 200);
    let photo = "/v1/templates/photo-and-video";
    let photos = get(&world, photo).await.body;
    let own = with(photos.clone(), &window("10:00", "16:00"));
    assert_eq!(change(&world, photo, &own).await.status, 200);
    let late = change(&world, photo, &with(photos, &window("12:00", "16:00"))).await;
    assert_eq!(told(&late), (422, "window"));
    assert!(detail(&late).contains("the schedule daily"), "{}", late.body);
}

#[tokio::test(start_paused = true)]
async fn the_stacks_hours_become_wider_though_a_schedule_is_outside_them_already() {
    let world = scheduled_world().await;
    let both = json!({ "expression": "cron(30 4,11 * * ? *)", "name": "both" });
    let both: Schedule = serde_json::from_value(with(daily(), &both)).expect("a schedule");
    world.store.put_schedule(&both).await.expect("stored");
    let hours = |from: &str, to: &str| json!({ "scheduled": { "from": from, "to": to } });
    create(&world, "/v1/hours/stack", hours("09:00", "19:00")).await;
    assert_eq!(change(&world, "/v1/hours/stack", &hours("08:00", "20:00")).await.status, 200);
    // Its other time was inside.
    let narrow = change(&world, "/v1/hours/stack", &hours("11:00", "11:20")).await;
    assert_eq!(told(&narrow), (422, "scheduled"));
    assert!(detail(&narrow).contains("2026-03-02T11:30:00+09:00"), "{}", narrow.body);
}

/// The lanes are listed after the save, which holds by then.
#[tokio::test(start_paused = true)]
async fn hours_that_are_saved_are_never_answered_as_if_they_were_not() {
    let hours = json!({ "scheduled": { "from": "09:00", "to": "19:00" } });
    let (mut saved, mut refused) = (0, 0);
    for requests in 0..20 {
        let world = world().await;
        world.faults.pass(requests);
        (0..60).for_each(|_| world.faults.add(DatabaseFault::Refused));
        let answer = world.operate("PUT", "/v1/hours/stack", &[CREATE], &hours).await;
        world.faults.clear();
        let is_saved = get(&world, "/v1/hours/stack").await.etag.is_some();
        let status = if is_saved { 201 } else { 503 };
        assert_eq!(answer.status, status, "after {requests} requests: {}", answer.body);
        *(if is_saved { &mut saved } else { &mut refused }) += 1;
    }
    assert!(saved > 2 && refused > 2, "{saved} saved, {refused} refused");
}

#[tokio::test(start_paused = true)]
async fn lanes_are_woken_when_the_stacks_hours_change_and_when_they_are_deleted() {
    let world = world().await;
    let hours = json!({ "scheduled": { "from": "11:00", "to": "19:00" } });
    create(&world, "/v1/hours/stack", hours).await;
    let sent = world.queue.sent();
    assert!(sent > 0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(delete(&world, "/v1/hours/stack").await.status, 204);
    assert!(world.queue.sent() > sent, "nobody was told that the defaults hold");
}

#[tokio::test(start_paused = true)]
async fn the_default_hours_do_not_come_back_over_a_schedule() {
    let world = scheduled_world().await;
    create(&world, "/v1/hours/stack", json!({ "scheduled": { "from": "08:00", "to": "19:00" } }))
        .await;
    let early = with(daily(), &json!({ "expression": "cron(0 9 * * ? *)" }));
    assert_eq!(change(&world, "/v1/schedules/daily", &early).await.status, 200);
    let refused = delete(&world, "/v1/hours/stack").await;
    assert_eq!(told(&refused), (422, "scheduled"));
    assert!(detail(&refused).contains("2026-03-03T09:00:00+09:00"), "{}", refused.body);
    let off = with(early, &json!({ "enabled": false }));
    assert_eq!(change(&world, "/v1/schedules/daily", &off).await.status, 200);
    assert_eq!(delete(&world, "/v1/hours/stack").await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_keeps_its_start_when_it_is_changed() {
    let world = scheduled_world().await;
    let path = "/v1/schedules/daily";
    let start = get(&world, path).await.body["starts_at"].clone();
    assert!(
        start.as_str().is_some_and(|start| start.starts_with("2026-03-02T01:00:00")),
        "{start}"
    );
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let changed = change(&world, path, &with(daily(), &json!({ "enabled": false }))).await;
    assert_eq!((changed.status, &changed.body["starts_at"]), (200, &start));
    let moved = with(daily(), &json!({ "starts_at": "2026-03-02T09:00:00Z" }));
    assert_eq!(told(&change(&world, path, &moved).await), (422, "starts_at"));
}

#[tokio::test(start_paused = true)]
async fn what_is_used_cannot_be_deleted_and_what_uses_it_is_named() {
    let world = scheduled_world().await;
    for (path, user) in [
        ("/v1/channels/alimtalk-main", "the template consultation-start"),
        ("/v1/templates/photo-and-video", "the schedule daily"),
        ("/v1/audiences/teachers", "the schedule daily"),
    ] {
        let refused = delete(&world, path).await;
        assert_eq!(told(&refused), (409, "name"), "{path}");
        assert!(detail(&refused).contains(user), "{path}: {}", refused.body);
    }
    for path in [
        "/v1/schedules/daily",
        "/v1/audiences/teachers",
        "/v1/templates/photo-and-video",
        "/v1/templates/consultation-start",
        "/v1/channels/alimtalk-main",
    ] {
        assert_eq!(delete(&world, path).await.status, 204, "{path}");
        assert_eq!(told(&get(&world, path).await), (404, "name"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_of_many_users_is_found() {
    let world = scheduled_world().await;
    create(&world, "/v1/audiences/others", json!({ "source": { "kind": "members" } })).await;
    for n in 0..120 {
        let audience = if n == 119 { "others" } else { "teachers" };
        let one = json!({ "name": format!("s{n:03}"), "audience": audience });
        let one: Schedule = serde_json::from_value(with(daily(), &one)).expect("a schedule");
        world.store.put_schedule(&one).await.expect("stored");
    }
    let refused = delete(&world, "/v1/audiences/others").await;
    assert_eq!(told(&refused), (409, "name"));
    assert!(detail(&refused).contains("the schedule s119"), "{}", refused.body);
}

#[tokio::test(start_paused = true)]
async fn a_channel_whose_lane_holds_messages_is_not_deleted() {
    let advertising = json!({
        "channel": "alimtalk-main", "category": "advertising", "body": "b", "code": "c",
    });
    // Exempt and ready; of a window class; waiting for a time.
    for (category, not_before, what) in [
        ("informational", None, "their turn"),
        ("advertising", None, "their turn"),
        ("informational", Some("2026-03-05T12:00:00+09:00"), "their time"),
    ] {
        let world = world().await;
        let template = with(advertising.clone(), &json!({ "category": category }));
        create(&world, "/v1/templates/t", template).await;
        let mut message = json!({
            "template": "t", "to": { "id": "m", "phone": "010-1234-5678" },
        });
        if let Some(not_before) = not_before {
            message["not_before"] = json!(not_before);
        }
        let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), message).await;
        assert_eq!(status.as_u16(), 202, "{answer}");
        for template in ["consultation-start", "photo-and-video", "t"] {
            assert_eq!(delete(&world, &format!("/v1/templates/{template}")).await.status, 204);
        }
        let refused = delete(&world, "/v1/channels/alimtalk-main").await;
        assert_eq!(told(&refused), (409, "name"), "{category} {not_before:?}");
        assert!(detail(&refused).contains(what), "{}", refused.body);

        if not_before.is_none() {
            world.start_senders();
            tokio::time::sleep(Duration::from_millis(300)).await;
            let refused = delete(&world, "/v1/channels/alimtalk-main").await;
            assert_eq!(told(&refused), (409, "name"), "its receipt is awaited: {}", refused.body);
            world.settle(Duration::from_secs(3600)).await;
            assert_eq!(delete(&world, "/v1/channels/alimtalk-main").await.status, 204);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_paths_methods_and_parameters_are_told_as_problems() {
    let world = world().await;
    for (method, path, status, field) in [
        ("GET", "/v1/faxes", 404, "path"),
        ("GET", "/v1/channels/%FF", 404, "name"),
        ("GET", "/v1/channels/A", 404, "name"),
        ("POST", "/v1/channels", 405, "method"),
        ("POST", "/v1/hours/stack", 405, "method"),
        ("GET", "/v1/channels?limit=0", 400, "limit"),
        ("GET", "/v1/channels?limit=x", 400, "limit"),
        ("GET", "/v1/channels?after=%23", 400, "after"),
        ("GET", "/v1/channels?sort=name", 400, "sort"),
        ("GET", "/v1/schedules/none/preview", 404, "name"),
        ("POST", "/v1/schedules/none/dry-run", 404, "name"),
        ("GET", "/v1/schedules/none/runs", 404, "name"),
        ("POST", "/v1/channels/none/pause", 404, "name"),
        ("GET", "/v1/audiences/none/members", 405, "method"),
    ] {
        let answer = world.operate(method, path, &[], "").await;
        assert_eq!(told(&answer), (status, field), "{method} {path}");
    }
    let nobody = world.stack.console_called_by(|_| None);
    for (method, path) in [
        ("GET", "/v1/channels"),
        ("GET", "/v1/channels/alimtalk-main"),
        ("PUT", "/v1/channels/alimtalk-main"),
        ("DELETE", "/v1/channels/alimtalk-main"),
        ("GET", "/v1/channels/alimtalk-main/history"),
        ("POST", "/v1/channels/alimtalk-main/pause"),
        ("POST", "/v1/audiences/a/members"),
        ("GET", "/v1/schedules/s/preview"),
        ("POST", "/v1/schedules/s/dry-run"),
        ("GET", "/v1/schedules/s/runs"),
    ] {
        let answer = operate(nobody.clone(), method, path, &[], String::new()).await;
        assert_eq!(told(&answer), (403, "Authorization"), "{method} {path}");
    }
}

// -------------------------------------------------------------------------------------- Channels

#[tokio::test(start_paused = true)]
async fn a_paused_channel_sends_nothing_and_a_resumed_one_is_woken_at_once() {
    let world = world().await;
    let path = "/v1/channels/alimtalk-main";
    for _ in 0..2 {
        let paused = world.operate("POST", &format!("{path}/pause"), &[], "").await;
        assert_eq!((paused.status, &paused.body["paused"]), (200, &json!(true)));
        assert_eq!(paused.etag.as_deref(), Some("\"2\""), "pausing twice is pausing once");
    }
    let body = json!({
        "template": "photo-and-video", "to": { "id": "t", "phone": "010-1234-5678" },
        "variables": { "name": "n", "code": "c" },
    });
    world.produce("POST", "/v1/notifications", Some("k"), body).await;
    world.stack.drain.drain("alimtalk-main", WakeGroup::Zero, None).await.expect("drained");
    assert!(world.simulator.arrivals().is_empty());

    world.start_senders();
    tokio::time::sleep(Duration::from_secs(30)).await;
    let resumed = world.operate("POST", &format!("{path}/resume"), &[], "").await;
    assert_eq!((resumed.status, &resumed.body["paused"]), (200, &json!(false)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!world.simulator.arrivals().is_empty(), "it did not wait for the sweeper");
    let history = get(&world, &format!("{path}/history")).await.body;
    assert_eq!(history["items"][0]["document"]["paused"], false);
    assert_eq!(history["items"][1]["document"]["paused"], true);
}

/// Neither loses the other's change, whoever comes first.
#[tokio::test(start_paused = true)]
async fn a_channel_is_paused_while_somebody_else_changes_it() {
    let path = "/v1/channels/alimtalk-main";
    let mut both = 0;
    for wait_ms in 0..40 {
        let world = world().await;
        let slower = with(get(&world, path).await.body, &json!({ "limit": { "per_second": 7 } }));
        let pause = async {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            world.operate("POST", &format!("{path}/pause"), &[], "").await
        };
        let (changed, paused) = futures::future::join(change(&world, path, &slower), pause).await;
        assert_eq!(paused.status, 200, "{wait_ms} ms: {}", paused.body);
        let read = get(&world, path).await.body;
        assert_eq!(read["paused"], true, "{wait_ms} ms");
        if changed.status == 200 {
            assert_eq!(read["limit"]["per_second"], 7, "{wait_ms} ms");
            both += 1;
        } else {
            assert_eq!(told(&changed), (412, "If-Match"), "{wait_ms} ms");
        }
    }
    assert!((1..40).contains(&both), "{both} of 40 changes were made");
}

// --------------------------------------------------------------------------------------- Uploads

#[tokio::test(start_paused = true)]
async fn members_come_as_csv_and_as_ndjson_and_the_last_upload_holds() {
    let world = scheduled_world().await;
    let csv = "id,phone,timezone,name\r\nt2,010-1234-0002,,이\r\nt1,01012340001,Asia/Tokyo,\"김, 하나\"\r\n";
    let answer = upload(&world, "", CSV, csv).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    for (name, value) in [
        ("members", json!(2)),
        ("bad_lines", json!([])),
        ("bad_line_count", json!(0)),
        ("doubled", json!(0)),
        ("committed", json!(true)),
        ("size", json!(2)),
        ("next_line", json!(4)),
    ] {
        assert_eq!(answer.body[name], value, "{name}");
    }
    assert_eq!(members(&world).await, [("t1".into(), 3), ("t2".into(), 2)]);
    let version = answer.body["version"].as_str().expect("a version");
    let stored = world.store.members("teachers", version, None, 1).await.expect("members");
    let first = &stored[0].member;
    assert_eq!(first.phone.as_deref(), Some("01012340001"));
    assert_eq!(first.timezone.as_deref(), Some("Asia/Tokyo"));
    assert_eq!(first.variables["name"], "김, 하나");
    assert_eq!(stored.len(), 1, "as many as were asked for");

    let ndjson =
        "{\"id\":\"t3\",\"phone\":\"010-1234-0003\",\"variables\":{\"name\":\"박\",\"n\":1}}\n";
    let answer = upload(&world, "", NDJSON, ndjson).await;
    assert_eq!((answer.status, &answer.body["size"]), (200, &json!(1)), "{}", answer.body);
    assert_eq!(members(&world).await, [("t3".into(), 1)]);
    let history = get(&world, "/v1/audiences/teachers/history").await.body;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(history["items"][1]["document"]["source"]["version"], version);
}

#[tokio::test(start_paused = true)]
async fn bad_lines_are_named_and_the_others_are_stored() {
    let world = scheduled_world().await;
    // What is there twice is known last, and named in its place.
    let csv = "id,phone,timezone\n\
               t1,01012340001,\n\
               t1,01012340006,\n\
               ,01012340002,\n\
               t3,call me,\n\
               t4,01012340004,Seoul\n\
               t5,01012340005\n\
               t7,01012340007,Asia/Seoul\n";
    let answer = upload(&world, "", CSV, csv).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["members"], 2);
    assert_eq!((&answer.body["bad_line_count"], &answer.body["doubled"]), (&json!(5), &json!(1)));
    let bad = answer.body["bad_lines"].as_array().expect("bad lines");
    let named: Vec<_> =
        bad.iter().map(|line| (line["line"].as_u64(), line["field"].as_str())).collect();
    assert_eq!(
        named,
        [
            (Some(3), Some("id")),
            (Some(4), Some("id")),
            (Some(5), Some("phone")),
            (Some(6), Some("timezone")),
            (Some(7), None),
        ]
    );
    assert!(!answer.body.to_string().contains("call me"), "nothing of a member is quoted");
    assert_eq!(members(&world).await, [("t1".into(), 2), ("t7".into(), 8)]);

    let many = lines(500, |n| format!("t{n},x,\n"));
    let answer = upload(&world, "", CSV, &format!("id,phone,timezone\nok,,\n{many}")).await;
    assert_eq!(answer.body["bad_line_count"], 500);
    assert_eq!(answer.body["bad_lines"].as_array().map(Vec::len), Some(100));
}

#[tokio::test(start_paused = true)]
async fn repeating_an_upload_changes_nothing() {
    let world = scheduled_world().await;
    let csv = "id,phone\nt1,01012340001\nt2,01012340002\nt1,01012340003\n";
    let first = upload(&world, "", CSV, csv).await;
    let second = upload(&world, "", CSV, csv).await;
    assert_eq!(first.status, 200);
    assert_eq!((second.status, &second.body, &second.etag), (200, &first.body, &first.etag));
    assert_eq!(members(&world).await, [("t1".into(), 2), ("t2".into(), 3)]);
    // Two at once, too.
    let csv = "id\na\nb\n";
    let both = [upload(&world, "", CSV, csv), upload(&world, "", CSV, csv)];
    for answer in futures::future::join_all(both).await {
        assert_eq!((answer.status, &answer.body["size"]), (200, &json!(2)), "{}", answer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_cut_off_or_cannot_be_read_changes_nothing() {
    let world = scheduled_world().await;
    assert_eq!(upload(&world, "", CSV, "id,name\nt1,a\n").await.status, 200);
    let before = get(&world, "/v1/audiences/teachers").await;
    for (format, body) in [
        (CSV, "id,name\nt2,b\nt3,\"open"),
        (CSV, "id,name\nt2,b\nt3"),
        (NDJSON, "{\"id\":\"t2\"}\n{\"id\":\"t3\",\"pho"),
        (CSV, ""),
        (CSV, "name,phone\na,b\n"),
        (CSV, "id,id\na,b\n"),
        (NDJSON, "\n\n"),
    ] {
        for query in ["", "?upload=u&complete=true"] {
            let answer = upload(&world, query, format, body).await;
            assert_eq!(told(&answer), (422, "body"), "{body:?}: {}", answer.body);
        }
    }
    // Every line is bad: garbage does not replace an audience.
    for body in ["\u{1}\u{2}\n}{\n", "[]\n[]\n"] {
        let answer = upload(&world, "", NDJSON, body).await;
        assert_eq!((answer.status, &answer.body["committed"]), (422, &json!(false)));
        assert_eq!(answer.body["bad_line_count"], 2);
    }
    for (format, status) in [(("content-type", "application/json"), 415), (("x", "y"), 415)] {
        assert_eq!(upload(&world, "", format, "id\nt2\n").await.status, status);
    }
    let huge = "x".repeat(alimi_console::UPLOAD_BYTES_MAX + 1);
    let refused = upload(&world, "", CSV, &huge).await;
    assert_eq!(told(&refused), (413, "body"));
    assert!(detail(&refused).contains("6291456 bytes"), "{}", refused.body);
    assert!(detail(&refused).contains("?upload=<name>&first_line="), "{}", refused.body);
    assert_eq!(get(&world, "/v1/audiences/teachers").await, before);
    assert_eq!(members(&world).await, [("t1".into(), 2)]);
}

#[tokio::test(start_paused = true)]
async fn an_upload_in_parts_holds_once_no_line_is_missing() {
    let world = scheduled_world().await;
    let header = "id,phone\n";
    let part = |names: &[&str]| {
        let people = lines(names.len(), |n| format!("{},01012340001\n", names[n]));
        format!("{header}{people}")
    };
    let (first, second, third) = (part(&["a", "b"]), part(&["c", "a"]), part(&["d"]));
    let answer = upload(&world, "?upload=u1", CSV, &first).await;
    assert_eq!((answer.status, &answer.body["committed"]), (200, &json!(false)));
    assert_eq!(answer.body["next_line"], 4);
    assert!(members(&world).await.is_empty());

    // The last one before the second is there.
    let last = "?upload=u1&first_line=7&complete=true";
    let gap = upload(&world, last, CSV, &third).await;
    assert_eq!(told(&gap), (422, "first_line"));
    assert!(detail(&gap).contains("lines 4 to 6 are missing"), "{}", gap.body);
    assert!(members(&world).await.is_empty());

    let answer = upload(&world, "?upload=u1&first_line=4", CSV, &second).await;
    assert_eq!((&answer.body["doubled"], &answer.body["next_line"]), (&json!(1), &json!(7)));
    assert_eq!(answer.body["bad_lines"][0]["line"], 6);
    for _ in 0..2 {
        let answer = upload(&world, last, CSV, &third).await;
        assert_eq!((answer.status, &answer.body["size"]), (200, &json!(4)), "{}", answer.body);
    }
    let all = [("a".into(), 2), ("b".into(), 3), ("c".into(), 5), ("d".into(), 8)];
    assert_eq!(members(&world).await, all);

    // It is complete: nothing is added to it, and no part of it changes.
    let more = upload(&world, "?upload=u1&first_line=9", CSV, &first).await;
    assert_eq!(told(&more), (422, "upload"));
    let other = upload(&world, "?upload=u1", CSV, &second).await;
    assert_eq!(told(&other), (422, "first_line"));
    assert_eq!(members(&world).await, all);
    // A part is repeated harmlessly, and the last one stays the last.
    assert_eq!(upload(&world, "?upload=u1", CSV, &first).await.status, 200);
    let again = upload(&world, "?upload=u1&first_line=7", CSV, &third).await;
    assert_eq!((again.status, &again.body["committed"]), (200, &json!(true)), "{}", again.body);
    assert_eq!(members(&world).await, all);
}

#[tokio::test(start_paused = true)]
async fn bad_parameters_and_audiences_of_uploads_are_named() {
    let world = scheduled_world().await;
    let file = "id\nt1\n";
    for (query, status, field) in [
        ("?upload=A%20b", 422, "upload"),
        ("?upload=u&first_line=0", 422, "first_line"),
        ("?upload=u&first_line=x", 400, "first_line"),
        ("?upload=u&complete=perhaps", 400, "complete"),
        ("?complete=false", 400, "upload"),
        ("?first_line=7", 400, "upload"),
        ("?uplod=u", 400, "uplod"),
        ("?upload=u&upload=v", 400, "upload"),
    ] {
        let answer = upload(&world, query, CSV, file).await;
        assert_eq!(told(&answer), (status, field), "{query}: {}", answer.body);
    }
    let none = world.operate("POST", "/v1/audiences/nobody/members", &[CSV], file).await;
    assert_eq!(told(&none), (404, "name"));
    let s3 = json!({ "kind": "s3", "bucket": "files", "key": "k.csv", "format": "csv" });
    create(&world, "/v1/audiences/file", json!({ "source": s3 })).await;
    let file = world.operate("POST", "/v1/audiences/file/members", &[CSV], file).await;
    assert_eq!(told(&file), (422, "source.kind"));
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_dies_anywhere_and_is_repeated_leaves_no_gap() {
    let people = lines(60, |n| format!("t{n:02},01012340001\n"));
    let csv = format!("id,phone\n{people}");
    let mut died = 0;
    for steps in 0.. {
        let world = scheduled_world().await;
        let doom = Doom::after(steps);
        let lived = doom.over(upload(&world, "", CSV, &csv)).await;
        if let Some(answer) = lived {
            assert_eq!(answer.status, 200);
            break;
        }
        died += 1;
        let held = members(&world).await;
        assert!(held.is_empty() || held.len() == 60, "after {steps} steps: {held:?}");
        let again = upload(&world, "", CSV, &csv).await;
        assert_eq!((again.status, &again.body["size"]), (200, &json!(60)), "{}", again.body);
        assert_eq!(members(&world).await.len(), 60);
    }
    assert!(died > 5, "it died {died} times only");
}

#[tokio::test(start_paused = true)]
async fn an_outage_during_an_upload_is_503_and_changes_nothing() {
    let world = scheduled_world().await;
    let people = lines(100, |n| format!("t{n}\n"));
    world.faults.pass(20);
    for _ in 0..500 {
        world.faults.add(DatabaseFault::Refused);
    }
    let answer = upload(&world, "", CSV, &format!("id\n{people}")).await;
    world.faults.clear();
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(members(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn members_that_nobody_reads_are_discarded_after_a_day() {
    let world = scheduled_world().await;
    let rows = |ids: &str| {
        let lines = ids.chars().map(|id| format!("{id},01012345678,n,c\n"));
        format!("id,phone,name,code\n{}", lines.collect::<String>())
    };
    let stored = |version: String| {
        let store = world.store.clone();
        async move { store.members("teachers", &version, None, 100).await.expect("members").len() }
    };
    let discard = world.stack.sweep.discard.clone();
    let first = upload(&world, "", CSV, &rows("ab")).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let head = || async {
        let head = get(&world, "/v1/audiences/teachers").await.body;
        head["source"]["version"].as_str().expect("a version").to_owned()
    };
    let first = head().await;
    // A run begins with the first and does not end.
    let key = RunKey::new("daily", "2026-03-02T11:00+09:00".parse().expect("a time"));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let mut run = Value::Null;
    for steps in 1..100 {
        let _died =
            Doom::after(steps).over(world.stack.runner.run(&key, Duration::from_secs(60))).await;
        run = get(&world, "/v1/schedules/daily/runs").await.body["items"][0].clone();
        // It is on record before it is known what it goes by.
        if !run["template"].is_null() {
            break;
        }
    }
    assert_eq!(run["status"], "running", "{run}");

    let replaced = upload(&world, "", CSV, &rows("cde")).await;
    assert_eq!(replaced.status, 200, "{}", replaced.body);
    let second = head().await;
    let begun = upload(&world, "?upload=begun&first_line=1", CSV, &rows("f")).await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    upload(&world, "", CSV, &rows("gh")).await;
    let third = head().await;

    // Before the day is over nothing goes.
    tokio::time::sleep(Duration::from_secs(23 * 3600)).await;
    assert_eq!(discard.round().await.expect("a round"), 0);
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    // A sweeper that dies leaves the rest to the next one.
    for steps in [3, 9, 12] {
        let _died = Doom::after(steps).over(discard.round()).await;
    }
    discard.round().await.expect("a round");
    let begun = "upload-begun".to_owned();
    for (version, left) in [(&first, 2), (&second, 0), (&begun, 0), (&third, 2)] {
        assert_eq!(stored(version.clone()).await, left, "{version}");
    }

    // The same again is stored anew; a run that has ended lets go of its members.
    upload(&world, "", CSV, &rows("cde")).await;
    assert_eq!(stored(second.clone()).await, 3);
    world.stack.runner.run(&key, Duration::from_secs(60)).await.expect("a run");
    // It was in use until now: whoever has just read its name has a day for it.
    assert_eq!(discard.round().await.expect("a round"), 0);
    assert_eq!(stored(first.clone()).await, 2);
    tokio::time::sleep(Duration::from_secs(25 * 3600)).await;
    assert_eq!(discard.round().await.expect("a round"), 2);
    for (version, left) in [(&first, 0), (&second, 3), (&third, 0)] {
        assert_eq!(stored(version.clone()).await, left, "{version}");
    }
}

/// Before anything of it is deleted, it is marked: a part that comes then is refused, or the rest of
/// the upload would be taken for the whole of it.
#[tokio::test(start_paused = true)]
async fn an_upload_that_goes_on_while_it_is_discarded_holds_whole_or_not_at_all() {
    let (first, last) = ("id\na\nb\n", "id\nc\n");
    let complete = "?upload=u&first_line=4&complete=true";
    let (mut refused, mut held) = (0, 0);
    let mut check = async |world: &World, answer: Answer, when: &str| {
        let mut was_early = false;
        if answer.status == 200 {
            held += 1;
        } else {
            // While it goes, and when all of it is gone: the first part is to be sent anew.
            was_early = told(&answer) == (422, "first_line");
            assert!(answer.status == 503 || was_early, "{when}: {}", answer.body);
            refused += 1;
        }
        // Whatever was begun is brought to its end.
        world.stack.sweep.discard.round().await.expect("a round");
        let whole = [("a".into(), 2), ("b".into(), 3), ("c".into(), 5)];
        if answer.status == 200 {
            assert_eq!(members(world).await, whole, "{when}");
        } else {
            // A part that comes too early is kept until the others are there.
            let left = world.store.members("teachers", "upload-u", None, 10).await;
            let left: Vec<_> = left.expect("members").into_iter().map(|m| m.member.id).collect();
            assert!(left.is_empty() || (left == ["c"] && was_early), "{when}: {left:?}");
            let anew = upload(world, complete, CSV, last).await;
            assert_eq!(told(&anew), (422, "first_line"), "{when}");
        }
    };
    let abandoned = async || {
        let world = scheduled_world().await;
        assert_eq!(upload(&world, "?upload=u", CSV, first).await.status, 200);
        tokio::time::sleep(Duration::from_secs(25 * 3600)).await;
        world
    };
    // The sweeper dies.
    for steps in 0.. {
        let world = abandoned().await;
        let discard = world.stack.sweep.discard.clone();
        if Doom::after(steps).over(discard.round()).await.is_some() {
            break;
        }
        let answer = upload(&world, complete, CSV, last).await;
        check(&world, answer, &format!("after {steps} steps")).await;
    }
    // The part comes while it is at work.
    let earlier = (1..20).map(|ms| (ms, 0));
    for (part_ms, sweep_ms) in earlier.chain((0..20).map(|ms| (0, ms))) {
        let world = abandoned().await;
        let discard = world.stack.sweep.discard.clone();
        let part = async {
            tokio::time::sleep(Duration::from_millis(part_ms)).await;
            upload(&world, complete, CSV, last).await
        };
        let sweep = async {
            tokio::time::sleep(Duration::from_millis(sweep_ms)).await;
            discard.round().await.expect("a round");
        };
        let (answer, ()) = futures::future::join(part, sweep).await;
        check(&world, answer, &format!("{part_ms} and {sweep_ms} ms later")).await;
    }
    assert!(refused > 0 && held > 0, "{refused} were refused and {held} hold");
}

#[tokio::test(start_paused = true)]
async fn a_large_upload_is_discarded_to_its_last_member_and_its_day_begins_when_it_is_replaced() {
    let world = peopled_world(1100).await;
    let version = get(&world, "/v1/audiences/teachers").await.body["source"]["version"].clone();
    let version = version.as_str().expect("a version");
    let left = || async {
        world.store.members("teachers", version, None, 5000).await.expect("members").len()
    };
    // No sweeper has looked for more than a day.
    tokio::time::sleep(Duration::from_secs(25 * 3600)).await;
    assert_eq!(upload(&world, "", CSV, "id\na\n").await.status, 200);
    assert_eq!(world.stack.sweep.discard.round().await.expect("a round"), 0);
    assert_eq!(left().await, 1100);
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert_eq!(world.stack.sweep.discard.round().await.expect("a round"), 1);
    assert_eq!(left().await, 0);
}

/// The lines of one file are stored, and the upload dies. A file with other lines takes its place
/// under another name only.
#[tokio::test(start_paused = true)]
async fn a_part_that_died_does_not_mix_with_another_one_in_its_place() {
    let query = "?upload=u&complete=true";
    let people = |of: &str| format!("id\n{}", lines(40, |n| format!("{of}{n:02}\n")));
    let mut refused = 0;
    for steps in 0.. {
        let world = scheduled_world().await;
        if Doom::after(steps).over(upload(&world, query, CSV, &people("a"))).await.is_some() {
            break;
        }
        let other = upload(&world, query, CSV, &people("b")).await;
        if other.status == 200 {
            let mixed = members(&world).await.into_iter().find(|(id, _)| id.starts_with('a'));
            assert_eq!(mixed, None, "after {steps} steps");
        } else {
            assert_eq!(told(&other), (422, "first_line"), "after {steps} steps");
            refused += 1;
        }
    }
    assert!(refused > 3, "only {refused} were refused");
}

#[tokio::test(start_paused = true)]
async fn the_same_upload_twice_at_once_is_made_once_and_neither_is_told_otherwise() {
    // Somebody who gave up waiting asks again while the first request is still at work.
    for wait_ms in 0..20 {
        let world = scheduled_world().await;
        let one = upload(&world, "", CSV, "id\na\nb\n");
        let other = async {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            upload(&world, "", CSV, "id\na\nb\n").await
        };
        let (one, other) = futures::future::join(one, other).await;
        assert_eq!((one.status, other.status), (200, 200), "{wait_ms} ms: {}", other.body);
        assert_eq!(one.etag, other.etag, "{wait_ms} ms");
        assert_eq!(members(&world).await, [("a".into(), 2), ("b".into(), 3)]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_audience_that_was_changed_during_an_upload_is_not_overwritten() {
    let world = scheduled_world().await;
    let first = upload(&world, "", CSV, "id\na\n");
    let second = upload(&world, "", CSV, "id\nb\nc\n");
    let (first, second) = futures::future::join(first, second).await;
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let (lost, body) =
        if first.status == 412 { (first, "id\na\n") } else { (second, "id\nb\nc\n") };
    assert_eq!(lost.etag.as_deref(), Some("\"2\""));
    // It relied on no ETag, and is told what helps.
    assert_eq!(lost.body["field"], Value::Null);
    assert!(detail(&lost).contains("repeat this request"), "{}", lost.body);
    assert_eq!(upload(&world, "", CSV, body).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn more_lines_than_one_request_has_time_for_are_refused_and_come_in_parts() {
    const MOST: usize = 20_000;
    let world = scheduled_world().await;
    let people = |from: usize, to: usize| {
        format!("id\n{}", lines(to - from, |n| format!("t{:05}\n", from + n)))
    };
    for query in ["", "?upload=u", "?upload=u&first_line=2&complete=true"] {
        let answer = upload(&world, query, CSV, &people(0, MOST)).await;
        assert_eq!(told(&answer), (413, "body"), "{query}");
        for word in ["20000 lines", "it has 20001", "upload=", "first_line=", "complete=true"] {
            assert!(detail(&answer).contains(word), "{word}: {}", answer.body);
        }
    }
    let noted = world.store.uploads(None, 10).await.expect("the notes");
    assert!(noted.is_empty(), "something was stored: {noted:?}");

    // As many as one request takes, in many parts.
    let (mut next_line, part, parts) = (1, 200, 12);
    for number in 0..parts {
        let is_last = number + 1 == parts;
        let query = format!("?upload=u&first_line={next_line}&complete={is_last}");
        let body = people(number * part, (number + 1) * part);
        let answer = upload(&world, &query, CSV, &body).await;
        assert_eq!((answer.status, &answer.body["committed"]), (200, &json!(is_last)));
        next_line = answer.body["next_line"].as_u64().expect("a line");
    }
    let all = members(&world).await;
    assert_eq!(all.len(), part * parts);
    assert!(
        all.iter()
            .map(|(id, _)| id)
            .eq((0..part * parts).map(|n| format!("t{n:05}")).collect::<Vec<_>>().iter())
    );
}

// ------------------------------------------------------------------------------- Looking ahead

/// A world whose audience has this many members.
async fn peopled_world(size: usize) -> World {
    let world = scheduled_world().await;
    let people = lines(size, |n| format!("t{n},01012340001,n,c\n"));
    let answer = upload(&world, "", CSV, &format!("id,phone,name,code\n{people}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    world
}

#[tokio::test(start_paused = true)]
async fn a_preview_tells_times_size_and_how_long_a_run_takes() {
    let world = peopled_world(400).await;
    let preview = get(&world, "/v1/schedules/daily/preview").await.body;
    let times: Vec<_> = (2..=6)
        .map(|day| json!({ "at": format!("2026-03-{day:02}T11:00:00+09:00"), "decision": "send" }))
        .collect();
    assert_eq!(preview["times"], json!(times));
    assert_eq!(preview["audience"], json!({ "name": "teachers", "size": 400 }));
    // 40 in 1.05 s.
    assert_eq!(preview["drain_seconds"], json!(10.5));
    assert_eq!(preview["warnings"], json!([]));
    assert_eq!(
        preview["window"],
        json!({ "from": "10:00", "to": "19:00", "timezone": "Asia/Seoul" })
    );
}

#[tokio::test(start_paused = true)]
async fn a_preview_warns_of_a_run_that_the_window_would_cut_in_two() {
    let world = peopled_world(400).await;
    let path = "/v1/channels/alimtalk-main";
    let slow = json!({ "limit": { "per_second": 1, "jitter": "0s" } });
    let slow = with(get(&world, path).await.body, &slow);
    assert_eq!(change(&world, path, &slow).await.status, 200);
    let late = with(daily(), &json!({ "expression": "cron(55 18 * * ? *)" }));
    assert_eq!(change(&world, "/v1/schedules/daily", &late).await.status, 200);

    let preview = get(&world, "/v1/schedules/daily/preview").await.body;
    assert_eq!(preview["drain_seconds"], json!(400.0));
    let warning = &preview["warnings"][0];
    assert_eq!(warning["kind"], "crosses_window_end");
    assert_eq!(warning["at"], "2026-03-02T18:55:00+09:00");
    assert_eq!(warning["closes_at"], "2026-03-02T19:00:00+09:00");
    assert_eq!(warning["left"], 100);
    assert_eq!(preview["warnings"].as_array().map(Vec::len), Some(5));
}

#[tokio::test(start_paused = true)]
async fn a_preview_warns_of_what_will_not_happen() {
    let world = scheduled_world().await;
    let kinds = |preview: &Value| -> Vec<String> {
        let warnings = preview["warnings"].as_array().expect("warnings");
        warnings.iter().map(|of| of["kind"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let disabled = with(daily(), &json!({ "enabled": false }));
    assert_eq!(change(&world, "/v1/schedules/daily", &disabled).await.status, 200);
    let preview = get(&world, "/v1/schedules/daily/preview").await.body;
    assert_eq!(kinds(&preview), ["disabled", "nobody_there"]);

    let s3 = json!({ "kind": "s3", "bucket": "files", "key": "k.csv", "format": "csv" });
    create(&world, "/v1/audiences/file", json!({ "source": s3 })).await;
    let once = json!({ "expression": "at(2026-03-02T10:30:00)", "audience": "file" });
    create(&world, "/v1/schedules/once", with(daily(), &once)).await;
    let preview = get(&world, "/v1/schedules/once/preview").await.body;
    assert_eq!(kinds(&preview), ["file_missing"]);
    assert_eq!(preview["audience"]["size"], Value::Null);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let preview = get(&world, "/v1/schedules/once/preview").await.body;
    assert_eq!(kinds(&preview), ["no_time", "file_missing"]);

    // The hours were changed after the schedule was saved.
    let early = json!({ "scheduled": { "from": "08:00", "to": "10:00" } });
    create(&world, "/v1/hours/stack", early).await;
    let preview = get(&world, "/v1/schedules/daily/preview").await.body;
    assert_eq!(preview["warnings"][2]["kind"], "outside_window");
    assert_eq!(preview["warnings"][2]["at"], "2026-03-03T11:00:00+09:00");
    assert_eq!(preview["warnings"][2]["until"], "2026-03-04T08:00:00+09:00");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_and_names_faults_and_stores_nothing() {
    let world = scheduled_world().await;
    let empty = world.operate("POST", "/v1/schedules/daily/dry-run", &[], "").await;
    assert_eq!(told(&empty), (422, "audience"));

    let long = "가".repeat(1001);
    let csv = format!("id,phone,name,code\na,01012340001,n,c\nb,,n,c\nc,01012340003,{long},c\n");
    assert_eq!(upload(&world, "", CSV, &csv).await.status, 200);
    let answer = world.operate("POST", "/v1/schedules/daily/dry-run", &[], "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = &answer.body;
    assert_eq!((&body["members"], &body["sendable"]), (&json!(3), &json!(1)));
    assert_eq!((&body["unsendable"], &body["complete"]), (&json!(2), &json!(true)));
    assert_eq!(body["faults"][0]["line"], 3);
    assert_eq!(body["faults"][0]["field"], "phone");
    assert_eq!(body["faults"][1]["field"], "variables");
    assert_eq!(body["scheduled_at"], "2026-03-02T02:00:00Z");

    assert_eq!(upload(&world, "", CSV, "id,phone\na,01012340001\n").await.status, 200);
    let answer = world.operate("POST", "/v1/schedules/daily/dry-run", &[], "").await;
    assert_eq!(answer.body["faults"][0]["field"], "variables.name");
    assert!(world.notifications().is_empty());
    assert_eq!(world.queue.sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_reads_page_by_page() {
    let world = peopled_world(1200).await;
    let answer = world.operate("POST", "/v1/schedules/daily/dry-run", &[], "").await;
    assert_eq!((&answer.body["members"], &answer.body["sendable"]), (&json!(1200), &json!(1200)));
    // From the middle on.
    let answer = world.operate("POST", "/v1/schedules/daily/dry-run?after=t998", &[], "").await;
    assert_eq!((&answer.body["members"], &answer.body["complete"]), (&json!(1), &json!(true)));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_that_takes_long_answers_in_parts_and_names_the_first_faults_only() {
    let database_latency = Duration::from_secs(4);
    let world = World::new(WorldSettings { database_latency, ..WorldSettings::default() }).await;
    create(&world, "/v1/audiences/teachers", json!({ "source": { "kind": "members" } })).await;
    create(&world, "/v1/schedules/daily", daily()).await;
    let people = lines(1200, |n| format!("t{n:04},,n,c\n"));
    let answer = upload(&world, "", CSV, &format!("id,phone,name,code\n{people}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);

    let (mut members, mut parts, mut after) = (0, 0, String::new());
    loop {
        let path = format!("/v1/schedules/daily/dry-run{after}");
        let answer = world.operate("POST", &path, &[], "").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        members += answer.body["members"].as_u64().expect("a number");
        parts += 1;
        assert_eq!(answer.body["unsendable"], answer.body["members"]);
        assert_eq!(answer.body["faults"].as_array().map(Vec::len), Some(100));
        match answer.body["next"].as_str() {
            None => break,
            Some(next) => after = format!("?after={next}"),
        }
    }
    assert_eq!((members, parts), (1200, 3));
}

#[tokio::test(start_paused = true)]
async fn a_file_in_s3_is_previewed_by_its_length_and_run_dry() {
    let world = scheduled_world().await;
    let s3 = json!({ "kind": "s3", "bucket": "files", "key": "k.csv", "format": "csv" });
    create(&world, "/v1/audiences/file", json!({ "source": s3 })).await;
    create(&world, "/v1/schedules/file", with(daily(), &json!({ "audience": "file" }))).await;
    let missing = world.operate("POST", "/v1/schedules/file/dry-run", &[], "").await;
    assert_eq!(told(&missing), (422, "audience"));

    let csv = "id,phone,name,code\na,01012340001,n,c\nb,x,n,c\n\"c\n";
    world.stack.files.save("files", "k.csv", csv);
    let lost = world.operate("POST", "/v1/schedules/file/dry-run?after=x", &[], "").await;
    assert_eq!(told(&lost), (422, "after"));
    let preview = get(&world, "/v1/schedules/file/preview").await.body;
    let audience = json!({
        "name": "file", "size": 1, "size_is_estimate": true, "bytes": csv.len(),
    });
    assert_eq!((&preview["audience"], &preview["warnings"]), (&audience, &json!([])));
    assert!(preview["drain_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
    let answer = world.operate("POST", "/v1/schedules/file/dry-run", &[], "").await;
    assert_eq!((answer.status, &answer.body["sendable"]), (200, &json!(1)), "{}", answer.body);
    assert_eq!(answer.body["faults"][0]["field"], "phone");
    assert_eq!(answer.body["faults"][1]["line"], 4);

    let faulty = format!("id,phone,name,code\n{}z,0", lines(150, |n| format!("t{n},,n,c\n")));
    world.stack.files.save("files", "k.csv", faulty);
    let answer = world.operate("POST", "/v1/schedules/file/dry-run", &[], "").await;
    assert_eq!(answer.body["faults"].as_array().map(Vec::len), Some(101));
    assert_eq!(answer.body["faults"][100]["line"], 152, "the file's cut-off end");
    // A member's first line that can be sent counts, as in a run.
    let twice = "id,phone,name,code\na,x,n,c\na,01012340001,n,c\na,01012340002,n,c\n";
    world.stack.files.save("files", "k.csv", twice);
    let answer = world.operate("POST", "/v1/schedules/file/dry-run", &[], "").await.body;
    let counts = ["members", "sendable", "unsendable", "doubled"].map(|count| &answer[count]);
    assert_eq!(counts, [3, 1, 1, 1]);
    let lines = [0, 1].map(|index| &answer["faults"][index]["line"]);
    assert_eq!(lines, [2, 4]);
    world.stack.files.save("files", "k.csv", csv);

    // After a run its figures are known.
    let key = RunKey::new("file", "2026-03-02T11:00+09:00".parse().expect("a time"));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    world.stack.runner.run(&key, Duration::from_secs(60)).await.expect("a run");
    let preview = get(&world, "/v1/schedules/file/preview").await.body;
    assert_eq!(preview["audience"]["size"], 1, "{preview}");
    assert_eq!(preview["audience"]["size_is_estimate"], true);

    // Another file is judged by itself.
    world.stack.files.save("files", "k.csv", "id,phone,name,code\n");
    let preview = get(&world, "/v1/schedules/file/preview").await.body;
    assert_eq!((&preview["audience"]["size"], &preview["drain_seconds"]), (&json!(0), &json!(0.0)));
    assert_eq!(preview["warnings"][0]["kind"], "nobody_there");
    world.stack.files.save("files", "k.csv", "number\n1\n");
    let preview = get(&world, "/v1/schedules/file/preview").await.body;
    assert_eq!(preview["audience"]["size"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_large_file_is_foretold_to_cross_the_windows_end_before_it_ever_ran() {
    let world = scheduled_world().await;
    let s3 = json!({ "kind": "s3", "bucket": "files", "key": "k.csv", "format": "csv" });
    create(&world, "/v1/audiences/file", json!({ "source": s3 })).await;
    let late = json!({ "audience": "file", "expression": "cron(59 18 * * ? *)" });
    create(&world, "/v1/schedules/file", with(daily(), &late)).await;
    let members = 20_000;
    let people = lines(members, |n| format!("t{n:05},01012340001,n,c\n"));
    let csv = format!("id,phone,name,code\n{people}");
    assert!(csv.len() as u64 > Audiences::PART_BYTES);
    world.stack.files.save("files", "k.csv", csv);

    let preview = get(&world, "/v1/schedules/file/preview").await.body;
    assert_eq!(preview["audience"]["size_is_estimate"], true);
    let size = preview["audience"]["size"].as_u64().expect("a size");
    assert!(size.abs_diff(members as u64) < 20, "{size}");
    assert_eq!(preview["warnings"][0]["kind"], "crosses_window_end");
    let left = preview["warnings"][0]["left"].as_u64().expect("a number");
    assert!(left.abs_diff(members as u64 - 60 * 40) < 200, "{left} left");
}

#[tokio::test(start_paused = true)]
async fn a_preview_tells_that_the_channel_is_paused_or_slower_than_its_limit() {
    let mut settings = WorldSettings::default();
    settings.catalog =
        settings.catalog.replace("per_second: 40", "per_second: 40\n      strict: true");
    let world = World::new(settings).await;
    create(&world, "/v1/audiences/teachers", json!({ "source": { "kind": "members" } })).await;
    create(&world, "/v1/schedules/daily", daily()).await;
    assert_eq!(
        upload(&world, "", CSV, "id,phone,name,code\na,01012340001,n,c\n").await.status,
        200
    );
    let preview = get(&world, "/v1/schedules/daily/preview").await.body;
    assert_eq!(preview["warnings"][0]["kind"], "strict_limit", "{preview}");
    assert_eq!(preview["warnings"][1], Value::Null);
    let paused = world.operate("POST", "/v1/channels/alimtalk-main/pause", &[], "").await;
    assert_eq!(paused.status, 200, "{}", paused.body);
    let preview = get(&world, "/v1/schedules/daily/preview").await.body;
    assert_eq!(preview["warnings"][0]["kind"], "paused", "{preview}");
}

#[tokio::test(start_paused = true)]
async fn what_a_run_came_to_is_told_even_when_its_schedule_is_gone() {
    let world = peopled_world(3).await;
    let none = get(&world, "/v1/schedules/daily/runs").await;
    assert_eq!((none.status, none.body), (200, json!({ "items": [] })));
    let key = RunKey::new("daily", "2026-03-02T11:00+09:00".parse().expect("a time"));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    world.stack.runner.run(&key, Duration::from_secs(60)).await.expect("a run");
    assert_eq!(delete(&world, "/v1/schedules/daily").await.status, 204);

    let runs = get(&world, "/v1/schedules/daily/runs").await.body;
    let run = &runs["items"][0];
    assert_eq!((&run["status"], &run["counts"]["stored"]), (&json!("finished"), &json!(3)));
    assert_eq!(run["scheduled_at"], "2026-03-02T02:00:00Z");
    assert_eq!(
        (&run["template"], &run["audience"]["size"]),
        (&json!("photo-and-video"), &json!(3))
    );
    assert!(run.get("fence").is_none(), "{run:#}");
}
