//! What the policies of template.yaml permit each function, held against every call that it makes.
//!
//! Only what the functions' own code calls is here. What Lambda does for them (logs, polling queues
//! and the stream, network interfaces, tracing) SAM permits by AWS's managed policies. What is denied
//! narrows those; it is denied here as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemInput;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemInput;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsInput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::operation::get_object::GetObjectInput;
use aws_sdk_s3::operation::head_object::HeadObjectInput;
use aws_sdk_scheduler::operation::create_schedule::CreateScheduleInput;
use aws_sdk_scheduler::operation::delete_schedule::DeleteScheduleInput;
use aws_sdk_scheduler::operation::get_schedule::GetScheduleInput;
use aws_sdk_scheduler::operation::list_schedules::ListSchedulesInput;
use aws_sdk_scheduler::operation::update_schedule::UpdateScheduleInput;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueInput;
use aws_sdk_sqs::operation::send_message::SendMessageInput;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, Input,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use serde_yaml_ng::Value as Yaml;

use crate::embedded::{self, EmbeddedError};

/// A function of the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// Takes notifications in.
    Enqueue,
    /// Sends them.
    Sender,
    /// Takes receipts.
    Webhook,
    /// Serves operators.
    Console,
    /// Runs schedules.
    Trigger,
    /// Plans schedules.
    Planner,
    /// Heals.
    Sweeper,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Enqueue,
        Self::Sender,
        Self::Webhook,
        Self::Console,
        Self::Trigger,
        Self::Planner,
        Self::Sweeper,
    ];

    /// Its name in the template.
    #[must_use]
    pub const fn logical_id(self) -> &'static str {
        match self {
            Self::Enqueue => "EnqueueFunction",
            Self::Sender => "SenderFunction",
            Self::Webhook => "WebhookFunction",
            Self::Console => "ConsoleFunction",
            Self::Trigger => "TriggerFunction",
            Self::Planner => "PlannerFunction",
            Self::Sweeper => "SweeperFunction",
        }
    }
}

/// One action that a statement permits on one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// To which function.
    pub function: Function,
    /// In which statement.
    pub statement: String,
    /// The action.
    pub action: String,
    /// The resource: logical ids stand for ARNs, and `*` for anything.
    pub resource: String,
    /// How its items' partition keys have to look; `None` when they may be any.
    leading_keys: Option<Vec<String>>,
}

impl Grant {
    fn permits(&self, call: &Call) -> bool {
        let keys_fit = match (&self.leading_keys, &call.leading_key) {
            (None, _) => true,
            (Some(patterns), Some(key)) => patterns.iter().any(|pattern| fits(pattern, key)),
            (Some(_), None) => false,
        };
        self.action == call.action && fits(&self.resource, &call.resource) && keys_fit
    }
}

/// One action that a statement denies, whatever others permit.
struct Denial {
    function: Function,
    action: String,
    /// Where it is denied; where it is not, if all others are meant.
    resources: Vec<String>,
    on_all_others: bool,
}

impl Denial {
    fn forbids(&self, call: &Call) -> bool {
        let is_listed = self.resources.iter().any(|resource| fits(resource, &call.resource));
        self.action == call.action && is_listed != self.on_all_others
    }
}

impl std::fmt::Display for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { function, statement, action, resource, .. } = self;
        write!(f, "{} / {statement}: {action} on {resource}", function.logical_id())
    }
}

/// One thing that a function asks of AWS, as policies speak of it.
#[derive(Clone, Debug)]
struct Call {
    action: String,
    resource: String,
    leading_key: Option<String>,
}

impl Call {
    fn new(action: &str, resource: impl Into<String>) -> Self {
        Self { action: action.to_owned(), resource: resource.into(), leading_key: None }
    }
}

/// The policies, and what was done under them.
#[derive(Clone)]
pub struct Permissions(Arc<Inner>);

struct Inner {
    policies: &'static Policies,
    state: Mutex<State>,
}

#[derive(Default)]
struct Policies {
    grants: BTreeSet<Grant>,
    denials: Vec<Denial>,
    /// Each table's partition key.
    partition_keys: BTreeMap<String, String>,
}

#[derive(Default)]
struct State {
    used: BTreeSet<Grant>,
    refused: BTreeSet<String>,
}

impl Policies {
    fn of_template() -> Result<Self, EmbeddedError> {
        let template = embedded::template()?;
        let mut all = Self { partition_keys: embedded::partition_keys()?, ..Self::default() };
        for function in Function::ALL {
            let policies = &template["Resources"][function.logical_id()]["Properties"]["Policies"];
            let odd = |fault| format!("the policies of {}: {fault}", function.logical_id());
            let added = all.add_policies(function, policies);
            added.map_err(|fault| EmbeddedError::Template(odd(fault)))?;
        }
        Ok(all)
    }

    fn add_policies(&mut self, function: Function, policies: &Yaml) -> Result<(), String> {
        for policy in policies.as_sequence().ok_or("no list")? {
            let statements = policy["Statement"].as_sequence().ok_or("a policy by name")?;
            for statement in statements {
                // With every parameter given, conditions hold.
                let chosen =
                    if let Yaml::Tagged(tagged) = statement { &tagged.value[1] } else { statement };
                self.add_statement(function, chosen)?;
            }
        }
        Ok(())
    }

    fn add_statement(&mut self, function: Function, statement: &Yaml) -> Result<(), String> {
        let sid = statement["Sid"].as_str().ok_or("a statement without Sid")?;
        let odd = |fault: &str| format!("{sid}: {fault}");
        let is_denial = match statement["Effect"].as_str() {
            Some("Allow") => false,
            Some("Deny") => true,
            _ => return Err(odd("only Allow and Deny are understood")),
        };
        let on_all_others = is_denial && !statement["NotResource"].is_null();
        let listed = &statement[if on_all_others { "NotResource" } else { "Resource" }];
        let resources: Option<Vec<String>> = each(listed).into_iter().map(resource_of).collect();
        let resources = resources.ok_or_else(|| odd("an unknown resource"))?;
        let leading_keys = leading_keys(&statement["Condition"]).map_err(|fault| odd(&fault))?;
        if is_denial && !statement["Condition"].is_null() {
            return Err(odd("a denial on a condition is not understood"));
        }
        for action in each(&statement["Action"]) {
            let action = action.as_str().ok_or_else(|| odd("an action that is no text"))?;
            if action.contains('*') {
                return Err(odd("actions are named one by one"));
            }
            if is_denial {
                let (action, resources) = (action.to_owned(), resources.clone());
                self.denials.push(Denial { function, action, resources, on_all_others });
                continue;
            }
            self.grants.extend(resources.iter().map(|resource| Grant {
                function,
                statement: sid.to_owned(),
                action: action.to_owned(),
                resource: resource.clone(),
                leading_keys: leading_keys.clone(),
            }));
        }
        Ok(())
    }

    /// What permits a call: nothing, where a statement denies it.
    fn permitting(&self, function: Function, call: &Call) -> Vec<Grant> {
        let mut denials = self.denials.iter().filter(|denial| denial.function == function);
        if denials.any(|denial| denial.forbids(call)) {
            return Vec::new();
        }
        let grants = self.grants.iter().filter(|grant| grant.function == function);
        grants.filter(|grant| grant.permits(call)).cloned().collect()
    }
}

impl std::fmt::Debug for Permissions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(&self.0.policies.grants).finish()
    }
}

impl Permissions {
    /// Those of template.yaml, with every parameter given.
    ///
    /// # Errors
    /// [`EmbeddedError`] when a policy says something that this module does not understand.
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

    /// What holds a function to its policy: an interceptor for its clients.
    #[must_use]
    pub fn guard(&self, function: Function) -> Guard {
        Guard { function, permissions: self.clone() }
    }

    /// What nothing has called so far.
    #[must_use]
    pub fn unused(&self) -> Vec<String> {
        let state = self.state();
        self.0.policies.grants.difference(&state.used).map(ToString::to_string).collect()
    }

    /// What was called and is not permitted.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        self.state().refused.iter().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, function: Function, call: &Call) -> Result<(), String> {
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

/// Holds the clients that it is attached to, to what one function may do.
#[derive(Clone, Debug)]
pub struct Guard {
    function: Function,
    permissions: Permissions,
}

impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "Guard"
    }

    #[expect(clippy::panic, reason = "a test is to fail, however its functions take a refusal")]
    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input();
        let calls = self.database_calls(input).or_else(|| other_calls(input));
        let calls = calls.unwrap_or_else(|| {
            let operation = config.load::<Metadata>().map_or("?".to_owned(), |operation| {
                format!("{}:{}", operation.service().to_lowercase(), operation.name())
            });
            vec![Call::new(&operation, "something that this test does not know")]
        });
        for call in &calls {
            if let Err(refusal) = self.permissions.ask(self.function, call) {
                panic!("{refusal}");
            }
        }
        Ok(())
    }
}

type Attributes = std::collections::HashMap<String, AttributeValue>;

impl Guard {
    fn database_calls(&self, input: &Input) -> Option<Vec<Call>> {
        let on_item = |action: &str, table: Option<&str>, item: Option<&Attributes>| {
            let table = table.unwrap_or_default();
            let key = self.permissions.0.policies.partition_keys.get(table);
            let key = key.and_then(|key| item?.get(key)?.as_s().ok()).cloned();
            Call { leading_key: key, ..Call::new(action, table) }
        };
        let one = |call| Some(vec![call]);
        if let Some(get) = input.downcast_ref::<GetItemInput>() {
            one(on_item("dynamodb:GetItem", get.table_name(), get.key()))
        } else if let Some(put) = input.downcast_ref::<PutItemInput>() {
            one(on_item("dynamodb:PutItem", put.table_name(), put.item()))
        } else if let Some(update) = input.downcast_ref::<UpdateItemInput>() {
            one(on_item("dynamodb:UpdateItem", update.table_name(), update.key()))
        } else if let Some(delete) = input.downcast_ref::<DeleteItemInput>() {
            one(on_item("dynamodb:DeleteItem", delete.table_name(), delete.key()))
        } else if let Some(query) = input.downcast_ref::<QueryInput>() {
            let table = query.table_name().unwrap_or_default();
            let index = query.index_name().map(|index| format!("/index/{index}"));
            let call = Call::new("dynamodb:Query", format!("{table}{}", index.unwrap_or_default()));
            one(Call { leading_key: self.queried_key(query), ..call })
        } else if let Some(batch) = input.downcast_ref::<BatchWriteItemInput>() {
            let tables = batch.request_items().into_iter().flatten();
            Some(tables.map(|(table, _)| Call::new("dynamodb:BatchWriteItem", table)).collect())
        } else if let Some(transaction) = input.downcast_ref::<TransactWriteItemsInput>() {
            // A transaction is permitted by what it consists of.
            let mut calls = Vec::new();
            for write in transaction.transact_items() {
                if let Some(put) = write.put() {
                    let item = Some(put.item());
                    calls.push(on_item("dynamodb:PutItem", Some(put.table_name()), item));
                }
                if let Some(update) = write.update() {
                    let key = Some(update.key());
                    calls.push(on_item("dynamodb:UpdateItem", Some(update.table_name()), key));
                }
                if let Some(delete) = write.delete() {
                    let key = Some(delete.key());
                    calls.push(on_item("dynamodb:DeleteItem", Some(delete.table_name()), key));
                }
                if let Some(check) = write.condition_check() {
                    let (table, key) = (Some(check.table_name()), Some(check.key()));
                    calls.push(on_item("dynamodb:ConditionCheckItem", table, key));
                }
            }
            Some(calls)
        } else {
            None
        }
    }
}

impl Guard {
    /// The partition that a table is asked for, where the condition begins with it.
    fn queried_key(&self, query: &QueryInput) -> Option<String> {
        let key = self.permissions.0.policies.partition_keys.get(query.table_name()?)?;
        let of_key = query.key_condition_expression()?.strip_prefix(&format!("{key} = "))?;
        let value = query.expression_attribute_values()?.get(of_key.split(' ').next()?)?;
        value.as_s().ok().cloned()
    }
}

fn other_calls(input: &Input) -> Option<Vec<Call>> {
    let schedule = |action: &str, group: Option<&str>, name: Option<&str>| {
        let path = format!("{}/{}", group.unwrap_or("default"), name.unwrap_or_default());
        Call::new(action, format!("{}:schedule/{path}", arn("scheduler")))
    };
    // Whoever puts a schedule hands the scheduler a role.
    let put = |call: Call, target: Option<&aws_sdk_scheduler::types::Target>| {
        let role = target.map(aws_sdk_scheduler::types::Target::role_arn);
        vec![call, Call::new("iam:PassRole", role.unwrap_or_default())]
    };
    // With every parameter given, secrets and audience files are encrypted under keys of one's own.
    let decrypt = |key: &str| Call::new("kms:Decrypt", format!("{}:key/{key}", arn("kms")));
    let object = |bucket: Option<&str>, key: Option<&str>| {
        let path = format!("{}/{}", bucket.unwrap_or_default(), key.unwrap_or_default());
        Call::new("s3:GetObject", format!("arn:aws:s3:::{path}"))
    };
    if let Some(send) = input.downcast_ref::<SendMessageInput>() {
        let queue = send.queue_url().and_then(|url| url.rsplit('/').next());
        Some(vec![Call::new("sqs:SendMessage", queue.unwrap_or_default())])
    } else if let Some(get) = input.downcast_ref::<GetSecretValueInput>() {
        let name = get.secret_id().unwrap_or_default();
        let secret = format!("{}:secret:{name}-a1b2c3", arn("secretsmanager"));
        // Secrets Manager decrypts on behalf of whoever reads.
        Some(vec![Call::new("secretsmanager:GetSecretValue", secret), decrypt("SecretsKeyId")])
    } else if let Some(get) = input.downcast_ref::<GetObjectInput>() {
        // So does S3.
        Some(vec![object(get.bucket(), get.key()), decrypt("AudienceKeyId")])
    } else if let Some(head) = input.downcast_ref::<HeadObjectInput>() {
        // There is no action of that name.
        Some(vec![object(head.bucket(), head.key())])
    } else if let Some(create) = input.downcast_ref::<CreateScheduleInput>() {
        let call = schedule("scheduler:CreateSchedule", create.group_name(), create.name());
        Some(put(call, create.target()))
    } else if let Some(update) = input.downcast_ref::<UpdateScheduleInput>() {
        let call = schedule("scheduler:UpdateSchedule", update.group_name(), update.name());
        Some(put(call, update.target()))
    } else if let Some(get) = input.downcast_ref::<GetScheduleInput>() {
        Some(vec![schedule("scheduler:GetSchedule", get.group_name(), get.name())])
    } else if let Some(delete) = input.downcast_ref::<DeleteScheduleInput>() {
        Some(vec![schedule("scheduler:DeleteSchedule", delete.group_name(), delete.name())])
    } else {
        let list = input.downcast_ref::<ListSchedulesInput>()?;
        Some(vec![schedule("scheduler:ListSchedules", list.group_name(), None)])
    }
}

/// How ARNs of a service begin here.
fn arn(service: &str) -> String {
    format!("arn:aws:{service}:region:account")
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| fits(rest, text)))
        }),
    }
}

fn each(value: &Yaml) -> Vec<&Yaml> {
    value.as_sequence().map_or_else(|| vec![value], |values| values.iter().collect())
}

/// What conditions say of partition keys. Others say through which service alone something is done:
/// that is how it is done here.
fn leading_keys(conditions: &Yaml) -> Result<Option<Vec<String>>, String> {
    let mut keys = None;
    for (operator, members) in conditions.as_mapping().into_iter().flatten() {
        for (name, values) in members.as_mapping().into_iter().flatten() {
            match (operator.as_str(), name.as_str()) {
                (Some("ForAllValues:StringLike"), Some("dynamodb:LeadingKeys")) => {
                    let values = each(values).into_iter().map(Yaml::as_str);
                    keys = values.map(|value| value.map(str::to_owned)).collect();
                }
                (Some("StringEquals"), Some("iam:PassedToService" | "kms:ViaService")) => {}
                (operator, name) => return Err(format!("the condition {operator:?} {name:?}")),
            }
        }
    }
    Ok(keys)
}

/// A resource as calls name it.
fn resource_of(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) => Some(text.clone()),
        Yaml::Tagged(tagged) => {
            let text = tagged.value.as_str()?;
            if tagged.tag == "GetAtt" {
                let stream = || Some(format!("{}/stream", text.strip_suffix(".StreamArn")?));
                text.strip_suffix(".Arn").map(str::to_owned).or_else(stream)
            } else if tagged.tag == "Ref" {
                Some(text.to_owned())
            } else if tagged.tag == "Sub" {
                substituted(text)
            } else {
                None
            }
        }
        Yaml::Null | Yaml::Bool(_) | Yaml::Number(_) | Yaml::Sequence(_) | Yaml::Mapping(_) => None,
    }
}

fn substituted(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}')?;
        out.push_str(before);
        out.push_str(match name {
            "AWS::Partition" => "aws",
            "AWS::Region" => "region",
            "AWS::AccountId" => "account",
            // Its default, which the example's secrets are named by.
            "SecretPrefix" => "alimi/",
            // Tests have more than one.
            "AudienceBucket" => "*",
            other => other.strip_suffix(".Arn").unwrap_or(other),
        });
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(function: Function, action: &str, resource: &str, key: Option<&str>) -> bool {
        let permissions = Permissions::of_template().expect("the template's policies");
        let call = Call { leading_key: key.map(str::to_owned), ..Call::new(action, resource) };
        permissions.ask(function, &call).is_ok()
    }

    #[test]
    fn policies_are_read_as_aws_reads_them() {
        let put = |table, key| asked(Function::Enqueue, "dynamodb:PutItem", table, key);
        assert!(put("NotificationsTable", Some("29698ed96c0fc24da63deffce69aa3")));
        assert!(put("StateTable", Some("request#1")));
        assert!(!put("StateTable", Some("token#alimtalk-main")), "another partition key");
        assert!(!put("StateTable", None), "no partition key where one is asked for");
        assert!(!put("CatalogTable", Some("channel")), "another table");
        let query = |resource| asked(Function::Sender, "dynamodb:Query", resource, None);
        assert!(query("NotificationsTable/index/agenda"));
        assert!(!query("NotificationsTable"), "an index is not its table");
        assert!(!query("NotificationsTable/index/history"), "another index");
        assert!(!asked(Function::Sender, "dynamodb:DeleteItem", "StateTable", Some("lane#a")));
        let secret = |name: &str| {
            let arn = format!("{}:secret:{name}", arn("secretsmanager"));
            asked(Function::Webhook, "secretsmanager:GetSecretValue", &arn, None)
        };
        assert!(secret("alimi/alimtalk-main-a1b2c3"));
        assert!(!secret("payroll-a1b2c3"));
        assert!(!asked(
            Function::Planner,
            "scheduler:DeleteSchedule",
            "arn:aws:scheduler:region:account:schedule/default/x",
            None
        ));
    }

    #[test]
    fn what_is_denied_is_permitted_by_nothing() {
        let statements = "
            - Statement:
                - Sid: Poll
                  Effect: Allow
                  Action: [sqs:ReceiveMessage, sqs:DeleteMessage, sqs:SendMessage]
                  Resource: '*'
                - Sid: PollNoOtherQueue
                  Effect: Deny
                  Action: sqs:ReceiveMessage
                  NotResource: !GetAtt WakeQueue.Arn
                - Sid: KeepMessages
                  Effect: Deny
                  Action: sqs:DeleteMessage
                  Resource: [!GetAtt RunQueue.Arn, !GetAtt CatalogTable.StreamArn]
        ";
        let statements: Yaml = serde_yaml_ng::from_str(statements).expect("YAML");
        let mut policies = Policies::default();
        policies.add_policies(Function::Sender, &statements).expect("policies");
        let may = |action: &str, resource: &str| {
            !policies.permitting(Function::Sender, &Call::new(action, resource)).is_empty()
        };
        assert!(may("sqs:ReceiveMessage", "WakeQueue"));
        assert!(!may("sqs:ReceiveMessage", "RunQueue"), "all but one are denied");
        assert!(!may("sqs:DeleteMessage", "RunQueue"), "it is named");
        assert!(!may("sqs:DeleteMessage", "CatalogTable/stream"), "so is this");
        assert!(may("sqs:DeleteMessage", "WakeQueue"));
        assert!(may("sqs:SendMessage", "RunQueue"), "another action");
    }

    #[test]
    fn a_statement_that_is_not_understood_is_a_fault() {
        let fault = |rest: &str| {
            let statement = format!("{{ Sid: Odd, Action: 'sqs:SendMessage', {rest} }}");
            let statement: Yaml = serde_yaml_ng::from_str(&statement).expect("YAML");
            Policies::default().add_statement(Function::Sender, &statement).expect_err("a fault")
        };
        let denied = "Effect: Deny, Resource: '*', \
                      Condition: { StringEquals: { 'kms:ViaService': s3.amazonaws.com } }";
        assert!(fault(denied).contains("a denial on a condition"));
        assert!(fault("Effect: Allow, NotResource: '*'").contains("an unknown resource"));
        assert!(fault("Effect: Perhaps, Resource: '*'").contains("only Allow and Deny"));
    }

    #[test]
    fn a_star_stands_for_anything_and_nothing_else_does() {
        assert!(fits("a*c", "abc") && fits("a*c", "ac") && fits("*", "") && fits("a*", "a한"));
        assert!(!fits("a*c", "abcd") && !fits("a", "ab") && !fits("a.c", "abc"));
    }
}
