//! A dead letter is stored once, and changed by whoever has read its last revision.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use alimi::domain::dead_letter::{Cause, Redrive};
use alimi::domain::{DeadLetter, DeadLetterId, DeadLetterState, Edge};
use alimi::ports::{DeadLetters, Recorded, Saved};
use alimi_local::aws::embedded::DatabaseFault;

use super::fixture::{Fixture, NOW_MS, fixture};

fn letter(index: usize) -> DeadLetter {
    DeadLetter {
        id: DeadLetterId {
            edge: Edge::Runs,
            sent_at_ms: NOW_MS,
            message_id: format!("id-{index:03}"),
        },
        revision: 1,
        state: DeadLetterState::Dead,
        cause: Cause::TriedTooOften,
        tries: Some(20),
        error: None,
        about: BTreeMap::new(),
        group: None,
        has_contents: true,
        recorded_at_ms: NOW_MS,
        redrive: None,
    }
}

fn order(by: &str) -> Redrive {
    let (by, reason, token) = (by.to_owned(), "mended".to_owned(), by.to_owned());
    Redrive { by, reason, at_ms: NOW_MS, token }
}

#[tokio::test]
async fn a_letter_that_is_recorded_twice_stays_as_it_is() {
    let Fixture { store, .. } = fixture();
    let first = letter(1);
    let recorded = store.record_dead_letter(&first, Some("contents")).await.expect("stored");
    assert_eq!(recorded, Recorded::New);
    let begun = first.begin_redrive(order("kim")).expect("begun");
    assert_eq!(store.save_dead_letter(&begun).await.expect("saved"), Saved::Done);
    let later = DeadLetter { tries: Some(21), ..first.clone() };
    let recorded = store.record_dead_letter(&later, Some("other")).await.expect("stored");
    assert_eq!(recorded, Recorded::Known);
    assert_eq!(store.dead_letter(&first.id).await.expect("read"), Some(begun));
    let contents = store.dead_letter_contents(&first.id).await.expect("read");
    assert_eq!(contents.as_deref(), Some("contents"));
}

#[tokio::test]
async fn of_two_orders_one_is_saved_and_the_contents_go_with_the_end() {
    let Fixture { store, faults, .. } = fixture();
    let first = letter(1);
    let _recorded = store.record_dead_letter(&first, Some("contents")).await.expect("stored");
    let [kim, lee] = ["kim", "lee"].map(|by| first.begin_redrive(order(by)).expect("begun"));
    // The client repeats a write whose answer was lost, and meets its own write.
    faults.add(DatabaseFault::AnswerLost);
    assert_eq!(store.save_dead_letter(&kim).await.expect("saved"), Saved::Done);
    assert_eq!(store.save_dead_letter(&lee).await.expect("refused"), Saved::Conflict);
    assert_eq!(store.dead_letter(&first.id).await.expect("read"), Some(kim.clone()));
    assert_eq!(store.save_dead_letter(&kim.end_redrive()).await.expect("saved"), Saved::Done);
    assert_eq!(store.dead_letter_contents(&first.id).await.expect("read"), None);
    let gone = store.save_dead_letter(&letter(2).end_redrive()).await.expect("refused");
    assert_eq!(gone, Saved::Conflict, "a letter that is not there");
}

#[tokio::test]
async fn letters_of_an_edge_are_read_in_pages_until_their_retention_is_over() {
    let Fixture { store, clock, .. } = fixture();
    for index in 0..5 {
        let _recorded = store.record_dead_letter(&letter(index), None).await.expect("stored");
    }
    let (mut read, mut after) = (vec![], None);
    loop {
        let page = store.dead_letters(Edge::Runs, after.as_deref(), 2).await.expect("read");
        assert!(page.letters.len() <= 2);
        read.extend(page.letters);
        after = page.end;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(read, (0..5).map(letter).collect::<Vec<_>>());
    assert_eq!(store.dead_letters(Edge::Wakes, None, 9).await.expect("read").letters, []);
    clock.0.fetch_add(181 * 24 * 3_600_000, Ordering::Relaxed);
    assert_eq!(store.dead_letters(Edge::Runs, None, 9).await.expect("read").letters, []);
    assert_eq!(store.dead_letter(&letter(1).id).await.expect("read"), None);
}
