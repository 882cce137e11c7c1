//! Producers are documents like others. A role or user belongs to one of them only.

use serde_json::{Value, json};

use super::operator::{
    CREATE, change, create, daily, delete, detail, get, scheduled_world, status_and_field, with,
    world,
};

fn shop() -> Value {
    json!({
        "principals": ["shop-backend"],
        "grants": { "templates": ["photo-and-video"], "priority_min": 1 },
    })
}

#[tokio::test(start_paused = true)]
async fn a_producer_is_created_read_listed_and_changed() {
    let world = world().await;
    let path = "/v1/producers/shop";
    let created = create(&world, path, shop()).await;
    assert_eq!(created.etag.as_deref(), Some("\"1\""));
    assert_eq!(created.body, with(shop(), &json!({ "name": "shop" })));
    assert_eq!(get(&world, path).await.body, created.body);
    let listed = get(&world, "/v1/producers").await.body;
    let items = listed["items"].as_array().expect("items").iter();
    let names: Vec<_> = items.map(|item| &item["name"]).collect();
    assert_eq!(names, ["consultation-service", "shop"]);

    // The role stays with the producer, and one more comes.
    let more = with(shop(), &json!({ "principals": ["shop-backend", "shop-batch"] }));
    let changed = change(&world, path, &more).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let history = get(&world, &format!("{path}/history")).await.body;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_principal_of_two_producers_is_refused_with_the_other_producer() {
    let world = world().await;
    create(&world, "/v1/producers/shop", shop()).await;
    // IAM does not distinguish upper and lower case in the names of roles.
    for taken in ["shop-backend", "Shop-Backend"] {
        let school = json!({ "principals": ["school-backend", taken] });
        let refused = world.operate("PUT", "/v1/producers/school", &[CREATE], school).await;
        assert_eq!(status_and_field(&refused), (422, "principals[1]"), "{}", refused.body);
        assert!(detail(&refused).contains("the producer shop"), "{}", refused.body);
    }
    let twice = json!({ "principals": ["school-backend", "school-backend"] });
    let refused = world.operate("PUT", "/v1/producers/school", &[CREATE], twice).await;
    assert_eq!(status_and_field(&refused), (422, "principals[1]"), "{}", refused.body);
    assert_eq!(get(&world, "/v1/producers/school").await.status, 404);

    // The role moves from one producer to the other.
    let without = with(shop(), &json!({ "principals": null }));
    assert_eq!(change(&world, "/v1/producers/shop", &without).await.status, 200);
    create(&world, "/v1/producers/school", json!({ "principals": ["shop-backend"] })).await;
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_a_schedule_names_cannot_be_deleted() {
    let world = scheduled_world().await;
    create(&world, "/v1/producers/shop", shop()).await;
    let of_shop = with(daily(), &json!({ "producer": "shop" }));
    assert_eq!(change(&world, "/v1/schedules/daily", &of_shop).await.status, 200);
    let refused = delete(&world, "/v1/producers/shop").await;
    assert_eq!(status_and_field(&refused), (409, "name"), "{}", refused.body);
    assert!(detail(&refused).contains("the schedule daily"), "{}", refused.body);

    assert_eq!(change(&world, "/v1/schedules/daily", &daily()).await.status, 200);
    assert_eq!(delete(&world, "/v1/producers/shop").await.status, 204);
    assert_eq!(status_and_field(&get(&world, "/v1/producers/shop").await), (404, "name"));
}
