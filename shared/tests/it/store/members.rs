//! Members of an upload are stored once, read in pages, and deleted in portions.

use alimi::domain::audience::file::Member;
use alimi::ports::{MemberSaved, Members, Saved, StoredMember, UploadPart, Uploads};
use alimi::store::DynamoStore;
use alimi_local::aws::embedded::DatabaseFault;

use super::fixture::{Fixture, fixture};

fn member(id: &str, line: u64) -> StoredMember {
    let member = Member {
        id: id.into(),
        phone: Some("01012345678".into()),
        timezone: Some("Asia/Seoul".into()),
        variables: [("이름".to_owned(), "김하나".to_owned())].into(),
    };
    StoredMember { line, member }
}

async fn put_member(store: &DynamoStore, version: &str, member: &StoredMember) -> MemberSaved {
    store.put_member("teachers", version, member).await.expect("an answer")
}

#[tokio::test]
async fn a_member_is_stored_once_per_upload_however_often_its_line_is_repeated() {
    let Fixture { store, faults, .. } = fixture();
    let (first, same_id) = (member("t1", 2), member("t1", 3));
    faults.add(DatabaseFault::AnswerLost);
    assert_eq!(put_member(&store, "v1", &first).await, MemberSaved::Done);
    assert_eq!(put_member(&store, "v1", &first).await, MemberSaved::Done);
    assert_eq!(put_member(&store, "v1", &same_id).await, MemberSaved::Duplicate);
    assert_eq!(put_member(&store, "v2", &same_id).await, MemberSaved::Done);
    let stored = |version| store.members("teachers", version, None, 10);
    assert_eq!(stored("v1").await.expect("read"), [first]);
    assert_eq!(stored("v2").await.expect("read"), [same_id]);
    let bare =
        Member { phone: None, timezone: None, variables: [].into(), ..member("t2", 4).member };
    let bare = StoredMember { line: 4, member: bare };
    assert_eq!(put_member(&store, "v3", &bare).await, MemberSaved::Done);
    assert_eq!(stored("v3").await.expect("read"), [bare]);
}

#[tokio::test]
async fn of_many_lines_with_one_member_one_wins() {
    let Fixture { store, .. } = fixture();
    let lines: Vec<_> = (2..22).map(|line| member("t1", line)).collect();
    let puts = lines.iter().map(|line| put_member(&store, "v", line));
    let saved = futures::future::join_all(puts).await;
    assert_eq!(saved.iter().filter(|saved| **saved == MemberSaved::Done).count(), 1);
}

#[tokio::test]
async fn members_are_read_in_pages_by_id_and_discarded_in_portions() {
    let Fixture { store, .. } = fixture();
    for n in 0..60 {
        let saved = put_member(&store, "v", &member(&format!("t{n:02}"), n)).await;
        assert_eq!(saved, MemberSaved::Done);
    }
    assert_eq!(put_member(&store, "other", &member("t00", 1)).await, MemberSaved::Done);
    let page = store.members("teachers", "v", Some("t09"), 20).await.expect("read");
    let ids: Vec<_> = page.into_iter().map(|member| member.member.id).collect();
    assert_eq!(ids, (10..30).map(|n| format!("t{n:02}")).collect::<Vec<_>>());

    for left in [10, 0, 0] {
        let discarded = store.discard_members("teachers", "v", 50).await.expect("discarded");
        if left == 10 {
            assert_eq!(discarded, 50);
        }
        let stored = store.members("teachers", "v", None, 100).await.expect("read");
        assert_eq!(stored.len(), left);
    }
    assert_eq!(store.members("teachers", "other", None, 9).await.expect("read").len(), 1);
}

#[tokio::test]
async fn a_part_of_an_upload_keeps_its_content_and_never_loses_progress() {
    let Fixture { store, .. } = fixture();
    let begun = UploadPart {
        first_line: 1,
        lines: 10,
        digest: "one".into(),
        members: 0,
        is_stored: false,
        is_last: false,
    };
    let stored = UploadPart { members: 9, is_stored: true, is_last: true, ..begun.clone() };
    let other = UploadPart { digest: "two".into(), ..stored.clone() };
    let second = UploadPart { first_line: 11, ..begun.clone() };
    for (part, expected) in [
        (&begun, Saved::Done),
        (&other, Saved::Conflict),
        (&second, Saved::Done),
        (&stored, Saved::Done),
        (&begun, Saved::Done),
    ] {
        let recorded = store.record_part("teachers", "v", part).await.expect("an answer");
        assert_eq!(recorded, expected);
    }
    assert_eq!(store.parts("teachers", "v").await.expect("read"), [stored, second]);
    assert_eq!(store.parts("teachers", "w").await.expect("read"), []);
}
