//! Stories about setting up the stack.

use serde_json::json;

use crate::result::{StoryResult, ensure};
use crate::sam::{Parameters, Programs};
use crate::stack::{CHANNEL, RESERVED, SECRET, Stack};

/// Stores the secret, the catalog, the hours and a producer as the guide shows, makes a receipt
/// secret, and registers the webhook with the provider.
pub async fn an_operator_sets_the_stack_up(stack: &Stack) -> StoryResult {
    let secret = json!({ "password": stack.provider.password });
    let created = stack.aws.secrets.create_secret().name(SECRET).secret_string(secret.to_string());
    created.send().await?;
    stack.store_catalog().await?;
    // By default, scheduled messages leave from 10:00 to 19:00. The stories run at any hour.
    let hours = json!({ "scheduled": { "from": "00:00", "to": "24:00" } });
    stack.api.put("/v1/hours/stack", None, &hours).await?.expect(201)?;
    let producer = json!({ "principals": ["photo-service"] });
    stack.api.put("/v1/producers/photos", None, &producer).await?.expect(201)?;
    let path = format!("/v1/channels/{CHANNEL}");
    let made = stack.api.post(&format!("{path}/receipt-secrets")).await?.expect(201)?;
    let receipt_secret = made["secret"].as_str().ok_or("the answer has no secret")?;
    stack.keep_receipt_secret(receipt_secret);
    stack.provider.deliver_receipts_to(stack.outputs.webhook(CHANNEL, receipt_secret))?;
    let channel = stack.api.get(&path).await?.expect(200)?;
    let endpoint = &channel["provider"]["endpoint"];
    ensure(*endpoint == stack.provider.url, || format!("the channel is {channel}"))?;
    ensure(!channel.to_string().contains(receipt_secret), || {
        "the channel shows its receipt secret".to_owned()
    })?;
    Ok("stored the secret, the catalog file, the hours and a producer; made a receipt secret; \
        registered the webhook"
        .to_owned())
}

/// A deployment with invalid parameters fails with a clear error, before anything is changed.
///
/// The SAM CLI shows `CloudFormation`'s reason, which one deployment proves. The others ask
/// `CloudFormation` directly, because a run of the SAM CLI takes seconds.
pub async fn invalid_parameters_are_refused(stack: &Stack) -> StoryResult {
    const SUBNETS: &str = "SenderSubnetIds=subnet-0a1b2c3d,subnet-4e5f6a7b";
    const ELSEWHERE: &str = "SecretsKeyId=arn:aws:kms:eu-west-1:111122223333:key/1234abcd";
    let invalid: [(&'static [&'static str], &str); 6] = [
        (&["SenderSubnetIds=subnet-0a1b2c3d"], "must be empty or at least two ids"),
        (&[SUBNETS], "SenderSecurityGroupIds has to be given too"),
        (&["SenderSecurityGroupIds=sg-0a1b2c3d"], "SenderSubnetIds has to be given too"),
        (&["EndpointUrl=http://127.0.0.1:9600"], "EndpointUrl is for sam local"),
        (&[ELSEWHERE], "must be empty or the id of a key"),
        (&["SenderConcurrency=1"], "must be 2 to 1000"),
    ];
    for (place, (parameters, expected)) in invalid.into_iter().enumerate() {
        let changed = Parameters(parameters);
        let error = if place == 0 {
            let endpoint = &stack.ministack.endpoint;
            let deployed = stack.sam.deploy(endpoint, Programs::Uploaded, changed).await;
            deployed.err().map(|error| error.to_string())
        } else {
            stack.account.refusal(changed).await?
        };
        let error = error.ok_or_else(|| format!("{parameters:?} was not refused"))?;
        ensure(error.contains(expected), || {
            format!("the error for {parameters:?} does not contain {expected:?}: {error}")
        })?;
    }
    let functions = stack.account.functions().await?;
    let mut reserved: Vec<u32> =
        functions.iter().filter_map(|function| function.reserved).collect();
    reserved.sort_unstable();
    ensure(reserved == RESERVED.map(|(_, count)| count), || {
        format!("the reserved concurrency is now {reserved:?}")
    })?;
    Ok("refused: one subnet, subnets without security groups and the reverse, the endpoint of sam \
        local, a key of another region, and a concurrency of one"
        .to_owned())
}

/// The routes of producers and operators require a signature, and the webhook's requires its
/// secret.
pub async fn routes_require_authorization(stack: &Stack) -> StoryResult {
    let api = &stack.api;
    for path in [
        "/v1/notifications/0",
        "/v1/sequences/0",
        "/v1/ops/notifications/0",
        "/v1/channels",
        "/v1/producers",
        "/v1/hours/stack",
    ] {
        api.get_unsigned(path).await?.expect(403)?;
    }
    let receipt = json!({ "REFKEY": "of somebody else" });
    let guessed = format!("/webhooks/{CHANNEL}/guessed");
    api.post_unsigned(&guessed, &receipt).await?.expect(404)?;
    let known = format!("/webhooks/{CHANNEL}/{}", stack.receipt_secret()?);
    api.post_unsigned(&known, &receipt).await?.expect(400)?;
    api.get("/v2/notifications").await?.expect(404)?;
    api.get("/v1/notifications/00").await?.expect(404)?;
    Ok("403 without a signature; 404 to a guessed webhook secret".to_owned())
}
