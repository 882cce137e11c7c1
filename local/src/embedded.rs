//! DynamoDB inside this process: dynoxide on `SQLite`, reached by the real AWS client.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use alimi::domain::{Notification, NotificationId};
use alimi::store::Tables;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The deployed template: the embedded tables are made from it, so that they cannot differ.
const TEMPLATE: &str = include_str!("../../template.yaml");

/// What can go wrong while the database is set up.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The database itself.
    #[error("the embedded DynamoDB: {0}")]
    Database(#[from] DynoxideError),
    /// The template is not what this module expects.
    #[error("template.yaml: {0}")]
    Template(String),
}

/// The names of the embedded tables: their logical ids in the template.
#[must_use]
pub fn tables() -> Tables {
    Tables {
        notifications: "NotificationsTable".to_owned(),
        catalog: "CatalogTable".to_owned(),
        state: "StateTable".to_owned(),
        members: "MembersTable".to_owned(),
        runs: "RunsTable".to_owned(),
    }
}

/// A new database in memory, with the template's tables.
///
/// # Errors
/// [`EmbeddedError`].
pub fn database() -> Result<Database, EmbeddedError> {
    create(true)
}

/// The same without streams, for benchmarks: here, every write to a table with a stream takes the
/// longer the more records its stream has.
///
/// # Errors
/// [`EmbeddedError`].
pub fn database_without_streams() -> Result<Database, EmbeddedError> {
    create(false)
}

fn create(with_streams: bool) -> Result<Database, EmbeddedError> {
    let database = Database::memory()?;
    for (name, properties) in template_tables()? {
        let member = |name: &str| properties.get(name).cloned().unwrap_or(Value::Null);
        let mut create = json!({
            "TableName": name,
            "AttributeDefinitions": member("AttributeDefinitions"),
            "KeySchema": member("KeySchema"),
            "BillingMode": "PAY_PER_REQUEST",
        });
        if let Some(indexes) = properties.get("GlobalSecondaryIndexes") {
            create["GlobalSecondaryIndexes"] = indexes.clone();
        }
        if let Some(stream) = properties.get("StreamSpecification").filter(|_| with_streams) {
            create["StreamSpecification"] = json!({
                "StreamEnabled": true,
                "StreamViewType": stream["StreamViewType"],
            });
        }
        let create = serde_json::from_value(create)
            .map_err(|error| EmbeddedError::Template(format!("{name}: {error}")))?;
        database.create_table(create)?;
        if let Some(ttl) = properties.get("TimeToLiveSpecification") {
            let enable = json!({ "TableName": name, "TimeToLiveSpecification": {
                "Enabled": true,
                "AttributeName": ttl["AttributeName"],
            }});
            let enable = serde_json::from_value(enable)
                .map_err(|error| EmbeddedError::Template(format!("{name}: {error}")))?;
            database.update_time_to_live(enable)?;
        }
    }
    Ok(database)
}

/// The template, read once: tests make thousands of databases.
///
/// # Errors
/// [`EmbeddedError`].
pub fn template() -> Result<&'static serde_yaml_ng::Value, EmbeddedError> {
    static READ: OnceLock<serde_yaml_ng::Value> = OnceLock::new();
    if let Some(template) = READ.get() {
        return Ok(template);
    }
    let template = serde_yaml_ng::from_str(TEMPLATE)
        .map_err(|error| EmbeddedError::Template(error.to_string()))?;
    Ok(READ.get_or_init(|| template))
}

/// The attribute that each table is partitioned by.
pub(crate) fn partition_keys() -> Result<BTreeMap<String, String>, EmbeddedError> {
    let key = |properties: &Value| {
        let schema = properties["KeySchema"].as_array()?;
        let hash = schema.iter().find(|key| key["KeyType"] == "HASH")?;
        Some(hash["AttributeName"].as_str()?.to_owned())
    };
    let tables = template_tables()?.into_iter();
    Ok(tables.filter_map(|(name, properties)| Some((name, key(&properties)?))).collect())
}

/// The DynamoDB tables of the template: logical id and properties.
fn template_tables() -> Result<Vec<(String, Value)>, EmbeddedError> {
    let template = template()?;
    let resources = template
        .get("Resources")
        .and_then(serde_yaml_ng::Value::as_mapping)
        .ok_or_else(|| EmbeddedError::Template("no Resources".to_owned()))?;
    let mut tables = Vec::new();
    for (name, resource) in resources {
        let kind = resource.get("Type").and_then(serde_yaml_ng::Value::as_str);
        let (Some("AWS::DynamoDB::Table"), Some(name), Some(properties)) =
            (kind, name.as_str(), resource.get("Properties"))
        else {
            continue;
        };
        tables.push((name.to_owned(), untagged(properties)));
    }
    Ok(tables)
}

/// YAML as JSON. Intrinsic functions (`!Ref …`) become null: nothing that a key is made of uses
/// them.
fn untagged(value: &serde_yaml_ng::Value) -> Value {
    use serde_yaml_ng::Value as Yaml;
    match value {
        Yaml::Null | Yaml::Tagged(_) => Value::Null,
        Yaml::Bool(truth) => Value::Bool(*truth),
        Yaml::Number(number) => number.as_i64().map_or(Value::Null, Value::from),
        Yaml::String(text) => Value::String(text.clone()),
        Yaml::Sequence(items) => items.iter().map(untagged).collect(),
        Yaml::Mapping(members) => members
            .iter()
            .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), untagged(value))))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

/// Every notification that is stored, by id, read past the client.
///
/// # Errors
/// [`EmbeddedError`].
pub fn notifications(
    database: &Database,
) -> Result<BTreeMap<NotificationId, Notification>, EmbeddedError> {
    let odd = |error: &dyn std::fmt::Display| {
        EmbeddedError::Database(DynoxideError::InternalServerError(error.to_string()))
    };
    let mut all = BTreeMap::new();
    let mut start = Value::Null;
    loop {
        let mut scan = json!({ "TableName": tables().notifications });
        if !start.is_null() {
            scan["ExclusiveStartKey"] = start;
        }
        let page = database.scan(serde_json::from_value(scan).map_err(|error| odd(&error))?)?;
        let page = serde_json::to_value(page).map_err(|error| odd(&error))?;
        for item in page["Items"].as_array().into_iter().flatten() {
            let item: serde_dynamo::Item =
                serde_json::from_value(item.clone()).map_err(|error| odd(&error))?;
            let notification: Notification =
                serde_dynamo::from_item(item).map_err(|error| odd(&error))?;
            all.insert(notification.id.clone(), notification);
        }
        start = page["LastEvaluatedKey"].clone();
        if start.is_null() {
            return Ok(all);
        }
    }
}

/// Whether anything is still to be done by itself: a message that is to leave, or whose word is
/// awaited. Cheap, however many notifications there are.
///
/// # Errors
/// When the database fails or answers oddly.
pub fn is_agenda_empty(database: &Database) -> Result<bool, EmbeddedError> {
    let odd = |error: &dyn std::fmt::Display| {
        EmbeddedError::Database(DynoxideError::InternalServerError(error.to_string()))
    };
    let scan = json!({ "TableName": tables().notifications, "IndexName": "agenda", "Limit": 1 });
    let page = database.scan(serde_json::from_value(scan).map_err(|error| odd(&error))?)?;
    let page = serde_json::to_value(page).map_err(|error| odd(&error))?;
    Ok(page["Items"].as_array().is_none_or(Vec::is_empty))
}

fn config() -> aws_sdk_dynamodb::config::Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .retry_config(alimi::aws::retries())
        .region(Region::from_static("ap-northeast-2"))
        .credentials_provider(Credentials::for_tests())
}

/// The real client over loopback, as [`crate::real`] uses it.
#[must_use]
pub fn client_over_tcp(endpoint: &str) -> Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    Client::from_conf(config().http_client(http).endpoint_url(endpoint).build())
}

/// The database behind a port on loopback, for the real client over real sockets.
///
/// Serving ends when the value is dropped.
#[derive(Debug)]
pub struct Served {
    /// Its address, as an AWS endpoint.
    pub endpoint: String,
    _stop: tokio::sync::oneshot::Sender<()>,
}

/// Serves the database on a port (0: any that is free).
///
/// # Errors
/// When the port cannot be had.
pub async fn serve(database: Database, port: u16) -> std::io::Result<Served> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = tokio::sync::oneshot::channel();
    tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, async {
        let _dropped = stopped.await;
    }));
    Ok(Served { endpoint, _stop: stop })
}

/// What is to go wrong with the next requests to the database.
#[derive(Clone, Debug, Default)]
pub struct DatabaseFaults(Arc<Mutex<VecDeque<Option<DatabaseFault>>>>);

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseFault {
    /// It has its effect, but the answer is lost.
    AnswerLost,
    /// It has no effect, and DynamoDB says that it is overloaded.
    Refused,
}

impl DatabaseFaults {
    /// Lets this go wrong with the next request that nothing goes wrong with yet.
    pub fn add(&self, fault: DatabaseFault) {
        self.queue().push_back(Some(fault));
    }

    /// Lets as many requests pass before the next fault.
    pub fn pass(&self, requests: usize) {
        self.queue().extend(std::iter::repeat_n(None, requests));
    }

    /// How many requests are still to go wrong.
    #[must_use]
    pub fn left(&self) -> usize {
        self.queue().iter().flatten().count()
    }

    /// Lets nothing more go wrong.
    pub fn clear(&self) {
        self.queue().clear();
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Option<DatabaseFault>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The real client with the database as its transport: no sockets, so that a test's clock can
/// stand still. Each request takes `latency` before and after it has its effect, which is where a
/// crash can come between.
#[must_use]
pub fn client_in_process(database: Database, latency: Duration, faults: DatabaseFaults) -> Client {
    let transport = InProcess { database: Arc::new(database), latency, faults };
    Client::from_conf(
        config().http_client(transport).endpoint_url("http://dynamodb.in-process").build(),
    )
}

#[derive(Clone)]
struct InProcess {
    database: Arc<Database>,
    latency: Duration,
    faults: DatabaseFaults,
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(this.latency).await;
            let fault = this.faults.queue().pop_front().flatten();
            let answered = match fault {
                None => this.answer(&request),
                Some(DatabaseFault::AnswerLost) => this
                    .answer(&request)
                    .and_then(|_| Err(ConnectorError::io("the connection was lost".into()))),
                Some(DatabaseFault::Refused) => overloaded(),
            };
            tokio::time::sleep(this.latency).await;
            answered
        })
    }
}

fn overloaded() -> Result<HttpResponse, ConnectorError> {
    let body = json!({ "__type": "com.amazon.coral.availability#ThrottlingException" });
    let status =
        StatusCode::try_from(400).map_err(|error| ConnectorError::other(error.into(), None))?;
    Ok(HttpResponse::new(status, SdkBody::from(body.to_string())))
}

impl InProcess {
    fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let operation = request
            .headers()
            .get("x-amz-target")
            .and_then(|target| target.rsplit_once('.'))
            .map_or("", |(_, operation)| operation);
        let body = request.body().bytes().unwrap_or_default();
        let (status, body) = match self.run(operation, body) {
            Ok(body) => (200, body),
            Err(error) => (error.status_code(), error.to_json()),
        };
        let status = StatusCode::try_from(status)
            .map_err(|error| ConnectorError::other(error.into(), None))?;
        Ok(HttpResponse::new(status, SdkBody::from(body)))
    }

    fn run(&self, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
        let db = &self.database;
        match operation {
            "PutItem" => call(body, |request| db.put_item(request)),
            "GetItem" => call(body, |request| db.get_item(request)),
            "UpdateItem" => call(body, |request| db.update_item(request)),
            "DeleteItem" => call(body, |request| db.delete_item(request)),
            "Query" => call(body, |request| db.query(request)),
            "Scan" => call(body, |request| db.scan(request)),
            "BatchWriteItem" => call(body, |request| db.batch_write_item(request)),
            "TransactWriteItems" => call(body, |request| db.transact_write_items(request)),
            other => Err(DynoxideError::ValidationException(format!(
                "the in-process transport does not know {other}"
            ))),
        }
    }
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    run: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<String, DynoxideError> {
    let invalid = |error: serde_json::Error| DynoxideError::ValidationException(error.to_string());
    let request = serde_json::from_slice(body).map_err(invalid)?;
    serde_json::to_string(&run(request)?).map_err(invalid)
}
