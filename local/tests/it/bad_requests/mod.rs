//! Requests that have to be refused, made from valid ones by one fault each: every route, every field,
//! every kind of fault. Each is answered with a problem that names the field, in plain words; nothing
//! is stored, and nothing is woken.

mod answers;
mod case;
mod documents;
mod faults;
mod producers;
mod routes;
mod uploads;
mod valid;

use alimi_local::aws::embedded;
use alimi_local::testing::world::{World, WorldSettings};
use serde_json::{Value, json};

use self::answers::check;
use self::case::Case;

/// A world with the documents that the requests name.
async fn world() -> World {
    let world = World::new(WorldSettings::default()).await;
    for (path, document) in valid::stored() {
        let create = [("if-none-match", "*")];
        let answer = world.operate("PUT", path, &create, document).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.body);
    }
    world
}

/// The rows of every table but the ledger, which records refused requests too.
fn stored(world: &World) -> Vec<Value> {
    let tables = embedded::tables();
    [tables.notifications, tables.catalog, tables.state, tables.members, tables.runs]
        .into_iter()
        .map(|table| {
            let scan = serde_json::from_value(json!({ "TableName": table })).expect("a scan");
            let rows = world.database.scan(scan).expect("the rows");
            serde_json::to_value(rows).expect("the rows")["Items"].clone()
        })
        .collect()
}

/// Sends all of these requests to one world.
async fn all_are_refused(cases: Vec<Case>, at_least: usize) {
    assert!(cases.len() >= at_least, "only {} requests", cases.len());
    let world = world().await;
    let (before, woken) = (stored(&world), world.queue.sent());
    let mut accepted = vec![];
    for case in cases {
        let answer = case.send(&world).await;
        if let Err(fault) = check(&case, &answer) {
            accepted.push(format!("{}: {fault}\n    {}", case.name, answer.text()));
        }
        let is_unchanged = stored(&world) == before;
        assert!(is_unchanged, "{} has stored something: {}", case.name, answer.text());
        assert_eq!(world.queue.sent(), woken, "{} has woken a lane", case.name);
    }
    assert!(accepted.is_empty(), "{} requests:\n{}", accepted.len(), accepted.join("\n"));
    assert!(world.notifications().is_empty());
}

#[tokio::test(start_paused = true)]
async fn every_bad_request_of_a_producer_is_refused() {
    all_are_refused(producers::cases(), 400).await;
}

#[tokio::test(start_paused = true)]
async fn every_bad_document_is_refused() {
    all_are_refused(documents::cases(), 400).await;
}

#[tokio::test(start_paused = true)]
async fn every_bad_upload_is_refused() {
    all_are_refused(uploads::cases(), 60).await;
}

#[tokio::test(start_paused = true)]
async fn every_route_refuses_what_it_does_not_take() {
    all_are_refused(routes::cases(), 250).await;
}

/// Otherwise a request could be refused for another reason than its fault.
#[tokio::test(start_paused = true)]
async fn the_requests_that_the_bad_ones_are_made_from_are_accepted() {
    for case in producers::valid().into_iter().chain(documents::valid()).chain(uploads::valid()) {
        let world = world().await;
        let answer = case.send(&world).await;
        assert_eq!(answer.status, case.status, "{}: {}", case.name, answer.text());
    }
}
