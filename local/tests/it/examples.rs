//! The clients in `examples/clients`, as they are, against the local stack over TCP: they send with
//! an API key, and heed 429 and 503.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use alimi_catalog::CatalogFile;
use alimi_local::serve::{LocalStack, LocalStackSettings, Ports, StartCatalog};
use alimi_local::simulator::SimulatorSettings;
use serde_json::{Value, json};
use tokio::process::Command;

const WITHIN: Duration = Duration::from_secs(60);

/// A client that can run on this machine.
struct Client {
    program: &'static str,
    script: &'static str,
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A stack with the producer `shop`, and a key of it. Its rate is low, so that clients meet 429.
async fn stack_and_key() -> (LocalStack, String) {
    let example = include_str!("../../../examples/teacher-onboarding/catalog.yaml");
    let catalog = CatalogFile::read(example).expect("the example's catalog");
    let settings = LocalStackSettings {
        catalog: StartCatalog::Always(catalog),
        simulator: SimulatorSettings::default(),
        ports: Ports::default(),
        sweep_every: Duration::from_secs(60),
        data_dir: None,
    };
    let stack = LocalStack::start(settings).await.expect("a stack");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = |path: &str| format!("{}/v1/producers/shop{path}", stack.api_url);
    let shop = json!({ "grants": { "requests_per_second": 1 } });
    let put =
        client.put(url("")).header("if-none-match", "*").header("content-type", "application/json");
    let put = put.body(shop.to_string());
    assert_eq!(put.send().await.expect("an answer").status(), 201);
    let made = client.post(url("/keys")).send().await.expect("an answer");
    let made: Value = serde_json::from_str(&made.text().await.expect("a text")).expect("JSON");
    let key = made["key"].as_str().expect("a key").to_owned();
    (stack, key)
}

/// Runs a client with three recipients.
async fn run(client: &Client, url: &str, key: &str) -> std::process::Output {
    let mut command = Command::new(client.program);
    command.arg(checkout().join("examples/clients").join(client.script));
    command.args(["t1=010-1111-0001", "t2=010-1111-0002", "t3=010-1111-0003"]);
    command.env("ALIMI_URL", url).env("ALIMI_KEY", key).env_remove("http_proxy");
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(WITHIN, command.output()).await;
    output.expect("it ends in time").expect("it runs")
}

/// Says that a client was not run. The test harness captures what `eprintln!` writes, and not this.
fn skip(why: &str) {
    let mut stderr = std::io::stderr();
    let _written = writeln!(stderr, "SKIPPED: {why}");
}

/// How many messages the provider has accepted.
fn sent(stack: &LocalStack) -> usize {
    stack.simulator.arrivals().iter().filter(|arrival| arrival.was_accepted()).count()
}

async fn check(client: &Client) {
    let (stack, key) = stack_and_key().await;
    let output = run(client, &stack.key_api_url, &key).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}\n{errors}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    for line in &lines {
        assert!(line.ends_with("delivered"), "{text}");
    }
    assert!(errors.contains("429"), "the rate has refused some requests: {errors}");
    assert_eq!(sent(&stack), 3, "each message was sent once");

    // A second run of the same requests stores and sends nothing.
    let again = run(client, &stack.key_api_url, &key).await;
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(String::from_utf8_lossy(&again.stdout), text, "the same ids");
    assert_eq!(sent(&stack), 3);

    let wrong = run(client, &stack.key_api_url, &key.replace("shop", "another")).await;
    assert!(!wrong.status.success());
    let errors = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(errors.contains("403"), "{errors}");
    for shown in [errors, text] {
        assert!(!shown.contains(&key), "the key is printed: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_client_sends_with_a_key_and_heeds_refusals() {
    check(&Client { program: "python3", script: "send.py" }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_typescript_client_sends_with_a_key_and_heeds_refusals() {
    let Some(version) = version_of_node().await else {
        return skip("examples/clients/send.mts was not run: there is no node");
    };
    // Since 22.18 and 23.6, node runs TypeScript as it is.
    let strips_types = version >= (23, 6) || ((22, 18)..(23, 0)).contains(&version);
    if !strips_types {
        let (major, minor) = version;
        return skip(&format!(
            "examples/clients/send.mts was not run: node {major}.{minor} runs no TypeScript; 22.18 \
             does, and 23.6"
        ));
    }
    check(&Client { program: "node", script: "send.mts" }).await;
}

/// The major and the minor version of node; `None` without node.
async fn version_of_node() -> Option<(u32, u32)> {
    let output = Command::new("node").arg("--version").output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
