//! The gate: runs the steps in order, stops at the first that fails, and always ends with a table.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::process;
use crate::step::{Step, Unpassed};

/// What became of a step.
#[derive(Debug)]
enum Outcome {
    Passed,
    Failed { reason: String },
    Skipped { reason: String, remedy: String },
    NotReached,
}

/// A line of the table.
#[derive(Debug)]
struct Line {
    step: Step,
    outcome: Outcome,
    took: Duration,
}

/// Runs these steps and prints what became of them.
pub fn run(steps: &[Step]) -> ExitCode {
    // Where nobody reads the words, a check that did not run must not look like one that passed.
    let strict = process::variable("CI").is_some_and(|value| value == "true");

    let mut lines: Vec<Line> = Vec::new();
    for &step in steps {
        let line = if lines.iter().any(Line::failed) {
            Line { step, outcome: Outcome::NotReached, took: Duration::ZERO }
        } else {
            println!("\n== {} ==", step.name());
            let (passed, took) = timed(|| step.run());
            Line { step, outcome: Outcome::of(passed, strict), took }
        };
        lines.push(line);
    }

    print!("{}", table(&lines));
    if lines.iter().any(Line::failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

impl Outcome {
    fn of(passed: Result<(), Unpassed>, strict: bool) -> Self {
        match passed {
            Ok(()) => Self::Passed,
            Err(Unpassed::Failed(failure)) => Self::Failed { reason: failure.to_string() },
            Err(Unpassed::NotRun(missing)) if strict => Self::Failed {
                reason: format!(
                    "{}. With CI=true that is a failure: {}",
                    missing.reason, missing.remedy
                ),
            },
            Err(Unpassed::NotRun(missing) | Unpassed::NotPossible(missing)) => {
                Self::Skipped { reason: missing.reason, remedy: missing.remedy }
            }
        }
    }
}

impl Line {
    const fn failed(&self) -> bool {
        match self.outcome {
            Outcome::Failed { .. } => true,
            Outcome::Passed | Outcome::Skipped { .. } | Outcome::NotReached => false,
        }
    }

    /// Its row in the table.
    fn row(&self) -> String {
        let result = match self.outcome {
            Outcome::Passed => "passed",
            Outcome::Failed { .. } => "FAILED",
            Outcome::Skipped { .. } => "SKIPPED",
            Outcome::NotReached => return format!("{:10} not run\n", self.step.name()),
        };
        format!("{:10} {result:8} {:>8.1}\n", self.step.name(), self.took.as_secs_f64())
    }

    /// What a person has to know besides.
    fn remark(&self) -> Option<String> {
        let name = self.step.name();
        match &self.outcome {
            Outcome::Passed | Outcome::NotReached => None,
            Outcome::Failed { reason } => Some(format!(
                "\nFAILED {name}: {reason}\n  Again, alone: cargo xtask test --only {name}\n"
            )),
            Outcome::Skipped { reason, remedy } => Some(format!(
                "\nSKIPPED {name}, WHICH CHECKED NOTHING: {reason}\n  To run it: {remedy}, then \
                 cargo xtask test --only {name}\n"
            )),
        }
    }
}

fn table(lines: &[Line]) -> String {
    let rows: String = lines.iter().map(Line::row).collect();
    let remarks: String = lines.iter().filter_map(Line::remark).collect();
    format!("\n{:10} {:8} {:>8}\n{rows}{remarks}", "step", "result", "seconds")
}

#[expect(clippy::disallowed_methods, reason = "no test waits for this time to pass")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::Missing;

    fn without_tool(strict: bool) -> Outcome {
        let missing = Missing { reason: "there is no Python".into(), remedy: "get one".into() };
        Outcome::of(Err(Unpassed::NotRun(missing)), strict)
    }

    fn line(step: Step, outcome: Outcome) -> Line {
        Line { step, outcome, took: Duration::from_millis(1_250) }
    }

    #[test]
    fn a_missing_tool_fails_only_where_nothing_may_be_skipped() {
        assert!(line(Step::Template, without_tool(true)).failed());
        assert!(!line(Step::Template, without_tool(false)).failed());
    }

    #[test]
    fn what_the_machine_is_not_made_for_is_skipped_even_there() {
        let missing = || Missing { reason: "there is no Docker".into(), remedy: "get it".into() };
        for strict in [true, false] {
            let outcome = Outcome::of(Err(Unpassed::NotPossible(missing())), strict);
            let line = line(Step::SamLocal, outcome);
            assert!(!line.failed());
            assert!(line.remark().is_some_and(|remark| remark.contains("WHICH CHECKED NOTHING")));
        }
    }

    #[test]
    fn the_table_tells_what_was_not_checked_and_why() {
        let table = table(&[
            line(Step::Format, Outcome::Passed),
            line(Step::Template, without_tool(false)),
            line(Step::Tests, Outcome::Failed { reason: "`cargo test` ended badly".into() }),
            line(Step::Docs, Outcome::NotReached),
        ]);
        let expected = "
step       result    seconds
format     passed        1.2
template   SKIPPED       1.2
tests      FAILED        1.2
docs       not run

SKIPPED template, WHICH CHECKED NOTHING: there is no Python
  To run it: get one, then cargo xtask test --only template

FAILED tests: `cargo test` ended badly
  Again, alone: cargo xtask test --only tests
";
        assert_eq!(table, expected);
    }
}
