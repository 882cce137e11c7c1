//! A batch of changes, and what the function's answer means for it.

use serde_json::Value;

use super::event::sequence_number;
use crate::aws::embedded::Change;

/// Changes that a function gets together.
pub(super) struct Batch {
    /// In their order.
    pub(super) changes: Vec<Change>,
    /// Once the batch is done, all changes up to this one are done.
    pub(super) end: u64,
}

/// The answer to a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Every change is done.
    Done,
    /// No change is done.
    Failed,
    /// The changes from one of these on are not done.
    FailedFrom(Vec<String>),
}

impl Answer {
    /// `answer` is what the function returned; `None` when it failed. The function may name changes
    /// that failed, if its mapping says so.
    pub(super) fn of(answer: Option<Value>, reports_failures: bool) -> Self {
        let Some(answer) = answer else { return Self::Failed };
        let failures = answer.get("batchItemFailures").filter(|_| reports_failures);
        let failures = match failures {
            None | Some(Value::Null) => return Self::Done,
            Some(failures) => failures.as_array(),
        };
        // As by Lambda, an answer that is not understood fails the batch.
        let Some(failures) = failures else { return Self::Failed };
        let numbers =
            failures.iter().map(|failure| Some(failure["itemIdentifier"].as_str()?.into()));
        match numbers.collect::<Option<Vec<String>>>() {
            None => Self::Failed,
            Some(numbers) if numbers.is_empty() => Self::Done,
            Some(numbers) => Self::FailedFrom(numbers),
        }
    }

    /// How many of the changes are done: those before the first that failed.
    pub(super) fn done(&self, changes: &[Change]) -> usize {
        match self {
            Self::Done => changes.len(),
            Self::Failed => 0,
            Self::FailedFrom(numbers) => changes
                .iter()
                .position(|change| numbers.contains(&sequence_number(change.number)))
                .unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changes() -> Vec<Change> {
        (5..9).map(|number| Change { number, at_s: 100, old: None, new: None }).collect()
    }

    fn done(answer: Option<Value>) -> usize {
        Answer::of(answer, true).done(&changes())
    }

    #[test]
    fn the_first_change_that_failed_decides_what_is_done() {
        let failed = |numbers: &[u64]| {
            let failures =
                numbers.iter().map(|number| json!({ "itemIdentifier": sequence_number(*number) }));
            json!({ "batchItemFailures": failures.collect::<Vec<_>>() })
        };
        assert_eq!(done(Some(failed(&[]))), 4);
        assert_eq!(done(Some(failed(&[7]))), 2);
        assert_eq!(done(Some(failed(&[8, 6]))), 1, "the order of the failures does not matter");
        assert_eq!(done(Some(failed(&[5]))), 0);
    }

    #[test]
    fn a_function_that_fails_or_names_no_change_of_the_batch_has_done_nothing() {
        assert_eq!(done(None), 0);
        assert_eq!(done(Some(json!({ "batchItemFailures": [{ "itemIdentifier": "1" }] }))), 0);
        assert_eq!(done(Some(json!({ "batchItemFailures": [{}] }))), 0);
        assert_eq!(done(Some(json!({ "batchItemFailures": "all" }))), 0);
    }

    #[test]
    fn failures_count_only_if_the_mapping_asks_for_them() {
        let answer = json!({ "batchItemFailures": [{ "itemIdentifier": sequence_number(5) }] });
        assert_eq!(Answer::of(Some(answer), false), Answer::Done);
        assert_eq!(done(Some(Value::Null)), 4, "a function that returns nothing has succeeded");
    }
}
