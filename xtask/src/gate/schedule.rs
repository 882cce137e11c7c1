//! Which step may start.

use crate::step::{Queue, Step};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StepState {
    Waiting,
    Working,
    Ended,
}

/// The steps of a run.
#[derive(Debug)]
pub struct Schedule {
    steps: Vec<(Step, StepState)>,
    /// Nothing starts any more: a step failed, or the run was stopped.
    is_stopped: bool,
}

impl Schedule {
    /// A run of these steps.
    pub fn new(steps: &[Step]) -> Self {
        let steps = steps.iter().map(|step| (*step, StepState::Waiting)).collect();
        Self { steps, is_stopped: false }
    }

    /// The next step that may start now; it counts as working from now on.
    pub fn next(&mut self) -> Option<Step> {
        let step = self.steps.iter().map(|(step, _)| *step).find(|step| self.may_start(*step))?;
        self.set(step, StepState::Working);
        Some(step)
    }

    /// A step has ended. After a failure no other starts, and those that work go on to their ends:
    /// what they find is worth knowing.
    pub fn ended(&mut self, step: Step, has_failed: bool) {
        self.set(step, StepState::Ended);
        self.is_stopped |= has_failed;
    }

    /// Lets nothing start any more.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// The steps that have not started.
    pub fn not_started(&self) -> Vec<Step> {
        self.in_state(StepState::Waiting).collect()
    }

    fn may_start(&self, step: Step) -> bool {
        let is_free =
            |queue: Queue| self.in_state(StepState::Working).all(|other| other.queue() != queue);
        let is_over = |other: &Step| {
            self.steps.iter().all(|(step, state)| step != other || *state == StepState::Ended)
        };
        !self.is_stopped
            && self.in_state(StepState::Waiting).any(|waiting| waiting == step)
            && is_free(step.queue())
            && step.after().iter().all(is_over)
    }

    fn in_state(&self, state: StepState) -> impl Iterator<Item = Step> {
        self.steps.iter().filter(move |(_, found)| *found == state).map(|(step, _)| *step)
    }

    fn set(&mut self, step: Step, state: StepState) {
        for (known, current) in &mut self.steps {
            if *known == step {
                *current = state;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    fn started(schedule: &mut Schedule) -> Vec<Step> {
        std::iter::from_fn(|| schedule.next()).collect()
    }

    #[test]
    fn one_step_of_each_queue_works_at_a_time() {
        let mut schedule = Schedule::new(Step::VARIANTS);
        assert_eq!(started(&mut schedule), [Step::Format, Step::Lints]);
        schedule.ended(Step::Format, false);
        assert_eq!(started(&mut schedule), [Step::Imports]);
    }

    #[test]
    fn every_step_runs_once_and_after_those_that_it_builds_on() {
        let mut schedule = Schedule::new(Step::VARIANTS);
        let mut order = Vec::new();
        loop {
            let working = started(&mut schedule);
            order.extend(working.iter().copied());
            // The one that started first ends first.
            let Some(first) = schedule.in_state(StepState::Working).next() else { break };
            schedule.ended(first, false);
        }
        let position = |step| order.iter().position(|known| *known == step).expect("it ran");
        for &step in Step::VARIANTS {
            let mut earlier = step.after().iter();
            assert!(earlier.all(|before| position(*before) < position(step)), "{step:?}");
        }
        assert_eq!(order.len(), Step::VARIANTS.len());
    }

    #[test]
    fn a_step_alone_waits_for_none_that_does_not_run() {
        let mut schedule = Schedule::new(&[Step::E2e, Step::Tests]);
        assert_eq!(started(&mut schedule), [Step::E2e, Step::Tests]);
    }

    #[test]
    fn after_a_failure_nothing_starts() {
        let mut schedule = Schedule::new(Step::VARIANTS);
        started(&mut schedule);
        schedule.ended(Step::Format, true);
        schedule.ended(Step::Lints, false);
        assert_eq!(started(&mut schedule), []);
        assert_eq!(schedule.not_started().len(), Step::VARIANTS.len() - 2);
    }
}
