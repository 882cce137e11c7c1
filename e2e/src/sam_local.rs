//! Functions as developers run them on their own machine, by the commands that README.md has:
//! `sam local invoke` with every sample event, and `sam local start-api` with every route.
//!
//! Each event meets a stack of its own in which what its case asks for has happened before. That is
//! in this process; only the event's own function runs in a container.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use alimi::domain::Status;
use alimi_local::embedded;
use alimi_local::sample_bed::{AWS_PORT, SampleBed};
use alimi_local::sample_events::{self, Case};
use alimi_local::stack::WEBHOOK_SECRET;
use clap::Parser;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::Instant;

use crate::docker::{self, Image};
use crate::sam::{self, Sam};
use crate::{Result, Told, ensure, outcome, until};

/// Events that are under way at once. Most of one's time, nothing works.
const LANES: u16 = 3;
/// Longer than any function may take, and the SAM CLI around it.
const INVOKED_WITHIN: Duration = Duration::from_secs(90);
const START_WITHIN: Duration = Duration::from_secs(60);
const ROUTE_WITHIN: Duration = Duration::from_secs(60);

/// Runs every function by `sam local`, as README.md says.
#[derive(Parser)]
struct Arguments {
    /// The SAM CLI. `cargo xtask sam-local` names it, and the one that follows.
    #[arg(long)]
    sam: PathBuf,
    /// cargo-lambda.
    #[arg(long)]
    cargo_lambda: PathBuf,
    /// Only events whose names have this part in them, and no routes.
    #[arg(long)]
    only: Option<String>,
}

/// Does what the command line asks for.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let told = outcome(tell(arguments));
    if told != ExitCode::SUCCESS {
        // Interrupted, perhaps: then commands were killed, and their containers still run.
        clean_up();
    }
    told
}

/// Removes whatever a run left that did not come to its end.
fn clean_up() {
    let logs = std::fs::read_dir(folder()).into_iter().flatten().flatten();
    let told = logs.filter_map(|log| std::fs::read_to_string(log.path()).ok());
    let left: Vec<String> = told.flat_map(|told| containers(&told)).collect();
    if let Ok(runtime) = tokio::runtime::Runtime::new() {
        runtime.block_on(async {
            docker::remove_containers(&left).await;
            docker::remove_stand_in(sam::architecture()).await;
        });
    }
}

/// Where it keeps what was said.
fn folder() -> PathBuf {
    checkout().join("target/sam-local")
}

fn checkout() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Where it is done, and with what.
struct Place {
    sam: Sam,
    folder: PathBuf,
    architecture: &'static str,
    image: Image,
    address: std::net::IpAddr,
}

async fn tell(arguments: Arguments) -> Result<bool> {
    let checkout = checkout().to_owned();
    let folder = folder();
    std::fs::create_dir_all(sam::folder(&checkout))?;
    let only = std::fs::File::create(sam::folder(&checkout).join("lock"))?;
    crate::lock(&only)?;
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let sam = Sam {
        program: arguments.sam,
        cargo_lambda: arguments.cargo_lambda.parent().unwrap_or(&checkout).to_owned(),
        folder: sam::folder(&checkout),
        logs: folder.join("sam"),
        commands: AtomicUsize::new(0),
        checkout,
    };
    std::fs::create_dir_all(&sam.logs)?;
    if sam.is_built()? {
        println!("The functions are those that the end-to-end test built.");
    } else {
        println!("Every function is built; the first time takes a quarter of an hour.");
        sam.build().await?;
    }
    let architecture = sam::architecture();
    let programs: Vec<PathBuf> = functions().iter().map(|name| sam.built_function(name)).collect();
    let image = Image::get(architecture, &programs, &folder).await?;
    println!("Functions run in {}.", image.remark());
    let address = docker::address_on_bridge().await?;
    let place = Place { sam, folder, architecture, image, address };
    let lines = tell_all(&place, arguments.only.as_deref()).await;
    println!("\n{}", table(&lines));
    println!("Functions ran in {}.", place.image.remark());
    println!("What each said: {}.", place.folder.display());
    place.image.remove(architecture).await;
    Ok(!lines.is_empty() && lines.iter().all(|line| line.told.is_ok()))
}

/// A line of the closing table.
struct Line {
    name: String,
    after: String,
    told: std::result::Result<String, String>,
    took: Duration,
}

async fn tell_all(place: &Place, only: Option<&str>) -> Vec<Line> {
    let mut cases = telling_cases();
    cases.retain(|case| only.is_none_or(|part| case.event.contains(part)));
    // The first one makes the image that the others run in too.
    let rest = cases.split_off(1.min(cases.len()));
    let mut lines = invoke_all(place, cases.into_iter(), 0).await;
    let rest = std::sync::Mutex::new(rest.into_iter());
    let next = || rest.lock().ok()?.next();
    let under_way = (0..LANES).map(|lane| invoke_all(place, std::iter::from_fn(next), lane));
    lines.extend(futures::future::join_all(under_way).await.into_iter().flatten());
    lines.sort_by(|one, other| one.name.cmp(&other.name));
    if only.is_none() {
        lines.extend(ask_all_routes(place).await);
    }
    lines
}

/// One case for each event: the one that most happened before.
fn telling_cases() -> Vec<Case> {
    let mut telling: BTreeMap<&str, Case> = BTreeMap::new();
    for case in sample_events::cases() {
        // The machine's clock does not leap.
        if !case.pause.is_zero() {
            continue;
        }
        let tells = |case: &Case| (case.is_timeless, case.before.len());
        if telling.get(case.event).is_none_or(|other| tells(other) < tells(&case)) {
            telling.insert(case.event, case);
        }
    }
    telling.into_values().collect()
}

async fn invoke_all(place: &Place, cases: impl Iterator<Item = Case>, lane: u16) -> Vec<Line> {
    let mut lines = vec![];
    for case in cases {
        let start = Instant::now();
        let told = invoke(place, &case, lane).await.map_err(|error| error.to_string());
        let took = start.elapsed();
        let result = if told.is_ok() { "passed" } else { "FAILED" };
        println!("{result} in {:.1} s: {}", took.as_secs_f64(), case.event);
        let name = format!("{} {}", function_of(case.event), case.event);
        lines.push(Line { name, after: case.before.join(", "), told, took });
    }
    lines
}

async fn invoke(place: &Place, case: &Case, lane: u16) -> Told {
    let port = AWS_PORT + lane;
    let bed = SampleBed::start(place.address, port).await?;
    let told = invoke_on(&bed, place, case, port).await;
    bed.end().await;
    told
}

async fn invoke_on(bed: &SampleBed, place: &Place, case: &Case, port: u16) -> Told {
    for event in &case.before {
        sample_events::invoke(&bed.stack, event).await;
    }
    let function = function_of(case.event);
    let mut invoke = place.command("invoke", port);
    invoke.arg(&function).arg("--event").arg(format!("events/{}.json", case.event));
    let log = place.folder.join(format!("{}.log", case.event.replace('/', "-")));
    let said = place.run(invoke, &log).await?;
    // Whatever the SAM CLI says besides goes to stderr.
    let answer: Value = serde_json::from_str(said.trim())
        .map_err(|_| format!("{function} answered with no JSON: {said:?}; {}", log.display()))?;
    let answer = sample_events::with_body_read(answer);
    let expected = if case.is_timeless {
        case.answer.clone()
    } else {
        json!({ "statusCode": case.answer["statusCode"] })
    };
    let log = log.display();
    ensure(sample_events::says(&answer, &expected), || {
        format!("answered with {answer}, not {expected}; {log}")
    })?;
    if case.is_timeless {
        let stored = embedded::notifications(&bed.database)?;
        let stored: Vec<_> =
            stored.values().map(|found| (found.id.as_str(), by_any_clock(found.status))).collect();
        let mut left: Vec<_> =
            case.left.iter().map(|&(id, status)| (id, by_any_clock(status))).collect();
        left.sort_unstable_by_key(|&(id, _)| id);
        ensure(stored == left, || format!("left {stored:?} behind, not {left:?}; {log}"))?;
    }
    Ok(shown(&expected))
}

/// Whether what may not leave yet is `deferred` is the hour's business.
fn by_any_clock(status: Status) -> Status {
    if status == Status::Deferred { Status::Queued } else { status }
}

fn shown(expected: &Value) -> String {
    match (&expected["statusCode"], expected) {
        (Value::Number(status), _) => status.to_string(),
        (_, other) => other.to_string(),
    }
}

/// The function that an event is for, as its folder says.
fn function_of(event: &str) -> String {
    let folder = event.split('/').next().unwrap_or_default();
    let mut letters = folder.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    format!("{}{}Function", first.map(String::from).unwrap_or_default(), letters.as_str())
}

/// Every function that has events: all of them.
fn functions() -> BTreeSet<String> {
    sample_events::cases().iter().map(|case| function_of(case.event)).collect()
}

impl Place {
    /// A command of `sam local` as README.md has it, with what this machine makes different.
    fn command(&self, name: &str, port: u16) -> Command {
        let mut command = self.sam.command(&["local", name, "--template-file"]);
        command.arg(self.sam.built_template());
        // It is looked for beside the template.
        command.arg("--config-file").arg(self.sam.checkout.join("samconfig.toml"));
        let is_default = self.architecture == "arm64";
        command.args(["--config-env", if is_default { "default" } else { self.architecture }]);
        if port != AWS_PORT {
            let url = format!("EndpointUrl=http://host.docker.internal:{port}");
            let overrides = format!("Architecture={} {url}", self.architecture);
            command.args(["--parameter-overrides", &overrides]);
        }
        command.args(self.image.arguments());
        // Nobody's account is asked for anything.
        sam::without_account(&mut command);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs a command to its end, and answers with what it said. What it told beside goes into a
    /// file.
    async fn run(&self, mut command: Command, log: &Path) -> Result<String> {
        command.stdout(Stdio::piped()).stderr(std::fs::File::create(log)?);
        let ended = tokio::time::timeout(INVOKED_WITHIN, command.spawn()?.wait_with_output()).await;
        let told = std::fs::read_to_string(log).unwrap_or_default();
        docker::remove_containers(&containers(&told)).await;
        let seconds = INVOKED_WITHIN.as_secs();
        let log = log.display();
        let output = ended.map_err(|_| format!("was not over after {seconds} s; {log}"))??;
        let status = output.status;
        ensure(status.success(), || format!("ended with {status}; {log}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The containers that the SAM CLI made.
fn containers(told: &str) -> Vec<String> {
    let ids = told.lines().filter_map(|line| line.split_once("SAM_CONTAINER_ID: "));
    ids.map(|(_, id)| id.trim().to_owned()).collect()
}

/// A request and the status that it is answered with.
struct Asked {
    route: &'static str,
    path: String,
    body: Option<(&'static str, Value)>,
    status: u16,
}

/// Every route of the template, in an order in which each has something to answer.
fn requests() -> Vec<Asked> {
    let single = json!({
        "template": "photo-and-video",
        "to": { "id": "teacher-1", "phone": "010-1234-5678" },
        "variables": { "name": "김하나", "code": "a1" },
    });
    let sequence = json!({
        "to": { "id": "teacher-1", "phone": "010-1234-5678" },
        "steps": [{ "template": "photo-and-video", "variables": { "name": "김하나", "code": "a1" } }],
    });
    let push = json!({
        "DEVICE": "AT", "CMSGID": "1", "MSGID": "1", "PHONE": "01012345678", "MEDIA": "KAT",
        "UNIXTIME": "1772413202", "RESULT": "7000", "REFKEY": "ffffffffffffffffffffffffffffff01",
    });
    let get =
        |route, path: &str, status| Asked { route, path: path.to_owned(), body: None, status };
    let post = |route, path: &str, key, body: &Value, status| Asked {
        route,
        path: path.to_owned(),
        body: Some((key, body.clone())),
        status,
    };
    vec![
        post("POST /v1/notifications", "/v1/notifications", "one", &single, 202),
        get("GET /v1/notifications/{id}", "/v1/notifications/{last}", 200),
        post(
            "POST /v1/notifications/{id}/cancel",
            "/v1/notifications/{last}/cancel",
            "",
            &Value::Null,
            200,
        ),
        post("POST /v1/sequences", "/v1/sequences", "two", &sequence, 202),
        get("GET /v1/sequences/{id}", "/v1/sequences/{last}", 200),
        post(
            "POST /webhooks/{channel}/{secret}",
            &format!("/webhooks/alimtalk-main/{WEBHOOK_SECRET}"),
            "",
            &push,
            200,
        ),
        get("ANY /v1/channels", "/v1/channels", 200),
        get("ANY /v1/channels/{proxy+}", "/v1/channels/alimtalk-main", 200),
        get("ANY /v1/templates", "/v1/templates", 200),
        get("ANY /v1/templates/{proxy+}", "/v1/templates/photo-and-video", 200),
        get("ANY /v1/schedules", "/v1/schedules", 200),
        get("ANY /v1/schedules/{proxy+}", "/v1/schedules/daily/preview", 200),
        get("ANY /v1/audiences", "/v1/audiences", 200),
        get("ANY /v1/audiences/{proxy+}", "/v1/audiences/all", 200),
        get("ANY /v1/hours", "/v1/hours", 200),
        get("ANY /v1/hours/{proxy+}", "/v1/hours/no-such-hours", 404),
    ]
}

async fn ask_all_routes(place: &Place) -> Vec<Line> {
    let start = Instant::now();
    match ask_routes(place).await {
        Ok(lines) => lines,
        Err(error) => vec![Line {
            name: "sam local start-api".to_owned(),
            after: String::new(),
            told: Err(error.to_string()),
            took: start.elapsed(),
        }],
    }
}

async fn ask_routes(place: &Place) -> Result<Vec<Line>> {
    let requests = requests();
    let asked: BTreeSet<&str> = requests.iter().map(|request| request.route).collect();
    let template = std::fs::read_to_string(place.sam.checkout.join("template.yaml"))?;
    let there = routes(&template);
    ensure(asked.iter().eq(there.iter()), || format!("the template's routes are {there:?}"))?;

    let bed = SampleBed::start(place.address, AWS_PORT).await?;
    let told = ask_each(place, requests).await;
    bed.end().await;
    told
}

async fn ask_each(place: &Place, requests: Vec<Asked>) -> Result<Vec<Line>> {
    let port = TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?.port();
    let log = place.folder.join("start-api.log");
    let mut command = place.command("start-api", AWS_PORT);
    command.args(["--port", &port.to_string()]);
    command.stdout(Stdio::null()).stderr(std::fs::File::create(&log)?);
    let mut api = command.spawn()?;
    let mut lines = vec![];
    let started = until("sam local start-api to listen", START_WITHIN, async || {
        ensure(api.try_wait()?.is_none(), || format!("it ended; {}", log.display()))?;
        Ok(TcpStream::connect(("127.0.0.1", port)).await.ok())
    });
    let started = started.await.map(drop);
    if started.is_ok() {
        let client = reqwest::Client::builder().timeout(ROUTE_WITHIN).build()?;
        let mut last = String::new();
        for request in requests {
            let start = Instant::now();
            let told = ask(&client, port, &request, &mut last).await;
            let told = told.map_err(|error| error.to_string());
            let result = if told.is_ok() { "passed" } else { "FAILED" };
            let took = start.elapsed();
            println!("{result} in {:.1} s: {}", took.as_secs_f64(), request.route);
            let name = format!("start-api {}", request.route);
            lines.push(Line { name, after: String::new(), told, took });
        }
    }
    // It would remove its containers itself if it were asked to end; by their ids is surer.
    api.kill().await?;
    docker::remove_containers(&containers(&std::fs::read_to_string(&log)?)).await;
    started.map(|()| lines)
}

async fn ask(client: &reqwest::Client, port: u16, asked: &Asked, last: &mut String) -> Told {
    let url = format!("http://127.0.0.1:{port}{}", asked.path.replace("{last}", last));
    let mut request = match &asked.body {
        None => client.request(Method::GET, url),
        Some((key, body)) => {
            let request = client.request(Method::POST, url).body(body.to_string());
            let request = request.header("Content-Type", "application/json");
            if key.is_empty() { request } else { request.header("Idempotency-Key", *key) }
        }
    };
    if asked.body.as_ref().is_some_and(|(_, body)| body.is_null()) {
        request = request.body("");
    }
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    ensure(status == asked.status, || {
        format!("{} was answered with {status}, not {}: {text}", asked.path, asked.status)
    })?;
    let body: Value = serde_json::from_str(&text)?;
    if let Some(id) = body["id"].as_str() {
        id.clone_into(last);
    }
    Ok(status.to_string())
}

/// The routes of the template's functions: `METHOD /path`.
fn routes(template: &str) -> BTreeSet<String> {
    let value = |line: &str, key: &str| line.trim().strip_prefix(key).map(str::to_owned);
    let lines: Vec<&str> = template.lines().collect();
    let pairs = lines.windows(2).filter_map(|pair| {
        let method = value(pair[0], "Method: ")?;
        Some(format!("{method} {}", value(pair[1], "Path: ")?))
    });
    pairs.collect()
}

fn table(lines: &[Line]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["function or route", "after", "result", "seconds", "answered with"]);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic).set_width(120);
    for line in lines {
        let (result, seen) = match &line.told {
            Ok(seen) => ("passed", seen),
            Err(fault) => ("FAILED", fault),
        };
        let seen: String = seen.chars().take(300).collect();
        let seconds = format!("{:.1}", line.took.as_secs_f64());
        table.add_row([line.name.as_str(), &line.after, result, &seconds, &seen]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_one_case_that_can_be_run_now() {
        let run: BTreeSet<String> =
            telling_cases().iter().map(|case| case.event.to_owned()).collect();
        assert_eq!(run, sample_events::sample_events());
    }

    #[test]
    fn every_route_of_the_template_is_asked() {
        let template = include_str!("../../template.yaml");
        let asked: BTreeSet<_> = requests().iter().map(|asked| asked.route.to_owned()).collect();
        assert_eq!(asked, routes(template));
        assert_eq!(asked.len(), template.matches("Type: HttpApi\n").count(), "none is misread");
    }

    #[test]
    fn every_function_of_the_template_has_events() {
        let template = include_str!("../../template.yaml");
        let there = template.matches("Type: AWS::Serverless::Function").count();
        assert_eq!(functions().len(), there);
        assert!(functions().contains("SweeperFunction"));
    }

    #[test]
    fn containers_are_known_by_what_the_sam_cli_says() {
        let told = "Mounting …\nSAM_CONTAINER_ID: 4d4d32\nSTART RequestId: 1\n";
        assert_eq!(containers(told), ["4d4d32"]);
    }
}
