//! Transactions without idempotency tokens.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::{Map, Value};

const TARGET: &str = "DynamoDB_20120810.TransactWriteItems";
const TOKEN: &str = "ClientRequestToken";

/// Removes the token that the AWS client adds to each transaction.
///
/// The embedded database keeps all tokens of ten minutes, and reads them all at each transaction: at
/// a hundred transactions a second it would soon do little else. A token serves a client that repeats
/// a transaction whose answer was lost. On loopback, with a client that has no time-out, no answer is
/// lost as long as the database runs.
#[derive(Debug)]
pub(super) struct WithoutTokens;

impl Intercept for WithoutTokens {
    fn name(&self) -> &'static str {
        "WithoutTokens"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        if request.headers().get("x-amz-target") != Some(TARGET) {
            return Ok(());
        }
        let Some(body) = request.body().bytes() else { return Ok(()) };
        let mut body: Map<String, Value> = serde_json::from_slice(body)?;
        if body.remove(TOKEN).is_some() {
            let body = serde_json::to_string(&body)?;
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = SdkBody::from(body);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};

    use super::super::{client_over_tcp, database, serve, tables};

    /// Another transaction under a token that was used is refused, unless the token is removed.
    #[tokio::test]
    async fn a_transaction_reaches_the_database_without_its_token() {
        let served = serve(database().expect("a database"), 0).await.expect("a port");
        let client = client_over_tcp(&served.endpoint);
        for name in ["a", "b"] {
            let put = Put::builder()
                .table_name(tables().catalog)
                .item("kind", AttributeValue::S("channel".to_owned()))
                .item("name", AttributeValue::S(name.to_owned()))
                .build()
                .expect("a put");
            let write = TransactWriteItem::builder().put(put).build();
            let transaction = client.transact_write_items().client_request_token("the-same-token");
            transaction.transact_items(write).send().await.expect("the transaction is made");
        }
        let all = client.scan().table_name(tables().catalog).send().await.expect("a scan");
        assert_eq!(all.count(), 2);
    }
}
