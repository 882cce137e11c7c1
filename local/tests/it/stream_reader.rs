//! The event source mapping of a stream: batches, retries, filters, and where it continues.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alimi_local::aws::embedded::{self, Changes, StandInRows};
use alimi_local::aws::stream_reader::{StreamReader, StreamReaderSettings};
use alimi_local::stopping::Stop;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{World, WorldSettings};
use dynoxide::Database;
use serde_json::{Value, json};

/// A function that records what it gets.
#[derive(Clone, Default)]
struct Function {
    /// For each invocation, the names and revisions of the changed items.
    invocations: Arc<Mutex<Vec<Vec<String>>>>,
    /// The answers to the next invocations; every later one succeeds.
    answers: Arc<Mutex<VecDeque<Reply>>>,
}

/// An answer.
#[derive(Clone, Copy)]
enum Reply {
    Crashes,
    /// The change at this place of the batch fails.
    FailsAt(usize),
    Succeeds,
}

impl Function {
    fn replying(replies: impl IntoIterator<Item = Reply>) -> Self {
        let answers = Arc::new(Mutex::new(replies.into_iter().collect()));
        Self { answers, ..Self::default() }
    }

    fn invoke(&self, event: &Value) -> Option<Value> {
        let records = event["Records"].as_array().expect("records").clone();
        let shown = records.iter().map(|record| {
            let image = &record["dynamodb"]["NewImage"];
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            format!("{}@{}", text(&image["name"]["S"]), text(&image["revision"]["N"]))
        });
        self.invocations.lock().expect("no panic").push(shown.collect());
        let reply = self.answers.lock().expect("no panic").pop_front();
        match reply.unwrap_or(Reply::Succeeds) {
            Reply::Crashes => None,
            Reply::Succeeds => Some(json!({ "batchItemFailures": [] })),
            Reply::FailsAt(place) => {
                let number = &records[place]["dynamodb"]["SequenceNumber"];
                Some(json!({ "batchItemFailures": [{ "itemIdentifier": number }] }))
            }
        }
    }

    fn invocations(&self) -> Vec<Vec<String>> {
        self.invocations.lock().expect("no panic").clone()
    }
}

/// The planner's settings, with small batches that are tried again for ever.
fn settings() -> StreamReaderSettings {
    let all = StreamReaderSettings::of_template().expect("the template's mappings");
    let planner = all.into_iter().find(|reader| reader.function == "PlannerFunction");
    let mut settings = planner.expect("the planner reads the catalog's stream");
    settings.batch_size = 4;
    settings.age_max = None;
    settings
}

fn put(database: &Database, kind: &str, name: &str, revision: usize) {
    let item = json!({
        "kind": { "S": kind }, "name": { "S": name }, "revision": { "N": revision.to_string() },
    });
    let put = json!({ "TableName": "CatalogTable", "Item": item }).to_string();
    database.put_item(serde_json::from_str(&put).expect("a put")).expect("stored");
}

/// A database with so many changes of schedules: revisions of `a` and `b` by turns.
fn database(changes: usize) -> Database {
    let database = embedded::database().expect("a database");
    for number in 1..=changes {
        put(&database, "schedule", if number % 2 == 1 { "a" } else { "b" }, number);
    }
    database
}

/// Lets a reader work for a while.
async fn read(database: &Database, settings: &StreamReaderSettings, function: &Function) {
    let (changes, rows) = (Changes::of(database), StandInRows::of(database));
    let poll_every = Duration::from_millis(250);
    let reader = StreamReader::new(settings.clone(), changes, rows, poll_every);
    let (stop, invoked) = (Stop::default(), function.clone());
    let invoke = move |event: Value| {
        let function = invoked.clone();
        async move { function.invoke(&event) }
    };
    let reading = tokio::spawn(reader.run(invoke, stop.stopping()));
    tokio::time::sleep(Duration::from_secs(120)).await;
    stop.request();
    reading.await.expect("no panic").expect("the reader's position");
}

#[tokio::test(start_paused = true)]
async fn changes_come_in_their_order_in_batches_that_are_not_too_large() {
    let database = database(10);
    let function = Function::default();
    read(&database, &settings(), &function).await;
    let all = ["a@1", "b@2", "a@3", "b@4", "a@5", "b@6", "a@7", "b@8", "a@9", "b@10"];
    let expected: Vec<Vec<&str>> = all.chunks(4).map(<[&str]>::to_vec).collect();
    assert_eq!(function.invocations(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_function_gets_only_changes_that_match_its_filter() {
    let database = database(1);
    put(&database, "template", "t", 1);
    put(&database, "schedule", "b", 2);
    let function = Function::default();
    read(&database, &settings(), &function).await;
    assert_eq!(function.invocations(), [["a@1", "b@2"]]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_comes_again_from_the_first_change_that_failed() {
    let database = database(4);
    let function = Function::replying([Reply::FailsAt(2), Reply::FailsAt(0)]);
    read(&database, &settings(), &function).await;
    let again = vec!["a@3", "b@4"];
    assert_eq!(
        function.invocations(),
        [vec!["a@1", "b@2", "a@3", "b@4"], again.clone(), again],
        "what was done does not come again, and nothing overtakes the failed change"
    );
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_a_function_that_crashes_comes_again_as_a_whole() {
    let database = database(2);
    let function = Function::replying([Reply::Crashes, Reply::Crashes]);
    read(&database, &settings(), &function).await;
    assert_eq!(function.invocations(), vec![vec!["a@1", "b@2"]; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_failed_too_often_is_given_up_and_the_next_one_comes() {
    let database = database(5);
    let function = Function::replying([Reply::Crashes; 3]);
    let mut settings = settings();
    settings.retries_max = Some(2);
    read(&database, &settings, &function).await;
    let first = vec!["a@1", "b@2", "a@3", "b@4"];
    assert_eq!(
        function.invocations(),
        [first.clone(), first.clone(), first, vec!["a@5"]],
        "one try and two retries"
    );
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_split_until_only_the_bad_change_is_given_up() {
    let database = database(4);
    // The function fails as long as it gets the second change.
    let failing = [Reply::Crashes, Reply::Crashes, Reply::Succeeds, Reply::Crashes, Reply::Crashes];
    let function = Function::replying(failing.into_iter().chain([Reply::Crashes]));
    let mut settings = settings();
    settings.bisects = true;
    settings.retries_max = Some(0);
    read(&database, &settings, &function).await;
    assert_eq!(
        function.invocations(),
        [
            vec!["a@1", "b@2", "a@3", "b@4"],
            vec!["a@1", "b@2"],
            vec!["a@1"],
            vec!["b@2", "a@3", "b@4"],
            vec!["b@2", "a@3"],
            vec!["b@2"],
            vec!["a@3", "b@4"],
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn changes_of_a_batch_that_are_too_old_are_given_up() {
    let database = database(2);
    let function = Function::replying([Reply::Crashes; 50]);
    let mut settings = settings();
    settings.age_max = Some(Duration::from_secs(30));
    read(&database, &settings, &function).await;
    let tries = function.invocations().len();
    assert!((4..10).contains(&tries), "{tries}");
    put(&database, "schedule", "a", 9);
    let later = Function::default();
    read(&database, &settings, &later).await;
    assert_eq!(later.invocations(), [["a@9"]]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_continues_where_the_one_before_it_has_ended() {
    let database = database(3);
    let first = Function::replying([Reply::Succeeds]);
    read(&database, &settings(), &first).await;
    put(&database, "schedule", "a", 4);
    let second = Function::default();
    read(&database, &settings(), &second).await;
    assert_eq!(first.invocations(), [["a@1", "b@2", "a@3"]]);
    assert_eq!(second.invocations(), [["a@4"]]);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_done_before_the_end_comes_after_it() {
    let database = database(3);
    let first = Function::replying(
        std::iter::once(Reply::FailsAt(1)).chain(std::iter::repeat_n(Reply::Crashes, 100)),
    );
    read(&database, &settings(), &first).await;
    let second = Function::default();
    read(&database, &settings(), &second).await;
    assert_eq!(second.invocations(), [["b@2", "a@3"]], "a@1 was done");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_starts_at_the_latest_change_gets_only_later_ones() {
    let database = database(3);
    let mut settings = settings();
    settings.from_oldest = false;
    let function = Function::default();
    read(&database, &settings, &function).await;
    assert!(function.invocations().is_empty());
    put(&database, "schedule", "b", 4);
    read(&database, &settings, &function).await;
    assert_eq!(function.invocations(), [["b@4"]], "its place was stored at its start");
}

#[tokio::test(start_paused = true)]
async fn a_saved_schedule_reaches_the_scheduler_through_the_stream_even_if_the_planner_crashes() {
    let world = World::new(WorldSettings::default()).await;
    let crash = CrashPoint::after(1);
    world.start_stream_readers(Duration::from_millis(250), &crash);
    let schedule: alimi::domain::Schedule = serde_json::from_value(json!({
        "name": "daily", "expression": "cron(0 10 * * ? *)", "template": "photo-and-video",
        "audience": "teachers",
    }))
    .expect("a schedule");
    world.store.put_schedule(&schedule).await.expect("stored");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(crash.was_reached());
    assert_eq!(world.stack.scheduler.writes(), 1);
    let refused = world.permissions.refused();
    assert!(refused.is_empty(), "{refused:#?}");
}
