//! The audience `teachers`: how its members are uploaded, and which members it holds.

use alimi::ports::Members;
use alimi_local::testing::world::{Answer, World};

use super::operator::{get, scheduled_world};

pub const CSV: (&str, &str) = ("content-type", "text/csv; charset=utf-8");
pub const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");

/// A text of this many lines.
pub fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().concat()
}

pub async fn upload(world: &World, query: &str, format: (&str, &str), body: &str) -> Answer {
    let path = format!("/v1/audiences/teachers/members{query}");
    world.operate("POST", &path, &[format], body).await
}

/// The members in force, by id: each member's id, and its line in the upload.
pub async fn ids_and_lines(world: &World) -> Vec<(String, u64)> {
    let audience = get(world, "/v1/audiences/teachers").await.body;
    let Some(version) = audience["source"]["version"].as_str() else { return vec![] };
    let members = world.store.members("teachers", version, None, 10_000).await.expect("members");
    members.into_iter().map(|member| (member.member.id, member.line)).collect()
}

/// A world whose audience `teachers` has this many members.
pub async fn world_with_members(size: usize) -> World {
    let world = scheduled_world().await;
    let people = lines(size, |n| format!("t{n},01012340001,n,c\n"));
    let answer = upload(&world, "", CSV, &format!("id,phone,name,code\n{people}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    world
}
