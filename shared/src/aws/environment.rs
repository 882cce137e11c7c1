//! A function's environment variables.

use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use super::scheduler::SchedulerTarget;
use crate::http::{
    IdentifyCaller, iam_caller, iam_identity, iam_or_local_caller, iam_or_local_identity,
};
use crate::store::Tables;
use crate::telemetry;

/// A variable that `template.yaml` or Lambda should have set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set; template.yaml or Lambda sets it")]
pub struct ConfigError(pub &'static str);

#[derive(Clone, Copy, Debug, Default)]
pub struct Environment;

impl Environment {
    /// A variable that must be set.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable.
    pub fn required(self, name: &'static str) -> Result<String, ConfigError> {
        self.optional(name).ok_or(ConfigError(name))
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
        })
    }

    /// The target of `EventBridge` Scheduler's schedules.
    ///
    /// # Errors
    /// [`ConfigError`] names the first variable that is missing.
    pub fn scheduler_target(self) -> Result<SchedulerTarget, ConfigError> {
        Ok(SchedulerTarget {
            group: self.required("SCHEDULE_GROUP")?,
            function: self.required("TRIGGER_FUNCTION_ARN")?,
            role: self.required("SCHEDULER_ROLE_ARN")?,
            dead_letters: self.required("SCHEDULER_DEAD_LETTERS_ARN")?,
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

/// Endpoints of single services, such as `AWS_ENDPOINT_URL_DYNAMODB`, for emulators of AWS.
impl LoadServiceConfig for Environment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        let name = format!("{}_{service}", key.env());
        self.optional(&name).or_else(|| self.optional(key.env()))
    }
}
