//! Decides which step may start.

use crate::step::{Queue, Step};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StepState {
    Waiting,
    Working,
    Ended,
}

/// The steps of a run and their states.
#[derive(Debug)]
pub struct Schedule {
    steps: Vec<(Step, StepState)>,
    /// No more steps start, because a step failed or somebody stopped the run.
    is_stopped: bool,
}

impl Schedule {
    pub fn new(steps: &[Step]) -> Self {
        let steps = steps.iter().map(|step| (*step, StepState::Waiting)).collect();
        Self { steps, is_stopped: false }
    }

    /// Takes the next step that may start now, and marks it as working.
    pub fn next(&mut self) -> Option<Step> {
        let step = self.steps.iter().map(|(step, _)| *step).find(|step| self.may_start(*step))?;
        self.set(step, StepState::Working);
        Some(step)
    }

    /// Records that a step has ended. After a failure no other step starts. Running steps continue,
    /// because their results help to find the fault.
    pub fn ended(&mut self, step: Step, has_failed: bool) {
        self.set(step, StepState::Ended);
        self.is_stopped |= has_failed;
    }

    /// Prevents any more steps from starting.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

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
    fn at_most_one_step_of_each_queue_runs_at_a_time() {
        let mut schedule = Schedule::new(Step::VARIANTS);
        assert_eq!(started(&mut schedule), [Step::Format, Step::Lints]);
        schedule.ended(Step::Format, false);
        assert_eq!(started(&mut schedule), [Step::Imports]);
    }

    #[test]
    fn every_step_runs_once_and_after_the_steps_that_it_needs() {
        let mut schedule = Schedule::new(Step::VARIANTS);
        let mut order = Vec::new();
        loop {
            let working = started(&mut schedule);
            order.extend(working.iter().copied());
            // The step that started first ends first.
            let Some(first) = schedule.in_state(StepState::Working).next() else { break };
            schedule.ended(first, false);
        }
        let position = |step| order.iter().position(|known| *known == step).expect("the step ran");
        for &step in Step::VARIANTS {
            let mut earlier = step.after().iter();
            assert!(earlier.all(|before| position(*before) < position(step)), "{step:?}");
        }
        assert_eq!(order.len(), Step::VARIANTS.len());
    }

    #[test]
    fn a_step_does_not_wait_for_steps_that_are_not_in_the_run() {
        let mut schedule = Schedule::new(&[Step::E2e, Step::Tests]);
        assert_eq!(started(&mut schedule), [Step::E2e, Step::Tests]);
    }

    #[test]
    fn after_a_failure_no_step_starts() {
        let mut schedule = Schedule::new(Step::VARIANTS);
        started(&mut schedule);
        schedule.ended(Step::Format, true);
        schedule.ended(Step::Lints, false);
        assert_eq!(started(&mut schedule), []);
        assert_eq!(schedule.not_started().len(), Step::VARIANTS.len() - 2);
    }
}
