//! The table at the gate's end.

use std::time::Duration;

use super::outcome::{Ended, Outcome};
use crate::cost::StepCost;
use crate::step::Step;

/// The totals of a whole run.
#[derive(Clone, Copy, Debug)]
pub struct Totals {
    /// The time from the gate's start to its end.
    pub wall: Duration,
    /// How busy the machine's processors were; `None` if the system does not report it.
    pub busy_percent: Option<u64>,
}

/// Formats one line for each step and one for their sum, then the reasons of failed and skipped
/// steps.
pub fn table(ended: &[(Step, Ended)], totals: Option<Totals>) -> String {
    let mut table = format!(
        "\n{:10} {:8} {:>8} {:>10} {:>10}\n",
        "step", "result", "seconds", "processor", "compiling"
    );
    for (step, ended) in ended {
        table += &row(*step, ended);
    }
    if let Some(totals) = totals {
        table += &sum(ended, totals);
    }
    for (step, ended) in ended {
        table += &remark(*step, &ended.outcome).unwrap_or_default();
    }
    if totals.is_some() {
        table += &closing(ended);
    }
    table
}

fn row(step: Step, ended: &Ended) -> String {
    let result = match ended.outcome {
        Outcome::Passed => "passed",
        Outcome::Failed { .. } => "FAILED",
        Outcome::Skipped { .. } => "SKIPPED",
        Outcome::NotReached => return format!("{:10} not run\n", step.name()),
    };
    costs(step.name(), result, ended.cost.all().wall, &ended.cost)
}

fn costs(name: &str, result: &str, wall: Duration, cost: &StepCost) -> String {
    format!(
        "{name:10} {result:8} {:>8.1} {:>10.1} {:>10.1}\n",
        wall.as_secs_f64(),
        cost.all().processor.as_secs_f64(),
        cost.compiling.processor.as_secs_f64()
    )
}

fn sum(ended: &[(Step, Ended)], totals: Totals) -> String {
    let cost = ended.iter().fold(StepCost::default(), |sum, (_, ended)| StepCost {
        compiling: sum.compiling + ended.cost.compiling,
        checking: sum.checking + ended.cost.checking,
    });
    let busy = totals.busy_percent.map_or_else(String::new, |percent| {
        format!("The machine's processors were busy for {percent} % of the time.\n")
    });
    format!(
        "{}Steps run in parallel, so their seconds add up to more than the row `all` shows. \
         Processor seconds do not include containers.\n{busy}",
        costs("all", "", totals.wall, &cost)
    )
}

fn remark(step: Step, outcome: &Outcome) -> Option<String> {
    let name = step.name();
    match outcome {
        Outcome::Passed | Outcome::NotReached => None,
        Outcome::Failed { reason } => Some(format!(
            "\nFAILED {name}: {reason}\n  To run this step again: cargo xtask test --only {name}\n"
        )),
        Outcome::Skipped { reason, remedy } => Some(format!(
            "\nSKIPPED {name}, SO NOTHING WAS CHECKED: {reason}\n  To run this step: {remedy}, \
             then cargo xtask test --only {name}\n"
        )),
    }
}

/// The last line. Other programs parse it.
fn closing(ended: &[(Step, Ended)]) -> String {
    let count = |is: fn(&Outcome) -> bool| ended.iter().filter(|(_, end)| is(&end.outcome)).count();
    let passed = count(|outcome| *outcome == Outcome::Passed);
    let failed = count(Outcome::is_failure);
    let others = ended.len() - passed - failed;
    format!("\n{passed} passed, {failed} failed, {others} skipped\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(outcome: Outcome) -> Ended {
        let cost = StepCost::from_line("1000 1500 250 200").expect("cost");
        Ended { outcome, cost }
    }

    #[test]
    fn the_table_shows_costs_and_the_reasons_of_failed_and_skipped_steps() {
        let skipped =
            Outcome::Skipped { reason: "there is no Python".into(), remedy: "get one".into() };
        let failed = Outcome::Failed { reason: "`cargo test` failed".into() };
        let steps = [
            (Step::Format, ended(Outcome::Passed)),
            (Step::Template, ended(skipped)),
            (Step::Tests, ended(failed)),
            (Step::Docs, Ended::not_reached()),
        ];
        let totals = Totals { wall: Duration::from_secs(2), busy_percent: Some(87) };
        let expected = "
step       result    seconds  processor  compiling
format     passed        1.2        1.7        1.5
template   SKIPPED       1.2        1.7        1.5
tests      FAILED        1.2        1.7        1.5
docs       not run
all                      2.0        5.1        4.5
Steps run in parallel, so their seconds add up to more than the row `all` shows. \
                        Processor seconds do not include containers.
The machine's processors were busy for 87 % of the time.

SKIPPED template, SO NOTHING WAS CHECKED: there is no Python
  To run this step: get one, then cargo xtask test --only template

FAILED tests: `cargo test` failed
  To run this step again: cargo xtask test --only tests

1 passed, 1 failed, 2 skipped
";
        assert_eq!(table(&steps, Some(totals)), expected);
    }
}
