//! SQS, `EventBridge` Scheduler, S3 and Secrets Manager inside this process, for the real AWS
//! clients. They support the operations that the functions call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use alimi::aws::{
    DeadLetterUrls, EventBridgeScheduler, RedriveUrls, S3Files, SchedulerTarget, SecretsManager,
    SqsDeadLetters, SqsReceiptQueue, SqsRedrive, SqsRunQueue, WakeQueue,
};
use alimi::ports::{
    AudienceFiles, AudienceUploads, Clock, DeadLetterQueue, DeadLetterQueues, FilePart,
    FoundSchedule, PlannedSchedule, PortError, ReceiptQueue, RedriveQueues, RunQueue, Scheduler,
    Secrets, Waker,
};
use alimi::store::DynamoStore;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use http::Uri;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::aws::dead_letters::LocalDeadLetters;
use crate::aws::embedded;
use crate::aws::files::LocalFiles;
use crate::aws::permissions::Guard;
use crate::aws::queue::LocalQueue;
use crate::aws::receipt_queue::{LocalReceiptQueue, QueueDown};
use crate::aws::run_queue::LocalRunQueue;
use crate::aws::scheduler::LocalScheduler;
use crate::aws::secrets::channel_secret;

/// The adapters that one function calls AWS through.
#[derive(Clone)]
pub(crate) struct Adapters {
    pub store: Arc<DynamoStore>,
    pub waker: Arc<dyn Waker>,
    pub run_queue: Arc<dyn RunQueue>,
    pub receipt_queue: Arc<dyn ReceiptQueue>,
    pub dead_letters: Arc<dyn DeadLetterQueues>,
    pub redrive: Arc<dyn RedriveQueues>,
    pub scheduler: Arc<dyn Scheduler>,
    pub files: Arc<dyn AudienceFiles>,
    pub uploads: Arc<dyn AudienceUploads>,
    pub secrets: Arc<dyn Secrets>,
}

#[derive(Clone)]
pub(crate) struct Services(Arc<Inner>);

struct Inner {
    queue: Arc<LocalQueue>,
    run_queue: Arc<LocalRunQueue>,
    receipt_queue: Arc<LocalReceiptQueue>,
    dead_letters: LocalDeadLetters,
    scheduler: Arc<LocalScheduler>,
    files: Arc<LocalFiles>,
    /// The bodies of the requests that put the schedules, by name.
    put_bodies: Mutex<BTreeMap<String, Value>>,
}

/// Makes the client of one service. The SDKs have the same interface with different types.
macro_rules! client {
    ($sdk:ident, $services:expr, $guard:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static(REGION))
                .credentials_provider(Credentials::for_tests())
                .http_client($services.clone())
                .endpoint_url(concat!("http://", stringify!($sdk)))
                .interceptor($guard.clone())
                .build(),
        )
    };
}

const REGION: &str = "ap-northeast-2";

/// The address of the services whose calls no SDK makes. The operation's name has the service.
pub(crate) const JSON_URL: &str = "http://json";

/// The address of S3 in requests that do not leave this process.
pub(crate) const S3_URL: &str = "http://s3";

impl Services {
    pub(crate) fn new(
        dead_letters: LocalDeadLetters,
        scheduler: Arc<LocalScheduler>,
        files: Arc<LocalFiles>,
    ) -> Self {
        let LocalDeadLetters { wakes, runs, receipts, .. } = dead_letters.clone();
        Self(Arc::new(Inner {
            queue: wakes,
            run_queue: runs,
            receipt_queue: receipts,
            dead_letters,
            scheduler,
            files,
            put_bodies: Mutex::default(),
        }))
    }

    /// The adapters of a function, with clients whose calls `guard` checks. The names of queues,
    /// tables and roles are logical ids of the template.
    pub(crate) fn adapters(
        &self,
        database: &aws_sdk_dynamodb::Client,
        clock: Arc<dyn Clock>,
        guard: &Guard,
    ) -> Adapters {
        let config = database.config().to_builder().interceptor(guard.clone()).build();
        let database = aws_sdk_dynamodb::Client::from_conf(config);
        let sqs = client!(aws_sdk_sqs, self, guard);
        let url = |queue: &str| format!("http://aws_sdk_sqs/{queue}");
        let target = SchedulerTarget {
            group: "ScheduleGroup".to_owned(),
            arn: "TriggerFunction".to_owned(),
            role: "SchedulerRole".to_owned(),
            dead_letters: "RunDeadLetterQueue".to_owned(),
        };
        let files =
            Arc::new(S3Files::at(S3_URL, SharedHttpClient::new(self.clone()), guard.clone()));
        Adapters {
            store: Arc::new(DynamoStore::new(database, embedded::tables(), clock)),
            waker: Arc::new(WakeQueue::new(sqs.clone(), url("WakeQueue"))),
            run_queue: Arc::new(SqsRunQueue::new(sqs.clone(), url("RunQueue"))),
            receipt_queue: Arc::new(SqsReceiptQueue::new(sqs.clone(), url("ReceiptQueue"))),
            dead_letters: Arc::new(SqsDeadLetters::new(
                sqs.clone(),
                DeadLetterUrls {
                    wakes: url("WakeDeadLetterQueue"),
                    runs: url("RunDeadLetterQueue"),
                    receipts: url("ReceiptDeadLetterQueue"),
                    changes: url("ChangeDeadLetterQueue"),
                },
            )),
            redrive: Arc::new(SqsRedrive::new(
                sqs,
                RedriveUrls {
                    wakes: url("WakeQueue"),
                    runs: url("RunQueue"),
                    receipts: url("ReceiptQueue"),
                },
            )),
            scheduler: Arc::new(EventBridgeScheduler::new(
                client!(aws_sdk_scheduler, self, guard),
                target,
            )),
            files: files.clone(),
            uploads: files,
            secrets: Arc::new(SecretsManager::new(self.sdk()).with_interceptor(guard.clone())),
        }
    }
}

impl Services {
    /// Uploads of files, to addresses that begin with `url`. No policy is checked.
    pub(crate) fn uploads_at(&self, url: &str) -> S3Files {
        S3Files::at(url, SharedHttpClient::new(self.clone()), Unchecked)
    }

    /// For calls that no SDK makes.
    fn sdk(&self) -> SdkConfig {
        SdkConfig::builder()
            .region(Region::from_static(REGION))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .http_client(self.clone())
            .endpoint_url(JSON_URL)
            .build()
    }

    /// Answers a request. Its host names the service, as in the requests of the clients made here.
    pub(crate) async fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, ServiceError> {
        self.0.answer(request).await
    }
}

/// Checks nothing.
#[derive(Debug)]
struct Unchecked;

impl Intercept for Unchecked {
    fn name(&self) -> &'static str {
        "Unchecked"
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Services")
    }
}

impl HttpClient for Services {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Services {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let inner = self.0.clone();
        HttpConnectorFuture::new(async move {
            let answer = inner.answer(&request).await;
            answer.map_err(|error| ConnectorError::other(error, None))
        })
    }
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: vec![], body: body.to_string().into_bytes() }
    }

    fn refusal(status: u16, code: &str, message: &str) -> Self {
        let headers = vec![("x-amzn-errortype", code.to_owned())];
        let body = json!({ "__type": code, "Message": message }).to_string().into_bytes();
        Self { status, headers, body }
    }

    fn empty(status: u16) -> Self {
        Self { status, headers: vec![], body: vec![] }
    }

    /// The answer of a service whose stand-in failed.
    fn failure(error: &PortError) -> Self {
        match error {
            PortError::Unusable { detail, .. } => Self::refusal(400, "ValidationException", detail),
            PortError::Unavailable { detail, .. } | PortError::Throttled { detail, .. } => {
                Self::refusal(500, "InternalServerException", detail)
            }
        }
    }
}

/// Why a request cannot be answered.
pub(crate) type ServiceError = Box<dyn std::error::Error + Send + Sync>;

impl Inner {
    async fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, ServiceError> {
        let uri: Uri = request.uri().parse()?;
        let body = request.body().bytes().unwrap_or_default();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(body)? };
        let operation = request.headers().get("x-amz-target").unwrap_or(request.method());
        let answer = match (uri.host().unwrap_or_default(), operation) {
            ("aws_sdk_sqs", "AmazonSQS.SendMessage") => self.send(&body)?,
            ("aws_sdk_sqs", "AmazonSQS.ReceiveMessage") => self.receive_dead(&body)?,
            ("aws_sdk_sqs", "AmazonSQS.DeleteMessage") => self.remove_dead(&body)?,
            ("json", "secretsmanager.GetSecretValue") => {
                Answer::json(200, &json!({ "SecretString": channel_secret() }))
            }
            ("aws_sdk_scheduler", "GET") if uri.path() == "/schedules" => self.names().await,
            ("aws_sdk_scheduler", method) => {
                let name = uri.path().trim_start_matches("/schedules/");
                self.schedule(method, name, &body).await?
            }
            ("s3", method @ ("HEAD" | "GET" | "DELETE")) => {
                let (bucket, key) = uri
                    .path()
                    .trim_start_matches('/')
                    .split_once('/')
                    .ok_or("a request for a file needs a bucket and a key")?;
                let key = percent_decode_str(key).decode_utf8()?;
                self.file(method, bucket, &key, request).await?
            }
            (host, operation) => {
                return Err(format!("no stand-in answers {operation} of {host}").into());
            }
        };
        let mut response = HttpResponse::new(answer.status.try_into()?, SdkBody::from(answer.body));
        for (name, value) in answer.headers {
            response.headers_mut().insert(name, value);
        }
        Ok(response)
    }

    fn send(&self, body: &Value) -> Result<Answer, ServiceError> {
        let member = |name: &str| body[name].as_str().unwrap_or_default();
        let text = member("MessageBody").to_owned();
        match member("QueueUrl").rsplit('/').next() {
            Some("WakeQueue") => {
                self.queue.send(member("MessageGroupId"), text, member("MessageDeduplicationId"));
            }
            Some("RunQueue") => self.run_queue.send(text),
            Some("ReceiptQueue") => {
                if let Err(QueueDown) = self.receipt_queue.send(text) {
                    return Ok(Answer::refusal(500, "InternalFailure", "a test has set it down"));
                }
            }
            other => return Err(format!("no queue has the name {other:?}").into()),
        }
        Ok(Answer::json(200, &json!({ "MessageId": "sent" })))
    }

    /// Lambda reads the other queues.
    fn receive_dead(&self, body: &Value) -> Result<Answer, ServiceError> {
        let messages = self.dead_letters.received(dead_letter_queue(body)?);
        let messages = messages.into_iter().map(|message| {
            let attributes = message
                .attributes
                .into_iter()
                .map(|(name, value)| (name, json!({ "DataType": "String", "StringValue": value })));
            json!({
                "MessageId": message.id,
                "ReceiptHandle": message.handle,
                "Body": message.body,
                "Attributes": {
                    "SentTimestamp": message.sent_at_ms.to_string(),
                    "ApproximateReceiveCount": message.receives.to_string(),
                    "MessageGroupId": message.group,
                },
                "MessageAttributes": attributes.collect::<serde_json::Map<_, _>>(),
            })
        });
        let messages: Vec<Value> = messages.collect();
        Ok(Answer::json(200, &json!({ "Messages": messages })))
    }

    fn remove_dead(&self, body: &Value) -> Result<Answer, ServiceError> {
        let handle = body["ReceiptHandle"].as_str().unwrap_or_default();
        self.dead_letters.removed(dead_letter_queue(body)?, handle);
        Ok(Answer::json(200, &json!({})))
    }

    async fn names(&self) -> Answer {
        match self.scheduler.schedule_names().await {
            Ok(names) => {
                let shown: Vec<_> = names.iter().map(|name| json!({ "Name": name })).collect();
                Answer::json(200, &json!({ "Schedules": shown }))
            }
            Err(error) => Answer::failure(&error),
        }
    }

    async fn schedule(
        &self,
        method: &str,
        name: &str,
        body: &Value,
    ) -> Result<Answer, ServiceError> {
        let found = match self.scheduler.schedule(name).await {
            Ok(found) => found,
            Err(error) => return Ok(Answer::failure(&error)),
        };
        Ok(match (method, found) {
            ("POST", Some(_)) => Answer::refusal(409, "ConflictException", "the schedule exists"),
            ("POST", None) | ("PUT", Some(_)) => {
                match self.scheduler.put_schedule(&planned(name, body)?).await {
                    Ok(()) => {
                        let mut schedules =
                            self.put_bodies.lock().unwrap_or_else(PoisonError::into_inner);
                        schedules.insert(name.to_owned(), body.clone());
                        Answer::json(200, &json!({ "ScheduleArn": name }))
                    }
                    Err(error) => Answer::failure(&error),
                }
            }
            ("GET", Some(found)) => Answer::json(200, &self.describe(&found)),
            ("DELETE", Some(_)) => match self.scheduler.remove_schedule(name).await {
                Ok(()) => Answer::json(200, &json!({})),
                Err(error) => Answer::failure(&error),
            },
            ("GET" | "PUT" | "DELETE", None) => {
                Answer::refusal(404, "ResourceNotFoundException", "no such schedule")
            }
            (other, _) => return Err(format!("the scheduler stand-in supports no {other}").into()),
        })
    }

    fn describe(&self, found: &FoundSchedule) -> Value {
        let planned = &found.planned;
        let schedules = self.put_bodies.lock().unwrap_or_else(PoisonError::into_inner);
        // A schedule that was put directly into the stand-in has no request body.
        let body = schedules.get(&planned.name);
        let from_body = |member: &str| body.map(|body| body[member].clone());
        let target = from_body("Target").filter(|_| found.is_ours);
        let time_window = from_body("FlexibleTimeWindow");
        json!({
            "Name": planned.name,
            "ScheduleExpression": planned.expression,
            "ScheduleExpressionTimezone": planned.timezone,
            "State": if planned.enabled { "ENABLED" } else { "DISABLED" },
            "StartDate": planned.starts_at.map(Timestamp::as_second),
            "ActionAfterCompletion": if planned.is_once { "DELETE" } else { "NONE" },
            "EndDate": from_body("EndDate"),
            "FlexibleTimeWindow": time_window.unwrap_or(json!({ "Mode": "OFF" })),
            "Target": target.unwrap_or(json!({ "Arn": "another", "RoleArn": "another" })),
        })
    }

    async fn file(
        &self,
        method: &str,
        bucket: &str,
        key: &str,
        request: &HttpRequest,
    ) -> Result<Answer, ServiceError> {
        if let Some(status) = self.files.refusal() {
            return Ok(Answer::empty(status));
        }
        if method == "DELETE" {
            self.files.remove(bucket, key);
            return Ok(Answer::empty(204));
        }
        let Some(state) = self.files.file_state(bucket, key).await? else {
            return Ok(Answer::empty(404));
        };
        if method == "HEAD" {
            let headers = vec![("etag", state.etag), ("content-length", state.bytes.to_string())];
            return Ok(Answer { status: 200, headers, body: vec![] });
        }
        let header = |name: &str| request.headers().get(name).unwrap_or_default();
        let range = header("range").trim_start_matches("bytes=").split_once('-');
        let (from, to) = range.ok_or("a GET of a file needs a Range header")?;
        let (from, to): (u64, u64) = (from.parse()?, to.parse()?);
        let read = self.files.read_file(bucket, key, header("if-match"), from, to - from + 1);
        Ok(match read.await? {
            FilePart::Gone => Answer::empty(412),
            FilePart::Bytes(part) => {
                Answer { status: 206, headers: vec![("etag", state.etag)], body: part.to_vec() }
            }
        })
    }
}

/// The dead-letter queue that a request names.
fn dead_letter_queue(body: &Value) -> Result<DeadLetterQueue, ServiceError> {
    let name = body["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next());
    let queue = name.and_then(LocalDeadLetters::named);
    queue.ok_or_else(|| format!("no dead-letter queue has the name {name:?}").into())
}

fn planned(name: &str, body: &Value) -> Result<PlannedSchedule, ServiceError> {
    let member = |name: &str| body[name].as_str().unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds of this century")]
    let starts_at = body["StartDate"].as_f64().map(|at_s| Timestamp::from_second(at_s as i64));
    Ok(PlannedSchedule {
        name: name.to_owned(),
        expression: member("ScheduleExpression").to_owned(),
        timezone: member("ScheduleExpressionTimezone").to_owned(),
        enabled: member("State") == "ENABLED",
        starts_at: starts_at.transpose()?,
        is_once: member("ActionAfterCompletion") == "DELETE",
    })
}
