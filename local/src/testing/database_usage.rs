//! Counts a client's requests to DynamoDB and the units that DynamoDB charges for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemInput, DeleteItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsInput, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::operation::update_item::{
    UpdateItemError, UpdateItemInput, UpdateItemOutput,
};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextMut, Error, FinalizerInterceptorContextRef, Input, Output,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    pub requests: u64,
    pub read_units: f64,
    pub write_units: f64,
}

impl Usage {
    /// The usage since an earlier reading.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            read_units: self.read_units - earlier.read_units,
            write_units: self.write_units - earlier.write_units,
        }
    }
}

/// Counts the usage of the clients that it is attached to.
///
/// DynamoDB charges a write whose condition fails one unit for each KB of the item, but its answer
/// names no charge. One unit is counted for it.
#[derive(Clone, Debug, Default)]
pub struct DatabaseUsage(Arc<Mutex<BTreeMap<&'static str, Usage>>>);

impl DatabaseUsage {
    /// The same client, with its usage counted.
    #[must_use]
    pub fn attached_to(&self, client: &Client) -> Client {
        Client::from_conf(client.config().to_builder().interceptor(self.clone()).build())
    }

    /// The usage of all operations.
    #[must_use]
    pub fn total(&self) -> Usage {
        self.by_operation().values().fold(Usage::default(), |sum, usage| Usage {
            requests: sum.requests + usage.requests,
            read_units: sum.read_units + usage.read_units,
            write_units: sum.write_units + usage.write_units,
        })
    }

    /// The usage by operation.
    #[must_use]
    pub fn by_operation(&self) -> BTreeMap<&'static str, Usage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, operation: &'static str, read_units: f64, write_units: f64) {
        let mut usages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let usage = usages.entry(operation).or_default();
        usage.requests += 1;
        usage.read_units += read_units;
        usage.write_units += write_units;
    }
}

fn units(consumed: Option<&ConsumedCapacity>) -> f64 {
    consumed.and_then(ConsumedCapacity::capacity_units).unwrap_or(0.0)
}

impl Intercept for DatabaseUsage {
    fn name(&self) -> &'static str {
        "DatabaseUsage"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        request_units(input, |input: &mut PutItemInput| &mut input.return_consumed_capacity);
        request_units(input, |input: &mut GetItemInput| &mut input.return_consumed_capacity);
        request_units(input, |input: &mut BatchGetItemInput| &mut input.return_consumed_capacity);
        request_units(input, |input: &mut UpdateItemInput| &mut input.return_consumed_capacity);
        request_units(input, |input: &mut DeleteItemInput| &mut input.return_consumed_capacity);
        request_units(input, |input: &mut QueryInput| &mut input.return_consumed_capacity);
        request_units(input, |input: &mut TransactWriteItemsInput| {
            &mut input.return_consumed_capacity
        });
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match context.output_or_error() {
            Some(Ok(output)) => self.count(output),
            Some(Err(error)) => {
                if let Some(error) = error.as_operation_error() {
                    self.count_refusal(error);
                }
            }
            None => {}
        }
        Ok(())
    }
}

fn request_units<T: std::fmt::Debug + Send + Sync + 'static>(
    input: &mut Input,
    field: impl FnOnce(&mut T) -> &mut Option<ReturnConsumedCapacity>,
) {
    if let Some(input) = input.downcast_mut::<T>() {
        *field(input) = Some(ReturnConsumedCapacity::Total);
    }
}

impl DatabaseUsage {
    fn count(&self, output: &Output) {
        if let Some(put) = output.downcast_ref::<PutItemOutput>() {
            self.add("PutItem", 0.0, units(put.consumed_capacity()));
        } else if let Some(get) = output.downcast_ref::<GetItemOutput>() {
            self.add("GetItem", units(get.consumed_capacity()), 0.0);
        } else if let Some(batch) = output.downcast_ref::<BatchGetItemOutput>() {
            let units = batch.consumed_capacity().iter().map(|one| units(Some(one))).sum();
            self.add("BatchGetItem", units, 0.0);
        } else if let Some(update) = output.downcast_ref::<UpdateItemOutput>() {
            self.add("UpdateItem", 0.0, units(update.consumed_capacity()));
        } else if let Some(delete) = output.downcast_ref::<DeleteItemOutput>() {
            self.add("DeleteItem", 0.0, units(delete.consumed_capacity()));
        } else if let Some(query) = output.downcast_ref::<QueryOutput>() {
            self.add("Query", units(query.consumed_capacity()), 0.0);
        } else if let Some(transaction) = output.downcast_ref::<TransactWriteItemsOutput>() {
            let units = transaction.consumed_capacity().iter().map(|one| units(Some(one))).sum();
            self.add("TransactWriteItems", 0.0, units);
        }
    }

    fn count_refusal(&self, error: &Error) {
        let failed_put = error
            .downcast_ref::<PutItemError>()
            .is_some_and(PutItemError::is_conditional_check_failed_exception);
        let failed_update = error
            .downcast_ref::<UpdateItemError>()
            .is_some_and(UpdateItemError::is_conditional_check_failed_exception);
        if failed_put {
            self.add("PutItem", 0.0, 1.0);
        } else if failed_update {
            self.add("UpdateItem", 0.0, 1.0);
        }
    }
}
