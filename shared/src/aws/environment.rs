//! A function's environment variables.

use std::num::NonZeroU32;

use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use super::dead_letter_queues::DeadLetterUrls;
use super::redrive_queues::RedriveUrls;
use super::scheduler::SchedulerTarget;
use crate::http::{
    IdentifyCaller, iam_caller, iam_identity, iam_or_local_caller, iam_or_local_identity,
};
use crate::providers::Endpoints;
use crate::store::{Retention, Tables};
use crate::telemetry;

/// What is wrong with a variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("the environment variable {0} is not set; template.yaml or Lambda sets it")]
    Missing(&'static str),
    #[error("the environment variable {name} is {value:?}; must be a number of days, 1 or more")]
    NotDays { name: &'static str, value: String },
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Environment;

impl Environment {
    /// A variable that must be set.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable.
    pub fn required(self, name: &'static str) -> Result<String, ConfigError> {
        self.optional(name).ok_or(ConfigError::Missing(name))
    }

    /// A variable that may be absent; an empty one counts as absent.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn optional(self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    /// The tables' names.
    ///
    /// # Errors
    /// [`ConfigError`] names the first variable that is missing.
    pub fn tables(self) -> Result<Tables, ConfigError> {
        Ok(Tables {
            notifications: self.required("NOTIFICATIONS_TABLE")?,
            catalog: self.required("CATALOG_TABLE")?,
            state: self.required("STATE_TABLE")?,
            members: self.required("MEMBERS_TABLE")?,
            runs: self.required("RUNS_TABLE")?,
            ledger: self.required("LEDGER_TABLE")?,
        })
    }

    /// How long ended notifications and audit records are kept: `RETENTION_DAYS`,
    /// `EXCEPTION_RETENTION_DAYS` and `AUDIT_RETENTION_DAYS`, or the defaults.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is no number of days.
    pub fn retention(self) -> Result<Retention, ConfigError> {
        let Retention { ended_days, exception_days, audit_days } = Retention::default();
        let read = |name: &'static str, default: u32| {
            self.optional(name).map_or(Ok(default), |value| days(name, value))
        };
        Ok(Retention {
            ended_days: read("RETENTION_DAYS", ended_days)?,
            exception_days: read("EXCEPTION_RETENTION_DAYS", exception_days)?,
            audit_days: read("AUDIT_RETENTION_DAYS", audit_days)?,
        })
    }

    /// The address that the functions call instead of AWS, for emulators of AWS.
    ///
    /// `sam local` passes only variables that the template declares, and those without a value as
    /// empty texts. So the template declares a variable of its own for the address.
    #[must_use]
    pub fn endpoint_url(self) -> Option<String> {
        self.optional("ENDPOINT_URL").or_else(|| self.optional("AWS_ENDPOINT_URL"))
    }

    /// To which hosts a channel's credentials may go. Only where AWS is emulated, providers may be
    /// simulated too.
    #[must_use]
    pub fn endpoints(self) -> Endpoints {
        if self.endpoint_url().is_some() { Endpoints::Any } else { Endpoints::ProvidersOwn }
    }

    /// The target of `EventBridge` Scheduler's schedules.
    ///
    /// # Errors
    /// [`ConfigError`] names the first variable that is missing.
    pub fn scheduler_target(self) -> Result<SchedulerTarget, ConfigError> {
        Ok(SchedulerTarget {
            group: self.required("SCHEDULE_GROUP")?,
            arn: self.required("FIRING_TARGET_ARN")?,
            role: self.required("SCHEDULER_ROLE_ARN")?,
            dead_letters: self.required("SCHEDULER_DEAD_LETTERS_ARN")?,
        })
    }

    /// The addresses of the dead-letter queues.
    ///
    /// # Errors
    /// [`ConfigError`] names the first variable that is missing.
    pub fn dead_letter_urls(self) -> Result<DeadLetterUrls, ConfigError> {
        Ok(DeadLetterUrls {
            wakes: self.required("WAKE_DEAD_LETTERS_URL")?,
            runs: self.required("RUN_DEAD_LETTERS_URL")?,
            receipts: self.required("RECEIPT_DEAD_LETTERS_URL")?,
            changes: self.required("CHANGE_DEAD_LETTERS_URL")?,
        })
    }

    /// The addresses of the queues that dead letters are sent back to.
    ///
    /// # Errors
    /// [`ConfigError`] names the first variable that is missing.
    pub fn redrive_urls(self) -> Result<RedriveUrls, ConfigError> {
        Ok(RedriveUrls {
            wakes: self.required("WAKE_QUEUE_URL")?,
            runs: self.required("RUN_QUEUE_URL")?,
            receipts: self.required("RECEIPT_QUEUE_URL")?,
        })
    }

    /// The stack's name, which separates its metrics from another stack's.
    #[must_use]
    pub fn stack(self) -> String {
        self.optional("STACK_NAME").unwrap_or_else(|| "alimi".to_owned())
    }

    /// How to find a request's caller: the IAM principal. `sam local start-api`, on a developer's
    /// machine, authenticates nobody, so any caller is accepted there.
    #[must_use]
    pub fn callers(self) -> IdentifyCaller {
        if self.is_sam_local() { iam_or_local_caller } else { iam_caller }
    }

    /// How to find the name by which people know a request's caller.
    #[must_use]
    pub fn identities(self) -> IdentifyCaller {
        if self.is_sam_local() { iam_or_local_identity } else { iam_identity }
    }

    fn is_sam_local(self) -> bool {
        self.optional("AWS_SAM_LOCAL").is_some_and(|value| value == "true")
    }

    /// Starts logging at the level of `LOG_LEVEL`.
    pub fn start_logging(self) {
        telemetry::start(&self.optional("LOG_LEVEL").unwrap_or_else(|| "info".to_owned()));
    }
}

fn days(name: &'static str, value: String) -> Result<u32, ConfigError> {
    match value.parse::<NonZeroU32>() {
        Ok(days) => Ok(days.get()),
        Err(_) => Err(ConfigError::NotDays { name, value }),
    }
}

/// Endpoints of single services, such as `AWS_ENDPOINT_URL_DYNAMODB`, for emulators of AWS.
impl LoadServiceConfig for Environment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        let name = format!("{}_{service}", key.env());
        self.optional(&name).or_else(|| self.optional(key.env()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retention_is_a_number_of_days() {
        assert_eq!(days("RETENTION_DAYS", "90".into()), Ok(90));
        for value in ["0", "-1", "30d", "1.5", "4294967296"] {
            let error = days("RETENTION_DAYS", value.into()).expect_err("no number of days");
            let text = error.to_string();
            assert!(text.contains("RETENTION_DAYS") && text.contains(value), "{text}");
        }
    }
}
