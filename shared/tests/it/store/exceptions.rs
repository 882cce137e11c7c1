//! The exceptions of a channel are read in pages, by a filter.

use alimi::domain::{ExceptionFilter, Notification, NotificationId, Reason, Status};
use alimi::ports::{Created, Exceptions, Notifications};

use super::fixture::{CHANNEL, Fixture, NOW_MS, fixture, notification};

fn filter() -> ExceptionFilter {
    ExceptionFilter { channel: CHANNEL.into(), ..ExceptionFilter::default() }
}

/// Stores 30 exceptions, one each millisecond: two failed ones, then one that is unconfirmed, and so on.
async fn with_exceptions() -> Fixture {
    let fixture = fixture();
    for (index, age_ms) in (0..30).zip(0..) {
        let (status, reason) = match index % 3 {
            2 => (Status::Unconfirmed, Reason::NoReceipt),
            _ => (Status::Failed, Reason::Rejected("7".into())),
        };
        let exception = Notification {
            status,
            reason: Some(reason),
            status_since_ms: NOW_MS + age_ms,
            ..notification(index)
        };
        assert_eq!(fixture.store.create(&exception).await.expect("stored"), Created::New);
    }
    let queued = notification(30);
    assert_eq!(fixture.store.create(&queued).await.expect("stored"), Created::New);
    fixture
}

/// The ids of all pages, with the number of pages.
async fn all(
    fixture: &Fixture,
    filter: &ExceptionFilter,
    limit: usize,
) -> (Vec<NotificationId>, usize) {
    let (mut ids, mut pages, mut after) = (vec![], 0, None);
    loop {
        let page = fixture.store.exceptions(filter, after.as_deref(), limit).await.expect("a page");
        assert!(page.read <= limit, "{}", page.read);
        ids.extend(page.entries.into_iter().map(|entry| entry.id));
        pages += 1;
        after = page.next;
        if after.is_none() {
            return (ids, pages);
        }
    }
}

fn expected(indexes: impl Iterator<Item = usize>) -> Vec<NotificationId> {
    indexes.map(|index| notification(index).id).collect()
}

#[tokio::test]
async fn every_exception_is_on_one_page_in_the_order_of_time() {
    let fixture = with_exceptions().await;
    let (ids, pages) = all(&fixture, &filter(), 7).await;
    assert_eq!(ids, expected(0..30));
    assert!(pages >= 5, "{pages}");
    assert_eq!(all(&fixture, &filter(), 1000).await, (ids, 1));
}

#[tokio::test]
async fn a_filter_leaves_out_what_it_does_not_name_and_reads_on() {
    let fixture = with_exceptions().await;
    let unconfirmed = ExceptionFilter { status: Some(Status::Unconfirmed), ..filter() };
    let (ids, _) = all(&fixture, &unconfirmed, 2).await;
    assert_eq!(ids, expected((0..30).filter(|index| index % 3 == 2)));
    let rejected = ExceptionFilter { reason: Some("rejected".into()), ..filter() };
    let (ids, _) = all(&fixture, &rejected, 4).await;
    assert_eq!(ids, expected((0..30).filter(|index| index % 3 != 2)));
    for nothing in [
        ExceptionFilter { template: Some("u".into()), ..filter() },
        ExceptionFilter { channel: "other".into(), ..filter() },
    ] {
        assert_eq!(all(&fixture, &nothing, 100).await.0, []);
    }
}

#[tokio::test]
async fn a_filter_takes_a_period_with_its_beginning_and_without_its_end() {
    let fixture = with_exceptions().await;
    let period =
        ExceptionFilter { since_ms: Some(NOW_MS + 10), until_ms: Some(NOW_MS + 20), ..filter() };
    for limit in [1, 3, 100] {
        assert_eq!(all(&fixture, &period, limit).await.0, expected(10..20), "{limit}");
    }
    let empty = ExceptionFilter { since_ms: Some(NOW_MS + 20), ..period };
    assert_eq!(all(&fixture, &empty, 100).await.0, []);
}

#[tokio::test]
async fn an_entry_says_what_is_wrong_with_which_template() {
    let fixture = with_exceptions().await;
    let page = fixture.store.exceptions(&filter(), None, 3).await.expect("a page");
    let shown: Vec<_> = page
        .entries
        .iter()
        .map(|entry| (entry.status, entry.reason.as_deref(), entry.template.as_str()))
        .collect();
    let rejected = (Status::Failed, Some("rejected"), "t");
    assert_eq!(shown, [rejected, rejected, (Status::Unconfirmed, Some("no_receipt"), "t")]);
}
