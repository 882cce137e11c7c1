//! A change names the revision that it was made from, and a change from an older one is refused.

use serde_json::json;

use super::operator::{CREATE, daily, detail, get, scheduled_world, status_and_field, with};

#[tokio::test(start_paused = true)]
async fn of_several_changes_to_one_revision_one_wins_and_the_others_get_the_new_revision() {
    let world = scheduled_world().await;
    let etag = get(&world, "/v1/schedules/daily").await.etag.expect("an ETag");
    let put = async |hour: u8| {
        let expression = format!("cron(0 {hour} * * ? *)");
        let body = with(daily(), &json!({ "expression": expression }));
        world.operate("PUT", "/v1/schedules/daily", &[("if-match", &etag)], body).await
    };
    let answers = futures::future::join_all([put(12), put(13), put(14)]).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:#?}");
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(status_and_field(refused), (412, "If-Match"));
        assert_eq!(refused.etag.as_deref(), Some("\"2\""), "the revision that is stored now");
    }
    let read = get(&world, "/v1/schedules/daily").await;
    assert_eq!(read.body, won[0].body);
    assert_eq!(read.etag, Some("\"2\"".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_change_needs_an_if_match_or_if_none_match_header() {
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
        (&[("if-match", "\"01\"")], 400, "If-Match"),
        (&[("if-match", "\"+1\"")], 400, "If-Match"),
        (&[("if-match", "\"1\", \"2\"")], 400, "If-Match"),
        (&[("if-match", "\"1\""), ("if-match", "\"1\"")], 400, "If-Match"),
        (&[CREATE, CREATE], 400, "If-None-Match"),
    ] {
        let put = world.operate("PUT", path, headers, daily()).await;
        assert_eq!(status_and_field(&put), (status, field), "{headers:?}");
        let deleted = world.operate("DELETE", path, headers, "").await;
        assert_eq!(status_and_field(&deleted), (status, field), "{headers:?}");
    }
    let existing = world.operate("PUT", path, &[CREATE], daily()).await;
    assert_eq!(status_and_field(&existing), (412, "If-None-Match"));
    assert_eq!(existing.etag.as_deref(), Some("\"1\""));
    let told = detail(&existing);
    assert!(told.contains("a document of this name exists, with the ETag \"1\""), "{told}");
    let deleted = world.operate("DELETE", path, &[CREATE], "").await;
    assert_eq!(status_and_field(&deleted), (400, "If-None-Match"));
    let put = world.operate("PUT", "/v1/schedules/new", &[("if-match", "\"1\"")], daily()).await;
    assert_eq!(status_and_field(&put), (412, "If-Match"));
    assert_eq!(put.etag, None);
    let deleted = world.operate("DELETE", "/v1/schedules/new", &[("if-match", "\"1\"")], "").await;
    assert_eq!(status_and_field(&deleted), (404, "name"));
    assert_eq!(get(&world, path).await.etag.as_deref(), Some("\"1\""), "nothing was changed");
}
