//! Dead letters are listed by edge and state, in pages.

use alimi::ports::DeadLetterQueue;
use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::{collect, dead_run, listed, redrive, world};

/// A world with three dead runs, a dead wake and a dead firing.
async fn with_letters() -> World {
    let world = world().await;
    for schedule in ["a", "b", "c"] {
        dead_run(&world, schedule);
    }
    let letters = &world.stack.dead_letters;
    let wake = json!({ "channel": "alimtalk-main" });
    letters.give_up(DeadLetterQueue::Wakes, wake.to_string(), [].into());
    let firing = json!({ "schedule": "d", "scheduled_time": "2026-03-02T01:00:00Z" });
    let code = [("ERROR_CODE".to_owned(), "AccessDenied".to_owned())];
    letters.give_up(DeadLetterQueue::Runs, firing.to_string(), code.into());
    collect(&world).await;
    world
}

fn schedules(letters: &[Value]) -> Vec<&str> {
    letters.iter().filter_map(|letter| letter["about"]["schedule"].as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn letters_are_listed_by_edge_and_then_by_time() {
    let world = with_letters().await;
    let all = listed(&world, "").await;
    let edges: Vec<_> = all.iter().map(|letter| &letter["edge"]).collect();
    assert_eq!(edges, ["wakes", "runs", "runs", "runs", "firings"]);
    assert_eq!(schedules(&all), ["a", "b", "c", "d"]);
    assert_eq!(all[4]["cause"], "not_delivered");
    assert_eq!(all[4]["error"], "AccessDenied");
    assert_eq!(schedules(&listed(&world, "?edge=runs").await), ["a", "b", "c"]);
    assert_eq!(listed(&world, "?edge=changes").await, [] as [Value; 0]);
}

#[tokio::test(start_paused = true)]
async fn pages_of_any_size_show_each_letter_once() {
    let world = with_letters().await;
    let all = listed(&world, "").await;
    for limit in 1..=6 {
        let (mut found, mut cursor) = (vec![], String::new());
        loop {
            let path = format!("/v1/ops/dead-letters?limit={limit}{cursor}");
            let page = world.operate("GET", &path, &[], "").await.body;
            let items = page["items"].as_array().expect("items");
            assert!(items.len() <= limit);
            found.extend(items.iter().cloned());
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, all, "limit {limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_by_state_holds_in_every_page() {
    let world = with_letters().await;
    let all = listed(&world, "").await;
    assert_eq!(redrive(&world, &all[2]).await.status, 200);
    assert_eq!(schedules(&listed(&world, "?state=dead").await), ["a", "c", "d"]);
    let redriven = listed(&world, "?state=redriven&limit=1").await;
    assert_eq!(schedules(&redriven), ["b"]);
    assert_eq!(redriven[0]["redrive"]["by"], "local");
    assert_eq!(redriven[0]["redrive"]["reason"], "mended");
    let path = "/v1/ops/dead-letters?edge=runs&state=dead&limit=1";
    let first = world.operate("GET", path, &[], "").await.body;
    let next = first["next"].as_str().expect("more");
    let second = listed(&world, &format!("?edge=runs&state=dead&cursor={next}")).await;
    assert_eq!(schedules(&second), ["c"]);
}
