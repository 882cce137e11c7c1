//! Counts the exceptions that a filter takes, up to a limit.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::ExceptionFilter;
use crate::domain::bulk_job::ExceptionCounts;
use crate::ports::{Exceptions, PortError};

/// How many entries one request reads. About 5,000 of them are 1 MB, the most that one answer holds.
const PAGE: usize = 5_000;
/// How many entries are read for one count: a million of them would take a minute.
const READ_MAX: usize = 50_000;
/// How long a count takes. An HTTP caller waits for no longer than 30 s.
const COUNTING_MAX: Duration = Duration::from_secs(8);

pub(super) async fn count(
    exceptions: &dyn Exceptions,
    filter: &ExceptionFilter,
) -> Result<ExceptionCounts, PortError> {
    let began = Instant::now();
    let (mut counts, mut read) = (ExceptionCounts::default(), 0);
    let mut after = None;
    loop {
        let page = exceptions.exceptions(filter, after.as_deref(), PAGE).await?;
        read += page.read;
        for entry in page.entries {
            *counts.by_status.entry(entry.status).or_default() += 1;
        }
        after = page.next;
        if after.is_none() {
            return Ok(counts);
        }
        if read >= READ_MAX || began.elapsed() >= COUNTING_MAX {
            counts.is_minimum = true;
            return Ok(counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::domain::{RequestKey, Status};
    use crate::ports::{ExceptionEntry, ExceptionPage};

    /// A million exceptions.
    struct Million;

    #[async_trait]
    impl Exceptions for Million {
        async fn exceptions(
            &self,
            _: &ExceptionFilter,
            after: Option<&str>,
            limit: usize,
        ) -> Result<ExceptionPage, PortError> {
            let from: usize = after.map_or(0, |after| after.parse().expect("a number"));
            let until = (from + limit).min(1_000_000);
            let key = RequestKey { producer: "p", route: "r", idempotency_key: "k" };
            let entry = ExceptionEntry {
                sort: String::new(),
                id: key.notification_id(0),
                status: Status::Failed,
                reason: None,
                template: "t".into(),
            };
            let next = (until < 1_000_000).then(|| until.to_string());
            Ok(ExceptionPage { entries: vec![entry; until - from], next, read: until - from })
        }
    }

    #[tokio::test]
    async fn a_filter_that_takes_a_million_is_not_counted_to_the_end() {
        let filter = ExceptionFilter { channel: "c".into(), ..ExceptionFilter::default() };
        let counts = count(&Million, &filter).await.expect("a count");
        assert_eq!((counts.total(), counts.is_minimum), (50_000, true));
    }
}
