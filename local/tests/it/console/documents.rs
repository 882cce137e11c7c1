//! Documents are read, changed and listed, and their history records each change once.

use std::time::Duration;

use alimi::domain::hours::Window;
use alimi_catalog::CatalogFile;
use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::testing::world::{WorldSettings, operate};
use serde_json::json;

use super::operator::{CREATE, create, daily, get, scheduled_world, status_and_field, with, world};

#[tokio::test(start_paused = true)]
async fn a_catalog_file_preserves_the_paused_state_and_is_checked_against_the_stored_hours() {
    let world = world().await;
    let text = WorldSettings::default().catalog;
    let path = "/v1/channels/alimtalk-main";
    let paused = world.operate("POST", &format!("{path}/pause"), &[], "").await;
    assert_eq!(paused.body["paused"], true);
    let file = CatalogFile::read(&text).expect("the file");
    file.apply(&world.store).await.expect("it is stored");
    assert_eq!(get(&world, path).await.body["paused"], true);

    // The file contains no hours, so that its templates are checked against the stored ones.
    let evening = json!({ "scheduled": { "from": "08:00", "to": "22:00" } });
    create(&world, "/v1/hours/stack", evening).await;
    let mut file = CatalogFile::read(&text).expect("the file");
    file.hours = None;
    let window = |from, to| Window::new(from, to).expect("a window");
    for (from, to, is_accepted) in [("20:00", "20:30", true), ("22:00", "23:00", false)] {
        for template in file.templates.values_mut() {
            template.window = Some(window(from, to));
        }
        assert_eq!(file.apply(&world.store).await.is_ok(), is_accepted, "{from}");
    }
}

#[tokio::test(start_paused = true)]
async fn documents_are_read_and_put_back_unchanged_and_listed_in_pages() {
    let world = scheduled_world().await;
    for path in [
        "/v1/channels/alimtalk-main",
        "/v1/templates/photo-and-video",
        "/v1/schedules/daily",
        "/v1/producers/consultation-service",
    ] {
        let read = get(&world, path).await;
        let etag = read.etag.expect("an ETag");
        let put = world.operate("PUT", path, &[("if-match", &etag)], &read.body).await;
        assert_eq!(put.status, 200, "{path}");
        assert_eq!(put.body, read.body, "{path}");
        assert_eq!(put.etag.as_deref(), Some("\"2\""), "{path}");
    }
    let page = get(&world, "/v1/templates?limit=1").await.body;
    assert_eq!(page["items"][0]["name"], "consultation-lms");
    assert_eq!(page["next"], "consultation-lms");
    let page = get(&world, "/v1/templates?limit=1&after=consultation-start").await.body;
    assert_eq!(page["items"][0]["name"], "photo-and-video");
    assert_eq!(page["items"][0]["changed_by"], "local");
    let page = get(&world, "/v1/templates?after=photo-and-video").await.body;
    assert_eq!(page, json!({ "items": [] }));
}

#[tokio::test(start_paused = true)]
async fn the_history_records_who_changed_what_and_no_revision_is_used_twice() {
    let world = scheduled_world().await;
    let kim = world.stack.console_called_by(|_| Some("kim".to_owned()));
    let lee = world.stack.console_called_by(|_| Some("lee".to_owned()));
    let path = "/v1/schedules/daily";
    let disabled = with(daily(), &json!({ "enabled": false }));
    let first = [("if-match", "\"1\"")];
    let put = operate(kim.clone(), "PUT", path, &first, disabled.to_string()).await;
    assert_eq!(put.status, 200, "{}", put.body);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let second = [("if-match", "\"2\"")];
    let deleted = operate(lee.clone(), "DELETE", path, &second, String::new()).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(status_and_field(&get(&world, path).await), (404, "name"));

    let recreated = operate(kim, "PUT", path, &[CREATE], daily().to_string()).await;
    assert_eq!(recreated.status, 201);
    assert_eq!(recreated.etag.as_deref(), Some("\"4\""));
    let stale = operate(lee, "PUT", path, &second, daily().to_string()).await;
    assert_eq!(stale.status, 412, "the revision of the deleted schedule does not fit the new one");

    let history = get(&world, "/v1/schedules/daily/history").await.body;
    let items = history["items"].as_array().expect("items");
    let column = |name: &str| items.iter().map(|item| item[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("revision"), [4, 3, 2, 1]);
    assert_eq!(column("changed_by"), ["kim", "lee", "kim", "local"]);
    assert_eq!(column("deleted"), [false, true, false, false]);
    assert_eq!(items[2]["document"]["enabled"], false);
    assert!(items[1].get("document").is_none());
    assert!(items[1]["changed_at"].as_str() > items[2]["changed_at"].as_str(), "{history:#}");

    let channel = get(&world, "/v1/channels/alimtalk-main/history").await.body;
    assert_eq!(channel["items"][0]["changed_by"], "catalog file");
    assert_eq!(status_and_field(&get(&world, "/v1/channels/nobody/history").await), (404, "name"));
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_database_answer_is_lost_is_made_once() {
    let world = scheduled_world().await;
    // Each database request of the change loses its answer in turn.
    for requests in 0..12 {
        let path = "/v1/schedules/daily";
        let before = get(&world, path).await.etag.expect("an ETag");
        world.faults.pass(requests);
        world.faults.add(DatabaseFault::AnswerLost);
        let put = world.operate("PUT", path, &[("if-match", &before)], daily()).await;
        world.faults.clear();
        assert_eq!(put.status, 200, "after {requests} requests: {}", put.body);
        assert_eq!(get(&world, path).await.etag, put.etag);
    }
    let history = get(&world, "/v1/schedules/daily/history").await.body;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(13));
}

#[tokio::test(start_paused = true)]
async fn unknown_paths_methods_parameters_and_callers_are_answered_with_problems() {
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
        ("POST", "/v1/channels/none/receipt-secrets", 404, "name"),
        ("DELETE", "/v1/channels/none/receipt-secrets/a", 404, "name"),
        ("GET", "/v1/channels/alimtalk-main/receipt-secrets", 405, "method"),
        ("GET", "/v1/ops/notifications/x", 404, "id"),
        ("GET", "/v1/ops/notifications", 400, "exception"),
        ("GET", "/v1/ops/faxes", 404, "path"),
        ("GET", "/v1/audiences/none/members", 405, "method"),
    ] {
        let answer = world.operate(method, path, &[], "").await;
        assert_eq!(status_and_field(&answer), (status, field), "{method} {path}");
    }
    let nobody = world.stack.console_called_by(|_| None);
    for (method, path) in [
        ("GET", "/v1/channels"),
        ("GET", "/v1/channels/alimtalk-main"),
        ("PUT", "/v1/channels/alimtalk-main"),
        ("DELETE", "/v1/channels/alimtalk-main"),
        ("GET", "/v1/channels/alimtalk-main/history"),
        ("POST", "/v1/channels/alimtalk-main/pause"),
        ("POST", "/v1/channels/alimtalk-main/receipt-secrets"),
        ("DELETE", "/v1/channels/alimtalk-main/receipt-secrets/local"),
        ("GET", "/v1/producers/consultation-service"),
        ("GET", "/v1/ops/notifications/29698ed96c0fc24da63deffce69aa3"),
        ("POST", "/v1/audiences/a/members"),
        ("GET", "/v1/schedules/s/preview"),
        ("POST", "/v1/schedules/s/dry-run"),
        ("GET", "/v1/schedules/s/runs"),
    ] {
        let answer = operate(nobody.clone(), method, path, &[], String::new()).await;
        assert_eq!(status_and_field(&answer), (403, "Authorization"), "{method} {path}");
    }
}
