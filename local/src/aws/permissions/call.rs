//! The actions and resources of the calls that a function makes.

use std::collections::{BTreeMap, HashMap};

use alimi::aws::{FileRequest, JsonCall};
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemInput;
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemInput;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemInput;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::operation::scan::ScanInput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsInput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_scheduler::operation::create_schedule::CreateScheduleInput;
use aws_sdk_scheduler::operation::delete_schedule::DeleteScheduleInput;
use aws_sdk_scheduler::operation::get_schedule::GetScheduleInput;
use aws_sdk_scheduler::operation::list_schedules::ListSchedulesInput;
use aws_sdk_scheduler::operation::update_schedule::UpdateScheduleInput;
use aws_sdk_sqs::operation::delete_message::DeleteMessageInput;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageInput;
use aws_sdk_sqs::operation::send_message::SendMessageInput;
use aws_smithy_runtime_api::client::interceptors::context::Input;

/// A DynamoDB item, or its key.
type Attributes = HashMap<String, AttributeValue>;

/// One call to AWS, in the terms of policies.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) action: String,
    pub(super) resource: String,
    /// The item's partition key, where the call names one.
    pub(super) leading_key: Option<String>,
}

impl Call {
    pub(super) fn new(action: &str, resource: impl Into<String>) -> Self {
        Self { action: action.to_owned(), resource: resource.into(), leading_key: None }
    }
}

/// The calls that an SDK operation consists of; `None` when the operation is not known here.
/// `partition_keys` has the partition key of each table.
pub(super) fn calls_of(
    input: &Input,
    partition_keys: &BTreeMap<String, String>,
) -> Option<Vec<Call>> {
    database_calls(input, partition_keys).or_else(|| other_calls(input))
}

fn database_calls(input: &Input, partition_keys: &BTreeMap<String, String>) -> Option<Vec<Call>> {
    let on_item = |action: &str, table: Option<&str>, item: Option<&Attributes>| {
        let table = table.unwrap_or_default();
        let key = partition_keys.get(table);
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
        one(Call { leading_key: queried_key(query, partition_keys), ..call })
    } else if let Some(batch) = input.downcast_ref::<BatchGetItemInput>() {
        let tables = batch.request_items().into_iter().flatten();
        Some(tables.map(|(table, _)| Call::new("dynamodb:BatchGetItem", table)).collect())
    } else if let Some(scan) = input.downcast_ref::<ScanInput>() {
        let table = scan.table_name().unwrap_or_default();
        let index = scan.index_name().map(|index| format!("/index/{index}"));
        one(Call::new("dynamodb:Scan", format!("{table}{}", index.unwrap_or_default())))
    } else if let Some(batch) = input.downcast_ref::<BatchWriteItemInput>() {
        let tables = batch.request_items().into_iter().flatten();
        Some(tables.map(|(table, _)| Call::new("dynamodb:BatchWriteItem", table)).collect())
    } else if let Some(transaction) = input.downcast_ref::<TransactWriteItemsInput>() {
        // Policies permit the writes of a transaction, not the transaction itself.
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

/// The partition that a query reads, where the key condition begins with the partition key.
fn queried_key(query: &QueryInput, partition_keys: &BTreeMap<String, String>) -> Option<String> {
    let key = partition_keys.get(query.table_name()?)?;
    let condition = query.key_condition_expression()?;
    // The names of some attributes are reserved words, so the expression has another name for them.
    let alias = query.expression_attribute_names().into_iter().flatten();
    let alias = alias.filter(|(_, name)| *name == key).map(|(alias, _)| alias).next();
    let condition = condition.strip_prefix(&format!("{} = ", alias.unwrap_or(key)))?;
    let value = query.expression_attribute_values()?.get(condition.split(' ').next()?)?;
    value.as_s().ok().cloned()
}

fn other_calls(input: &Input) -> Option<Vec<Call>> {
    let schedule = |action: &str, group: Option<&str>, name: Option<&str>| {
        let path = format!("{}/{}", group.unwrap_or("default"), name.unwrap_or_default());
        Call::new(action, format!("{}:schedule/{path}", arn("scheduler")))
    };
    // A schedule names a role, and its caller must be permitted to pass that role on.
    let put = |call: Call, target: Option<&aws_sdk_scheduler::types::Target>| {
        let role = target.map(aws_sdk_scheduler::types::Target::role_arn);
        vec![call, Call::new("iam:PassRole", role.unwrap_or_default())]
    };
    let on_queue = |action: &str, url: Option<&str>| {
        let queue = url.and_then(|url| url.rsplit('/').next());
        Call::new(action, queue.unwrap_or_default())
    };
    // The policies are read with every parameter set, so customer managed keys encrypt the secrets
    // and the audience files.
    let decrypt = |key: &str| Call::new("kms:Decrypt", format!("{}:key/{key}", arn("kms")));
    let object = |request: &FileRequest| {
        let path = format!("{}/{}", request.bucket(), request.key());
        Call::new("s3:GetObject", format!("arn:aws:s3:::{path}"))
    };
    if let Some(send) = input.downcast_ref::<SendMessageInput>() {
        Some(vec![on_queue("sqs:SendMessage", send.queue_url())])
    } else if let Some(receive) = input.downcast_ref::<ReceiveMessageInput>() {
        Some(vec![on_queue("sqs:ReceiveMessage", receive.queue_url())])
    } else if let Some(delete) = input.downcast_ref::<DeleteMessageInput>() {
        Some(vec![on_queue("sqs:DeleteMessage", delete.queue_url())])
    } else if let Some(call) = input.downcast_ref::<JsonCall>() {
        let member = |name: &str| call.input()[name].as_str().unwrap_or_default();
        match call.target() {
            "secretsmanager.GetSecretValue" => {
                let name = member("SecretId");
                let secret = format!("{}:secret:{name}-a1b2c3", arn("secretsmanager"));
                let read = Call::new("secretsmanager:GetSecretValue", secret);
                // Secrets Manager decrypts on behalf of the caller.
                Some(vec![read, decrypt("SecretsKeyId")])
            }
            _ => None,
        }
    } else if let Some(request) = input.downcast_ref::<FileRequest>() {
        Some(match request {
            // S3 decrypts on behalf of the caller too.
            FileRequest::Part { .. } => vec![object(request), decrypt("AudienceKeyId")],
            // IAM has no action s3:HeadObject.
            FileRequest::State { .. } => vec![object(request)],
            FileRequest::Deletion { .. } => {
                vec![Call { action: "s3:DeleteObject".to_owned(), ..object(request) }]
            }
        })
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

/// The calls of an upload through a presigned address, which S3 permits to the function that signed it.
pub(super) fn upload_calls(bucket: &str, key: &str) -> [Call; 2] {
    let file = format!("arn:aws:s3:::{bucket}/{key}");
    // S3 encrypts on behalf of the function too.
    let encryption = format!("{}:key/AudienceKeyId", arn("kms"));
    [Call::new("s3:PutObject", file), Call::new("kms:GenerateDataKey", encryption)]
}

/// The beginning of a service's ARNs, with names instead of the region and the account.
pub(super) fn arn(service: &str) -> String {
    format!("arn:aws:{service}:region:account")
}
