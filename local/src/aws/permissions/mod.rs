//! The policies of template.yaml, checked against every call of each function.
//!
//! The policies of the template permit only the calls of the functions' own code. AWS's managed
//! policies, which SAM adds, permit Lambda's work for a function: logs, polling queues and the
//! stream, network interfaces, tracing. The template's `Deny` statements narrow the managed
//! policies; they are applied here as well.

mod call;
mod function;
mod policy;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use self::call::{Call, calls_of, upload_calls};
use self::policy::{Grant, Policies};
use crate::aws::embedded::EmbeddedError;

pub use self::function::Function;
pub(crate) use self::policy::matches;

/// The policies, and the calls that were made under them.
#[derive(Clone)]
pub struct Permissions(Arc<Inner>);

struct Inner {
    policies: &'static Policies,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    used: BTreeSet<Grant>,
    refused: BTreeSet<String>,
}

impl std::fmt::Debug for Permissions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(&self.0.policies.grants).finish()
    }
}

impl Permissions {
    /// The policies of template.yaml, with every parameter set.
    ///
    /// # Errors
    /// [`EmbeddedError`] when this module does not understand a policy.
    pub fn of_template() -> Result<Self, EmbeddedError> {
        static READ: OnceLock<Policies> = OnceLock::new();
        let policies = if let Some(policies) = READ.get() {
            policies
        } else {
            let policies = Policies::of_template()?;
            READ.get_or_init(|| policies)
        };
        Ok(Self(Arc::new(Inner { policies, state: Mutex::default() })))
    }

    /// An interceptor for a function's clients that checks each call against the function's policy.
    #[must_use]
    pub fn guard(&self, function: Function) -> Guard {
        Guard { function, permissions: self.clone() }
    }

    /// The grants that no call has used so far.
    #[must_use]
    pub fn unused(&self) -> Vec<String> {
        let state = self.state();
        self.0.policies.grants.difference(&state.used).map(ToString::to_string).collect()
    }

    /// The calls that were made and are not permitted.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        self.state().refused.iter().cloned().collect()
    }

    /// Checks an upload to a presigned address: S3 permits what the function that signed it may do.
    ///
    /// # Errors
    /// Says what the function's policy does not permit.
    pub fn check_upload(&self, function: Function, bucket: &str, key: &str) -> Result<(), String> {
        upload_calls(bucket, key).iter().try_for_each(|call| self.check(function, call))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, function: Function, call: &Call) -> Result<(), String> {
        let permitting = self.0.policies.permitting(function, call);
        let mut state = self.state();
        if permitting.is_empty() {
            let Call { action, resource, leading_key } = call;
            let key = leading_key.as_deref().unwrap_or("-");
            let function = function.logical_id();
            let refusal = format!(
                "the policy of {function} in template.yaml does not permit {action} on {resource} \
                 (partition key {key})"
            );
            state.refused.insert(refusal.clone());
            return Err(refusal);
        }
        state.used.extend(permitting);
        Ok(())
    }
}

/// Checks each call of the clients that it is attached to.
#[derive(Clone, Debug)]
pub struct Guard {
    function: Function,
    permissions: Permissions,
}

impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "Guard"
    }

    #[expect(clippy::panic, reason = "a test must fail even when its function handles a refusal")]
    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input();
        let partition_keys = &self.permissions.0.policies.partition_keys;
        let calls = calls_of(input, partition_keys).unwrap_or_else(|| {
            let operation = config.load::<Metadata>().map_or("?".to_owned(), |operation| {
                format!("{}:{}", operation.service().to_lowercase(), operation.name())
            });
            vec![Call::new(&operation, "a resource that this check does not know")]
        });
        for call in &calls {
            if let Err(refusal) = self.permissions.check(self.function, call) {
                panic!("{refusal}");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::call::arn;
    use super::*;

    fn is_permitted(function: Function, action: &str, resource: &str, key: Option<&str>) -> bool {
        let permissions = Permissions::of_template().expect("the template's policies");
        let call = Call { leading_key: key.map(str::to_owned), ..Call::new(action, resource) };
        permissions.check(function, &call).is_ok()
    }

    #[test]
    fn policies_are_read_as_aws_reads_them() {
        let put = |table, key| is_permitted(Function::Enqueue, "dynamodb:PutItem", table, key);
        assert!(put("NotificationsTable", Some("29698ed96c0fc24da63deffce69aa3")));
        assert!(!put("CatalogTable", Some("channel")), "another table");
        let update =
            |key| is_permitted(Function::Enqueue, "dynamodb:UpdateItem", "StateTable", key);
        assert!(update(Some("puts#alimtalk-main")));
        assert!(!update(Some("token#alimtalk-main")), "another partition key");
        assert!(!update(None), "no partition key where one is asked for");
        let query = |resource| is_permitted(Function::Sender, "dynamodb:Query", resource, None);
        assert!(query("NotificationsTable/index/agenda"));
        assert!(!query("NotificationsTable"), "an index is not its table");
        assert!(!query("NotificationsTable/index/history"), "another index");
        let delete = |key| is_permitted(Function::Sender, "dynamodb:DeleteItem", "StateTable", key);
        assert!(!delete(Some("lane#a")));
        let secret = |function, name: &str| {
            let arn = format!("{}:secret:{name}", arn("secretsmanager"));
            is_permitted(function, "secretsmanager:GetSecretValue", &arn, None)
        };
        assert!(secret(Function::Sender, "alimi/alimtalk-main-a1b2c3"));
        assert!(!secret(Function::Sender, "payroll-a1b2c3"));
        assert!(!secret(Function::Webhook, "alimi/alimtalk-main-a1b2c3"), "another function");
        assert!(!is_permitted(
            Function::Planner,
            "scheduler:DeleteSchedule",
            "arn:aws:scheduler:region:account:schedule/default/x",
            None
        ));
    }
}
