//! Records who did what to whose data.
//!
//! A request that changes something is recorded before its effect and again with its result, so a crash
//! in between leaves a record that says `begun`. A request that only reads is recorded once, before its
//! answer: if the process dies before that, nobody has seen anything. A repeated request is another
//! request, with an id and a record of its own.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;

use crate::domain::AuditRecord;
use crate::domain::audit::day_of;
use crate::ports::{Audit, Clock, PortError};

/// How long a request waits for its record where the record is not required.
const OPTIONAL_WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// What becomes of a request whose record cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The request is refused. For operators, who may overrule everybody.
    Required,
    /// The request goes on, and the log has the record instead. For producers, who read and cancel
    /// only what is theirs.
    BestEffort,
}

#[derive(Clone)]
pub struct AuditTrail {
    pub audit: Arc<dyn Audit>,
    pub clock: Arc<dyn Clock>,
}

impl AuditTrail {
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// The present day in UTC.
    #[must_use]
    pub fn today(&self) -> Date {
        day_of(self.now_ms())
    }

    /// Records a request that is about to change something.
    ///
    /// # Errors
    /// [`PortError`] when the record is required and cannot be stored: nothing may be changed.
    pub async fn begin(
        &self,
        record: &AuditRecord,
        requirement: Requirement,
    ) -> Result<(), PortError> {
        match requirement {
            Requirement::Required => self.audit.record_begin(record).await,
            Requirement::BestEffort => {
                self.attempt(record, self.audit.record_begin(record)).await;
                Ok(())
            }
        }
    }

    /// Stores the record of a request again that [`AuditTrail::begin`] has recorded, because more is known
    /// of the request.
    ///
    /// # Errors
    /// [`PortError`]: nothing may be changed.
    pub async fn complete(&self, record: &AuditRecord) -> Result<(), PortError> {
        self.audit.record_end(record).await
    }

    /// Records how a request ended that [`AuditTrail::begin`] has recorded. The request has had its
    /// effect, so a record that cannot be stored changes nothing any more. The log has it instead.
    pub async fn end(&self, record: &AuditRecord) {
        self.attempt(record, self.audit.record_end(record)).await;
    }

    /// Records a request that has read something, before anybody sees the answer.
    ///
    /// # Errors
    /// [`PortError`] when the record is required and cannot be stored: the answer must not be shown.
    pub async fn seen(
        &self,
        record: &AuditRecord,
        requirement: Requirement,
    ) -> Result<(), PortError> {
        match requirement {
            Requirement::Required => self.audit.record_end(record).await,
            Requirement::BestEffort => {
                self.end(record).await;
                Ok(())
            }
        }
    }

    /// The records of a day (UTC) in the order of time, starting behind the place `after`.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn records(
        &self,
        day: Date,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, PortError> {
        self.audit.audit_records(day, after, limit).await
    }

    async fn attempt(
        &self,
        record: &AuditRecord,
        write: impl Future<Output = Result<(), PortError>>,
    ) {
        let error = match tokio::time::timeout(OPTIONAL_WRITE_TIMEOUT, write).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        let AuditRecord { at_ms: _, request_id, actor, action, subject, status } = record;
        tracing::error!(
            request_id,
            actor,
            action,
            ?subject,
            ?status,
            error,
            "an audit record was not stored; this line has it"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use async_trait::async_trait;

    use super::*;

    /// Stores nothing: fails, or never answers.
    struct Unavailable {
        answers: bool,
    }

    impl Unavailable {
        async fn fail<T>(&self) -> Result<T, PortError> {
            if !self.answers {
                std::future::pending::<()>().await;
            }
            Err(PortError::Unavailable { what: "the ledger table", detail: "a test".into() })
        }
    }

    #[async_trait]
    impl Audit for Unavailable {
        async fn record_begin(&self, _: &AuditRecord) -> Result<(), PortError> {
            self.fail().await
        }

        async fn record_end(&self, _: &AuditRecord) -> Result<(), PortError> {
            self.fail().await
        }

        async fn audit_records(
            &self,
            _: Date,
            _: Option<&str>,
            _: usize,
        ) -> Result<Vec<AuditRecord>, PortError> {
            self.fail().await
        }
    }

    struct StoppedClock;

    impl Clock for StoppedClock {
        fn now_us(&self) -> i64 {
            1_772_413_200_137_000
        }
    }

    fn trail(answers: bool) -> AuditTrail {
        AuditTrail { audit: Arc::new(Unavailable { answers }), clock: Arc::new(StoppedClock) }
    }

    fn record() -> AuditRecord {
        AuditRecord {
            at_ms: 0,
            request_id: "r".into(),
            actor: "a".into(),
            action: "GET /v1/notifications/{id}".into(),
            subject: BTreeMap::new(),
            status: Some(200),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_required_record_a_request_is_refused() {
        let trail = trail(true);
        assert!(trail.begin(&record(), Requirement::Required).await.is_err());
        assert!(trail.seen(&record(), Requirement::Required).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_that_is_not_required_delays_its_request_by_a_second_at_most() {
        for answers in [true, false] {
            let trail = trail(answers);
            let began = tokio::time::Instant::now();
            assert!(trail.begin(&record(), Requirement::BestEffort).await.is_ok());
            assert!(trail.seen(&record(), Requirement::BestEffort).await.is_ok());
            trail.end(&record()).await;
            assert!(began.elapsed() <= 3 * OPTIONAL_WRITE_TIMEOUT, "{:?}", began.elapsed());
        }
    }

    #[tokio::test]
    async fn a_day_is_one_in_utc() {
        assert_eq!(trail(true).today().to_string(), "2026-03-02");
    }
}
