//! A step's result. Each step runs in its own process and sends its result to the gate as text.

use crate::cost::StepCost;
use crate::step::StepError;

/// The result of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// The step found a fault, or was required to run and could not.
    Failed {
        reason: String,
    },
    /// The step could not run on this machine.
    Skipped {
        reason: String,
        /// What a person can do so that the step runs.
        remedy: String,
    },
    /// The gate stopped before it started this step.
    NotReached,
}

/// A step's result and cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub outcome: Outcome,
    pub cost: StepCost,
}

impl Outcome {
    /// Converts what a step returned. With `strict`, a missing tool is a failure.
    pub fn of(result: Result<(), StepError>, strict: bool) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(StepError::Failed(reason)) => Self::Failed { reason },
            Err(StepError::NotRun(missing)) if strict => Self::Failed {
                reason: format!(
                    "{}. With CI=true a missing tool is a failure. Remedy: {}",
                    missing.reason, missing.remedy
                ),
            },
            Err(StepError::NotRun(missing) | StepError::NotPossible(missing)) => {
                Self::Skipped { reason: missing.reason, remedy: missing.remedy }
            }
        }
    }

    /// Whether the gate must fail because of this step.
    pub const fn is_failure(&self) -> bool {
        match self {
            Self::Failed { .. } => true,
            Self::Passed | Self::Skipped { .. } | Self::NotReached => false,
        }
    }
}

impl Ended {
    /// A failed step whose cost is unknown.
    pub fn failed(reason: String) -> Self {
        Self { outcome: Outcome::Failed { reason }, cost: StepCost::default() }
    }

    /// A step that the gate did not start.
    pub fn not_reached() -> Self {
        Self { outcome: Outcome::NotReached, cost: StepCost::default() }
    }

    /// The text that a step writes for the gate.
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
    fn a_missing_tool_is_a_failure_only_when_strict() {
        assert!(Outcome::of(Err(StepError::NotRun(missing())), true).is_failure());
        assert!(!Outcome::of(Err(StepError::NotRun(missing())), false).is_failure());
    }

    #[test]
    fn a_step_without_docker_is_skipped_even_when_strict() {
        for strict in [true, false] {
            let outcome = Outcome::of(Err(StepError::NotPossible(missing())), strict);
            assert!(matches!(outcome, Outcome::Skipped { .. }));
        }
    }

    #[test]
    fn a_result_is_unchanged_after_writing_and_reading() {
        let skipped = Outcome::Skipped { reason: "no Docker".into(), remedy: "start it".into() };
        let failed = Outcome::Failed { reason: "`cargo test` failed".into() };
        for outcome in [Outcome::Passed, skipped, failed, Outcome::NotReached] {
            let cost = StepCost::from_line("1 2 3 4").expect("cost");
            let ended = Ended { outcome, cost };
            assert_eq!(Ended::from_text(&ended.to_text()), Some(ended));
        }
        assert_eq!(Ended::from_text("passed\n"), None);
    }
}
