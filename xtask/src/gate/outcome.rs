//! How a step ended, as text too: each step runs in a process of its own.

use crate::cost::StepCost;
use crate::step::StepError;

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It found nothing.
    Passed,
    /// It found something, or had to run and could not.
    Failed {
        /// What it was.
        reason: String,
    },
    /// It did not run.
    Skipped {
        /// Why it did not run.
        reason: String,
        /// What would make it run.
        remedy: String,
    },
    /// An earlier step failed.
    NotReached,
}

/// A step's end and its cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub outcome: Outcome,
    pub cost: StepCost,
}

impl Outcome {
    /// The outcome of a step that returned this result. With `strict`, a missing tool is a failure.
    pub fn of(result: Result<(), StepError>, strict: bool) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(StepError::Failed(reason)) => Self::Failed { reason },
            Err(StepError::NotRun(missing)) if strict => Self::Failed {
                reason: format!(
                    "{}. With CI=true that is a failure: {}",
                    missing.reason, missing.remedy
                ),
            },
            Err(StepError::NotRun(missing) | StepError::NotPossible(missing)) => {
                Self::Skipped { reason: missing.reason, remedy: missing.remedy }
            }
        }
    }

    /// Whether the commit may not pass.
    pub const fn is_failure(&self) -> bool {
        match self {
            Self::Failed { .. } => true,
            Self::Passed | Self::Skipped { .. } | Self::NotReached => false,
        }
    }
}

impl Ended {
    /// A step that failed before it cost anything that is known.
    pub fn failed(reason: String) -> Self {
        Self { outcome: Outcome::Failed { reason }, cost: StepCost::default() }
    }

    /// A step that was not started.
    pub fn not_reached() -> Self {
        Self { outcome: Outcome::NotReached, cost: StepCost::default() }
    }

    /// For the process that waits for this one.
    pub fn to_text(&self) -> String {
        let words: [&str; 3] = match &self.outcome {
            Outcome::Passed => ["passed", "", ""],
            Outcome::Failed { reason } => ["failed", reason, ""],
            Outcome::Skipped { reason, remedy } => ["skipped", reason, remedy],
            Outcome::NotReached => ["not reached", "", ""],
        };
        let one_line = words.map(|word| word.replace('\n', " "));
        format!("{}\n{}\n", one_line.join("\n"), self.cost.to_line())
    }

    /// Reads the text of [`Self::to_text`].
    pub fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut line = || lines.next();
        let (word, reason, remedy) = (line()?, line()?.to_owned(), line()?.to_owned());
        let outcome = match word {
            "passed" => Outcome::Passed,
            "failed" => Outcome::Failed { reason },
            "skipped" => Outcome::Skipped { reason, remedy },
            "not reached" => Outcome::NotReached,
            _ => return None,
        };
        Some(Self { outcome, cost: StepCost::from_line(line()?)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::Missing;

    fn missing() -> Missing {
        Missing { reason: "there is no Python".into(), remedy: "get one".into() }
    }

    #[test]
    fn a_missing_tool_fails_only_where_nothing_may_be_skipped() {
        assert!(Outcome::of(Err(StepError::NotRun(missing())), true).is_failure());
        assert!(!Outcome::of(Err(StepError::NotRun(missing())), false).is_failure());
    }

    #[test]
    fn a_step_that_needs_docker_is_skipped_in_ci_too() {
        for strict in [true, false] {
            let outcome = Outcome::of(Err(StepError::NotPossible(missing())), strict);
            assert!(matches!(outcome, Outcome::Skipped { .. }));
        }
    }

    #[test]
    fn an_end_survives_the_way_between_processes() {
        let skipped = Outcome::Skipped { reason: "no Docker".into(), remedy: "start it".into() };
        let failed = Outcome::Failed { reason: "`cargo test` ended badly".into() };
        for outcome in [Outcome::Passed, skipped, failed, Outcome::NotReached] {
            let cost = StepCost::from_line("1 2 3 4").expect("cost");
            let ended = Ended { outcome, cost };
            assert_eq!(Ended::from_text(&ended.to_text()), Some(ended));
        }
        assert_eq!(Ended::from_text("passed\n"), None);
    }
}
