//! The members whom the schedule `daily` writes to, and what a run made of them.

use std::collections::BTreeSet;

use alimi::domain::Audience;
use alimi::domain::audience::AudienceSource;
use alimi::domain::audience::file::Member;
use alimi::domain::run::{RunCounts, RunStatus};
use alimi::ports::{MemberSaved, Members, StoredMember};
use alimi_local::testing::world::World;

use super::daily::daily_run;

/// A file of this many members.
pub fn csv(members: usize) -> String {
    (1..=members).fold("id,phone,name,code\n".to_owned(), |csv, n| {
        csv + &format!("m{n:05},01012345678,김하나,a1\n")
    })
}

pub fn ids(members: usize) -> BTreeSet<String> {
    (1..=members).map(|n| format!("m{n:05}")).collect()
}

pub fn member(n: usize) -> Member {
    Member {
        id: format!("m{n:05}"),
        phone: Some("01012345678".into()),
        timezone: None,
        variables: [("name", "김하나"), ("code", "a1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    }
}

/// Uploads the members with these numbers, and makes the upload the audience.
pub async fn upload(world: &World, version: &str, members: std::ops::RangeInclusive<usize>) {
    let size = members.clone().count() as u64;
    for (line, n) in members.enumerate() {
        let stored = StoredMember { line: line as u64 + 2, member: member(n) };
        let saved = world.store.put_member("all", version, &stored).await.expect("stored");
        assert_eq!(saved, MemberSaved::Done);
    }
    let source = AudienceSource::Members { version: Some(version.into()), size };
    world.store.put_audience(&Audience { name: "all".into(), source }).await.expect("stored");
}

/// The members who were notified, each of them once.
pub fn recipients(world: &World) -> BTreeSet<String> {
    let all = world.notifications();
    let ids: BTreeSet<_> = all.values().map(|n| n.recipient.id.clone()).collect();
    assert_eq!(ids.len(), all.len(), "a member is notified twice");
    ids
}

/// Ten lines: seven members, a second line of one of them, and two members without a phone number
/// or a variable.
pub fn mixed() -> String {
    csv(7) + "m00008,,김하나,a1\nm00003,01012345678,김하나,a1\nm00009,01012345678\n"
}

/// The run of [`mixed`] has stored each valid member once. `case` names the case when it
/// fails.
pub async fn check_mixed(world: &World, case: &str) {
    let run = daily_run(world).await;
    assert_eq!(run.status, RunStatus::Sending, "{case}: {:?}", run.failure);
    let counts = RunCounts { members: 10, stored: 7, invalid: 2, duplicate: 1 };
    assert_eq!(run.counts, counts, "{case}");
    let lines: Vec<_> = run.faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [9, 10, 11], "{case}");
    assert_eq!(recipients(world), ids(7), "{case}");
    assert_eq!(run.lease_until_ms, None, "{case}");
    assert!(run.stored_at_ms.is_some(), "{case}");
}
