//! `EventBridge` Scheduler: the schedules of the stack's own group.

use async_trait::async_trait;
use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_scheduler::operation::create_schedule::CreateScheduleError;
use aws_sdk_scheduler::operation::delete_schedule::DeleteScheduleError;
use aws_sdk_scheduler::operation::get_schedule::{GetScheduleError, GetScheduleOutput};
use aws_sdk_scheduler::primitives::DateTime;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode,
    RetryPolicy, ScheduleState, Target,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::ports::{FoundSchedule, PlannedSchedule, PortError, Scheduler};

const SERVICE: &str = "EventBridge Scheduler";

/// For how long the scheduler retries a firing. A person should look at a run that is later.
const EVENT_AGE_MAX_S: i32 = 6 * 60 * 60;
const RETRIES_MAX: i32 = 60;

/// The target of the schedules, and the role that calls it.
#[derive(Clone, Debug)]
pub struct SchedulerTarget {
    pub group: String,
    /// The ARN of what takes the firings: the trigger function, or its run queue.
    pub arn: String,
    /// The ARN of the role that may call the target.
    pub role: String,
    /// The ARN of the queue for firings that failed for good.
    pub dead_letters: String,
}

impl SchedulerTarget {
    /// The target of one schedule.
    fn of(&self, name: &str) -> Result<Target, PortError> {
        // The scheduler replaces the keyword by the scheduled time.
        let input = json!({
            "schedule": name, "scheduled_time": "<aws.scheduler.scheduled-time>",
        });
        Target::builder()
            .arn(&self.arn)
            .role_arn(&self.role)
            .input(input.to_string())
            .retry_policy(
                RetryPolicy::builder()
                    .maximum_event_age_in_seconds(EVENT_AGE_MAX_S)
                    .maximum_retry_attempts(RETRIES_MAX)
                    .build(),
            )
            .dead_letter_config(DeadLetterConfig::builder().arn(&self.dead_letters).build())
            .build()
            .map_err(|error| PortError::Unusable { what: SERVICE, detail: error.to_string() })
    }

    /// Whether a schedule is as [`Scheduler::put_schedule`] sets it, apart from its times.
    fn is_met_by(&self, name: &str, found: &GetScheduleOutput) -> Result<bool, PortError> {
        let wanted = self.of(name)?;
        let is_exact = found
            .flexible_time_window()
            .is_some_and(|window| *window.mode() == FlexibleTimeWindowMode::Off);
        Ok(is_exact
            && found.end_date().is_none()
            && found.target().is_some_and(|found| fires_the_same(found, &wanted)))
    }
}

fn fires_the_same(found: &Target, wanted: &Target) -> bool {
    let input = |target: &Target| -> Option<Value> { serde_json::from_str(target.input()?).ok() };
    found.arn() == wanted.arn()
        && found.role_arn() == wanted.role_arn()
        && input(found) == input(wanted)
        && found.retry_policy() == wanted.retry_policy()
        && found.dead_letter_config() == wanted.dead_letter_config()
}

#[derive(Clone, Debug)]
pub struct EventBridgeScheduler {
    client: Client,
    target: SchedulerTarget,
}

impl EventBridgeScheduler {
    #[must_use]
    pub fn new(client: Client, target: SchedulerTarget) -> Self {
        Self { client, target }
    }
}

/// A flexible window would fire at any time within it.
fn no_flexible_window() -> Result<FlexibleTimeWindow, PortError> {
    FlexibleTimeWindow::builder()
        .mode(FlexibleTimeWindowMode::Off)
        .build()
        .map_err(|error| PortError::Unusable { what: SERVICE, detail: error.to_string() })
}

fn state(planned: &PlannedSchedule) -> ScheduleState {
    if planned.enabled { ScheduleState::Enabled } else { ScheduleState::Disabled }
}

fn after_completion(planned: &PlannedSchedule) -> ActionAfterCompletion {
    if planned.is_once { ActionAfterCompletion::Delete } else { ActionAfterCompletion::None }
}

fn start(planned: &PlannedSchedule) -> Option<DateTime> {
    planned.starts_at.map(|at| DateTime::from_secs(at.as_second()))
}

/// The error of a failed call, unless the failure only says whether the schedule exists.
fn failed<E, R>(error: &SdkError<E, R>) -> PortError
where
    E: ProvideErrorMetadata,
{
    let detail = match error.code() {
        Some(code) => format!("{code}: {}", error.message().unwrap_or_default()),
        None => "not reached".to_owned(),
    };
    match error.code() {
        // The schedule itself is invalid, so trying again does not help.
        Some("ValidationException") => PortError::Unusable { what: SERVICE, detail },
        Some(_) | None => PortError::Unavailable { what: SERVICE, detail },
    }
}

#[async_trait]
impl Scheduler for EventBridgeScheduler {
    async fn put_schedule(&self, planned: &PlannedSchedule) -> Result<(), PortError> {
        let created = self
            .client
            .create_schedule()
            .group_name(&self.target.group)
            .name(&planned.name)
            .schedule_expression(&planned.expression)
            .schedule_expression_timezone(&planned.timezone)
            .set_start_date(start(planned))
            .state(state(planned))
            .action_after_completion(after_completion(planned))
            .flexible_time_window(no_flexible_window()?)
            .target(self.target.of(&planned.name)?)
            .send()
            .await;
        match created {
            Ok(_) => return Ok(()),
            // The schedule exists: it is updated below.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(CreateScheduleError::is_conflict_exception) => {}
            Err(error) => return Err(failed(&error)),
        }
        // An update sets everything that it does not mention to its default.
        self.client
            .update_schedule()
            .group_name(&self.target.group)
            .name(&planned.name)
            .schedule_expression(&planned.expression)
            .schedule_expression_timezone(&planned.timezone)
            .set_start_date(start(planned))
            .state(state(planned))
            .action_after_completion(after_completion(planned))
            .flexible_time_window(no_flexible_window()?)
            .target(self.target.of(&planned.name)?)
            .send()
            .await
            .map_err(|error| failed(&error))?;
        Ok(())
    }

    async fn schedule(&self, name: &str) -> Result<Option<FoundSchedule>, PortError> {
        let found =
            self.client.get_schedule().group_name(&self.target.group).name(name).send().await;
        let found = match found {
            Ok(found) => found,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetScheduleError::is_resource_not_found_exception) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(failed(&error)),
        };
        let is_ours = self.target.is_met_by(name, &found)?;
        let is_once = found.action_after_completion() == Some(&ActionAfterCompletion::Delete);
        let planned = PlannedSchedule {
            name: name.to_owned(),
            expression: found.schedule_expression.unwrap_or_default(),
            timezone: found.schedule_expression_timezone.unwrap_or_default(),
            enabled: found.state == Some(ScheduleState::Enabled),
            starts_at: found.start_date.and_then(|at| Timestamp::from_second(at.secs()).ok()),
            is_once,
        };
        Ok(Some(FoundSchedule { planned, is_ours }))
    }

    async fn remove_schedule(&self, name: &str) -> Result<(), PortError> {
        let removed =
            self.client.delete_schedule().group_name(&self.target.group).name(name).send().await;
        match removed {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteScheduleError::is_resource_not_found_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(failed(&error)),
        }
    }

    async fn schedule_names(&self) -> Result<Vec<String>, PortError> {
        let mut pages = self
            .client
            .list_schedules()
            .group_name(&self.target.group)
            .into_paginator()
            .items()
            .send();
        let mut names = Vec::new();
        while let Some(schedule) = pages.next().await {
            names.extend(schedule.map_err(|error| failed(&error))?.name);
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> SchedulerTarget {
        SchedulerTarget {
            group: "g".into(),
            arn: "arn:function".into(),
            role: "arn:role".into(),
            dead_letters: "arn:queue".into(),
        }
    }

    fn found(target: Target, mode: FlexibleTimeWindowMode) -> GetScheduleOutput {
        let window = FlexibleTimeWindow::builder().mode(mode).build().expect("a window");
        GetScheduleOutput::builder().flexible_time_window(window).target(target).build()
    }

    #[test]
    fn a_schedule_that_was_changed_by_hand_is_not_ours() {
        type Change = fn(&mut Target);
        let ours = target().of("daily").expect("a target");
        let is_ours = |found: &GetScheduleOutput| target().is_met_by("daily", found).expect("ours");
        let off = FlexibleTimeWindowMode::Off;
        assert!(is_ours(&found(ours.clone(), off.clone())));
        assert!(!is_ours(&found(ours.clone(), FlexibleTimeWindowMode::Flexible)));
        let mut ending = found(ours.clone(), off.clone());
        ending.end_date = Some(DateTime::from_secs(1));
        assert!(!is_ours(&ending));
        let mut spaced = ours.clone();
        spaced.input = spaced.input.map(|input| input.replace(',', ", "));
        assert!(is_ours(&found(spaced, off.clone())), "the same input in another notation");
        let changes: [Change; 7] = [
            |target| target.arn = "arn:other".into(),
            |target| target.role_arn = "arn:other".into(),
            |target| target.input = None,
            |target| target.input = Some(r#"{"schedule":"other"}"#.into()),
            |target| target.retry_policy = None,
            |target| target.dead_letter_config = None,
            |target| {
                target.dead_letter_config =
                    Some(DeadLetterConfig::builder().arn("arn:other").build());
            },
        ];
        for change in changes {
            let mut altered = ours.clone();
            change(&mut altered);
            assert!(!is_ours(&found(altered, off.clone())));
        }
    }
}
