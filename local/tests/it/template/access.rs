//! Roles grant only what is needed, and every request except the webhook's is signed.

use std::collections::{BTreeMap, BTreeSet};

use alimi_local::aws::api_gateway::{Authorization, KEY_API, authorizer_answers_hold, routes};
use alimi_local::aws::secrets::SECRET_PREFIX;
use serde_yaml_ng::Value;

use super::reading::{functions, named, named_attribute, resources, substituted, template};

/// SAM adds AWS's managed policies, so that Lambda can write logs and poll event sources for a
/// function. They permit that on every resource. So the function's own policy denies the rest.
#[test]
fn each_role_denies_what_the_event_sources_of_its_function_do_not_need() {
    const POLLING: [&str; 4] = [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    ];
    const READING: [&str; 3] =
        ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"];
    let mut sources = 0;
    for (name, function) in functions() {
        let function = &function["Properties"];
        let mut needed = BTreeSet::from([("logs:CreateLogGroup", "on \"*\"".to_owned())]);
        for event in function["Events"].as_mapping().into_iter().flat_map(|events| events.values())
        {
            let (actions, source) = match event["Type"].as_str() {
                Some("SQS") => (&POLLING[..], &event["Properties"]["Queue"]),
                Some("DynamoDB") => (&READING[..], &event["Properties"]["Stream"]),
                _ => continue,
            };
            sources += 1;
            let source = named_attribute(source).expect("a source of this template");
            needed.extend(actions.iter().map(|action| (*action, format!("but on {source}"))));
        }
        let mut found = BTreeSet::new();
        for policy in function["Policies"].as_sequence().expect("policies") {
            for statement in policy["Statement"].as_sequence().expect("statements") {
                if statement["Effect"].as_str() != Some("Deny") {
                    continue;
                }
                assert!(statement["Condition"].is_null(), "{name}: the denial has a condition");
                let (on, but_on) = (&statement["Resource"], &statement["NotResource"]);
                let place = named_attribute(but_on).map_or_else(
                    || format!("on {:?}", on.as_str().expect("a text")),
                    |but_on| format!("but on {but_on}"),
                );
                let actions = &statement["Action"];
                let one = std::slice::from_ref(actions);
                let actions = actions.as_sequence().map_or(one, |actions| &actions[..]);
                let actions = actions.iter().map(|action| action.as_str().expect("a text"));
                found.extend(actions.map(|action| (action, place.clone())));
            }
        }
        assert_eq!(found, needed, "what is denied to {name}");
    }
    assert_eq!(sources, 4, "event sources");
}

/// The webhook's function takes unsigned requests, so it least of all may read a password.
#[test]
fn only_the_sender_may_read_secrets() {
    let reads_secrets = |function: &Value| {
        let policies = &function["Properties"]["Policies"];
        format!("{policies:?}").contains("secretsmanager")
    };
    let found: Vec<_> = functions().into_iter().filter(|(_, f)| reads_secrets(f)).collect();
    let found: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(found, ["SenderFunction"]);
}

/// The sender asks for no other secrets than its policy permits, whatever the prefix is.
#[test]
fn one_parameter_is_the_beginning_of_the_names_of_all_secrets() {
    let sender = &functions()["SenderFunction"]["Properties"];
    let prefix = &sender["Environment"]["Variables"]["SECRET_PREFIX"];
    assert_eq!(named(prefix), Some("SecretPrefix"));
    let statements = sender["Policies"][0]["Statement"].as_sequence().expect("statements");
    let reads = statements.iter().find(|s| s["Sid"].as_str() == Some("ReadChannelsSecrets"));
    let resource = substituted(&reads.expect("the statement")["Resource"]).expect("a !Sub");
    assert!(resource.ends_with(":secret:${SecretPrefix}*"), "{resource}");
    let default = &template()["Parameters"]["SecretPrefix"]["Default"];
    assert_eq!(default.as_str(), Some(SECRET_PREFIX), "the local stack uses the default");
}

#[test]
fn the_access_log_names_the_caller_and_the_route_and_never_the_path() {
    let template = template();
    for (name, api) in resources(template, "AWS::Serverless::HttpApi") {
        let log = &api["Properties"]["AccessLogSettings"];
        assert_eq!(named(&log["DestinationArn"]), Some("ApiLogGroup"), "{name}");
        let format = log["Format"].as_str().expect("a format");
        let line: BTreeMap<String, String> = serde_json::from_str(format).expect("JSON");
        let logged: BTreeSet<_> = line.into_values().collect();
        // The path of a webhook contains its secret. The path and the query of other routes contain ids of
        // persons, which the audit records have.
        // An API key is named by its id, which its authorizer has found.
        let caller = match name.as_str() {
            KEY_API => "$context.authorizer.key",
            _ => "$context.identity.userArn",
        };
        let known = [
            "$context.requestId",
            caller,
            "$context.identity.sourceIp",
            "$context.routeKey",
            "$context.status",
            "$context.responseLatency",
            "$context.integrationLatency",
            "$context.integrationErrorMessage",
        ];
        assert_eq!(logged, known.map(str::to_owned).into(), "{name}");
    }
}

#[test]
fn only_the_webhook_accepts_unsigned_requests() {
    let api = &resources(template(), "AWS::Serverless::HttpApi")["Api"];
    assert_eq!(api["Properties"]["Auth"]["DefaultAuthorizer"].as_str(), Some("AWS_IAM"));
    let mut open = Vec::new();
    for function in functions().values() {
        let events = function["Properties"]["Events"].as_mapping();
        for event in events.into_iter().flat_map(|events| events.values()) {
            let event = &event["Properties"];
            if !event["Auth"].is_null() {
                open.push(event["Path"].as_str().expect("a path").to_owned());
            }
        }
    }
    assert_eq!(open, ["/webhooks/{channel}/{secret}"]);
}

/// Whoever has an API key reaches what IAM would let a producer do, and nothing of operators.
#[test]
fn the_routes_for_api_keys_are_those_of_producers() {
    let routes = routes().expect("the routes");
    let of = |api: &str| {
        let own = routes.iter().filter(|route| route.api == api);
        let own = own.filter(|route| api == KEY_API || route.function == "EnqueueFunction");
        own.map(|route| (route.method.clone(), route.path.clone(), route.function.clone()))
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(of(KEY_API), of("Api"));
    for route in routes.iter().filter(|route| route.api == KEY_API) {
        assert_eq!(route.authorization, Authorization::Key, "{route:?}");
    }
}

/// API Gateway keeps an answer by the header alone, so the answer must not depend on anything else.
#[test]
fn the_authorizer_decides_by_the_header_alone() {
    let api = &resources(template(), "AWS::Serverless::HttpApi")[KEY_API]["Properties"]["Auth"];
    let authorizer = &api["Authorizers"]["ApiKey"];
    assert_eq!(api["DefaultAuthorizer"].as_str(), Some("ApiKey"));
    assert_eq!(named_attribute(&authorizer["FunctionArn"]), Some("AuthorizerFunction.Arn"));
    assert_eq!(authorizer["AuthorizerPayloadFormatVersion"].as_str(), Some("2.0"));
    assert_eq!(authorizer["EnableSimpleResponses"].as_bool(), Some(true));
    // Without this, API Gateway may not invoke the function, and answers 500.
    assert_eq!(authorizer["EnableFunctionDefaultPermissions"].as_bool(), Some(true));
    let identity = authorizer["Identity"].as_mapping().expect("identity sources");
    assert_eq!(identity.len(), 2, "{identity:?}");
    let [header] = &authorizer["Identity"]["Headers"].as_sequence().expect("headers")[..] else {
        panic!("one header")
    };
    assert_eq!(header.as_str(), Some("Authorization"));
    let hold = authorizer_answers_hold().expect("a time");
    // docs/api.md says within what time a deleted key is refused: this, and ten seconds.
    let guide = include_str!("../../../../docs/api.md");
    let promise = format!("within {} seconds", hold.as_secs() + 10);
    assert!(guide.contains(&promise), "docs/api.md does not say {promise:?}");
}
