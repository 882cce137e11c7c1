//! Logs, network, concurrency and environment of every function.

use std::collections::BTreeSet;

use alimi::domain::RateLimit;
use alimi_local::aws::permissions::Function;
use serde_yaml_ng::Value;
use strum::VariantArray as _;

use super::reading::{either, functions, named, only_if, resources, split_of, template};

#[test]
fn the_permissions_test_knows_every_function() {
    let known = Function::VARIANTS.iter().map(|function| function.logical_id().to_owned());
    let known: BTreeSet<_> = known.collect();
    assert_eq!(functions().into_keys().collect::<BTreeSet<_>>(), known);
}

#[test]
fn every_function_has_its_own_log_group_with_retention_and_an_error_metric() {
    let template = template();
    let groups = resources(template, "AWS::Logs::LogGroup");
    let filters = resources(template, "AWS::Logs::MetricFilter");
    for (name, group) in &groups {
        let days = &group["Properties"]["RetentionInDays"];
        assert_eq!(named(days), Some("LogRetentionDays"), "{name} keeps its lines for ever");
    }
    let mut taken = BTreeSet::new();
    for (name, function) in functions() {
        let group = named(&function["Properties"]["LoggingConfig"]["LogGroup"]).map(str::to_owned);
        let group = group.unwrap_or_else(|| panic!("{name} has no log group of its own"));
        assert!(groups.contains_key(&group), "{name} names {group}");
        let counted = filters.values().any(|filter| {
            let filter = &filter["Properties"];
            named(&filter["LogGroupName"]) == Some(&group)
                && filter["FilterPattern"].as_str() == Some("{ $.level = \"ERROR\" }")
                && filter["MetricTransformations"][0]["MetricName"].as_str() == Some("ErrorsLogged")
        });
        assert!(counted, "errors in {group} are not counted");
        assert!(taken.insert(group), "{name} shares its log group");
    }
}

#[test]
fn as_many_senders_are_reserved_as_the_queue_invokes() {
    let sender = &functions()["SenderFunction"]["Properties"];
    assert_eq!(named(&sender["ReservedConcurrentExecutions"]), None, "the reservation is optional");
    let Value::Tagged(reserved) = &sender["ReservedConcurrentExecutions"] else { panic!("no !If") };
    assert_eq!(reserved.value[0].as_str(), Some("ReservesSenderConcurrency"));
    assert_eq!(named(&reserved.value[1]), Some("SenderConcurrency"));
    assert_eq!(named(&reserved.value[2]), Some("AWS::NoValue"));
    let polled = &sender["Events"]["Wake"]["Properties"]["ScalingConfig"]["MaximumConcurrency"];
    assert_eq!(named(polled), Some("SenderConcurrency"));
}

/// Everybody may call the webhook. A flood must leave the other functions their concurrency and the
/// other routes their limit, and the receipt queue must not be throttled by itself.
#[test]
fn the_webhook_has_a_concurrency_and_a_limit_of_its_own() {
    let webhook = &functions()["WebhookFunction"]["Properties"];
    let reserved = only_if(&webhook["ReservedConcurrentExecutions"], "ReservesSenderConcurrency");
    assert_eq!(named(reserved), Some("WebhookConcurrency"));
    let polled = &webhook["Events"]["RecordQueuedReceipts"]["Properties"]["ScalingConfig"];
    let (polled, _) = either(&polled["MaximumConcurrency"], "ReservesSenderConcurrency");
    let polled = polled.as_u64().expect("a number");
    let least = template()["Parameters"]["WebhookConcurrency"]["MinValue"].as_u64();
    assert!(least.is_some_and(|least| least >= 2 * polled), "{least:?} for {polled}");
    let route = &webhook["Events"]["ReceiveReceipt"]["Properties"];
    let route = format!(
        "{} {}",
        route["Method"].as_str().expect("a method"),
        route["Path"].as_str().expect("a path")
    );
    let api = &resources(template(), "AWS::Serverless::HttpApi")["Api"]["Properties"];
    let own = &api["RouteSettings"][route.as_str()];
    for limit in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
        let usual =
            |settings: &Value| either(&settings[limit], "ReservesSenderConcurrency").0.as_u64();
        let (own, others) = (usual(own), usual(&api["DefaultRouteSettings"]));
        assert!(own.is_some_and(|own| own >= u64::from(RateLimit::PER_SECOND_MAX)), "{own:?}");
        assert!(own <= others, "{limit}: {own:?} and {others:?}");
    }
}

/// A batch of several message groups would block all of them until its slowest lane is done.
#[test]
fn the_sender_takes_one_wake_at_a_time() {
    let wake = &functions()["SenderFunction"]["Properties"]["Events"]["Wake"]["Properties"];
    assert_eq!(wake["BatchSize"].as_u64(), Some(1));
}

/// A busy lane and a long run hand over to the next invocation through their queues, again and
/// again. Lambda would stop that as a runaway loop after about sixteen invocations.
#[test]
fn the_sender_and_the_trigger_may_invoke_themselves_through_their_queues() {
    let may_recur = |function: &Value| {
        function["Properties"]["RecursiveLoop"].as_str().map(str::to_owned) == Some("Allow".into())
    };
    let found: Vec<_> = functions().into_iter().filter(|(_, f)| may_recur(f)).collect();
    let found: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(found, ["SenderFunction", "TriggerFunction"]);
}

#[test]
fn the_network_of_the_sender_comes_from_its_parameters() {
    let network = &functions()["SenderFunction"]["Properties"]["VpcConfig"];
    let network = only_if(network, "SenderInVpc");
    assert_eq!(split_of(&network["SubnetIds"]), Some("SenderSubnetIds"));
    assert_eq!(split_of(&network["SecurityGroupIds"]), Some("SenderSecurityGroupIds"));
}

/// Only the sender calls the provider.
#[test]
fn only_the_sender_is_in_the_subnets_of_the_user() {
    let inside = |function: &Value| !function["Properties"]["VpcConfig"].is_null();
    let found: Vec<_> = functions().into_iter().filter(|(_, f)| inside(f)).collect();
    assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["SenderFunction"]);
}

#[test]
fn tracing_is_switched_by_a_parameter() {
    let globals = &template()["Globals"]["Function"];
    assert_eq!(named(&globals["Tracing"]), Some("Tracing"));
    for (name, function) in functions() {
        assert!(function["Properties"]["Tracing"].is_null(), "{name} sets its own tracing");
    }
}

/// The store needs every table's name and all retentions, whichever function it is part of.
#[test]
fn every_function_gets_every_table_and_all_retentions() {
    let template = template();
    let variables = &template["Globals"]["Function"]["Environment"]["Variables"];
    for (variable, source) in [
        ("NOTIFICATIONS_TABLE", "NotificationsTable"),
        ("CATALOG_TABLE", "CatalogTable"),
        ("STATE_TABLE", "StateTable"),
        ("MEMBERS_TABLE", "MembersTable"),
        ("RUNS_TABLE", "RunsTable"),
        ("LEDGER_TABLE", "LedgerTable"),
        ("RETENTION_DAYS", "RetentionDays"),
        ("EXCEPTION_RETENTION_DAYS", "ExceptionRetentionDays"),
        ("AUDIT_RETENTION_DAYS", "AuditRetentionDays"),
    ] {
        assert_eq!(named(&variables[variable]), Some(source), "{variable}");
    }
    let tables = resources(template, "AWS::DynamoDB::Table");
    let passed: Vec<_> = variables.as_mapping().into_iter().flatten().collect();
    for table in tables.keys() {
        let is_passed = passed.iter().any(|(_, value)| named(value) == Some(table.as_str()));
        assert!(is_passed, "no function gets the name of {table}");
    }
}

#[test]
fn no_secret_is_in_an_environment_variable() {
    let template = template();
    let mut environments = vec![template["Globals"]["Function"]["Environment"].clone()];
    for function in functions().values() {
        environments.push(function["Properties"]["Environment"].clone());
    }
    let mut met = 0;
    for environment in environments {
        for (name, value) in environment["Variables"].as_mapping().into_iter().flatten() {
            met += 1;
            let name = name.as_str().expect("a name");
            // Either value of an `!If`, or the only one.
            let choice = value.as_str().is_none().then(|| (&value[1], &value[2]));
            let values = match choice.filter(|(value, _)| !value.is_null()) {
                Some((one, other)) => vec![one, other],
                None => vec![value],
            };
            let parameters = [
                "LogLevel",
                "AWS::StackName",
                "EndpointUrl",
                "RetentionDays",
                "ExceptionRetentionDays",
                "AuditRetentionDays",
                "AudienceBucket",
                "SecretPrefix",
            ];
            for value in values {
                let source = named(value).unwrap_or_else(|| panic!("{name} is a literal value"));
                let is_resource = !template["Resources"][source].is_null();
                assert!(is_resource || parameters.contains(&source), "{name} comes from {source}");
            }
        }
    }
    assert!(met > 10);
}
