//! What holds for all of template.yaml, whatever is added to it.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers fail the test that called them")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex};

use alimi::domain::{LaneFigures, SweepFigures};
use alimi::ports::Meter;
use alimi::telemetry::EmbeddedMetrics;
use alimi_local::embedded;
use alimi_local::permissions::Function;
use serde_json::Value as Json;
use serde_yaml_ng::Value;

fn template() -> &'static Value {
    embedded::template().expect("template.yaml")
}

/// The resources of a type, by name.
fn resources(template: &Value, kind: &str) -> BTreeMap<String, Value> {
    let all = template["Resources"].as_mapping().expect("resources");
    let found: BTreeMap<_, _> = all
        .iter()
        .filter(|(_, resource)| resource["Type"].as_str() == Some(kind))
        .map(|(name, resource)| (name.as_str().expect("a name").to_owned(), resource.clone()))
        .collect();
    assert!(!found.is_empty(), "there is no {kind} any more: mend this test");
    found
}

/// What a `!Ref` or `!GetAtt` names.
fn named(value: &Value) -> Option<&str> {
    let Value::Tagged(tagged) = value else { return None };
    let is_name = tagged.tag == "Ref" || tagged.tag == "GetAtt";
    is_name.then(|| tagged.value.as_str()?.split('.').next()).flatten()
}

fn functions() -> BTreeMap<String, Value> {
    resources(template(), "AWS::Serverless::Function")
}

#[test]
fn the_functions_are_those_that_the_permissions_test_knows() {
    let known: BTreeSet<_> = Function::ALL.map(|f| f.logical_id().to_owned()).into();
    assert_eq!(functions().into_keys().collect::<BTreeSet<_>>(), known);
}

#[test]
fn every_function_has_a_log_group_of_its_own_that_forgets_and_whose_errors_count() {
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
fn every_table_outlives_the_stack_and_can_be_brought_back() {
    for (name, table) in resources(template(), "AWS::DynamoDB::Table") {
        let kept = table["DeletionPolicy"].as_str();
        assert_eq!(kept, Some("RetainExceptOnCreate"), "{name}");
        assert_eq!(table["UpdateReplacePolicy"].as_str(), Some("Retain"), "{name}");
        let properties = &table["Properties"];
        assert_eq!(properties["SSESpecification"]["SSEEnabled"].as_bool(), Some(true), "{name}");
        let recovery = &properties["PointInTimeRecoverySpecification"];
        assert_eq!(recovery["PointInTimeRecoveryEnabled"].as_bool(), Some(true), "{name}");
        assert!(properties["TableName"].is_null(), "{name}: two stacks could not share an account");
    }
}

#[test]
fn every_queue_is_encrypted_and_gives_up_into_one_that_is_watched() {
    let template = template();
    let queues = resources(template, "AWS::SQS::Queue");
    let alarms = resources(template, "AWS::CloudWatch::Alarm");
    let number = |queue: &Value, name: &str| queue["Properties"][name].as_u64().expect("a number");
    let mut dead_letter_queues = BTreeSet::new();
    for (name, queue) in &queues {
        let encrypted = queue["Properties"]["SqsManagedSseEnabled"].as_bool();
        assert_eq!(encrypted, Some(true), "{name}");
        let redrive = &queue["Properties"]["RedrivePolicy"];
        if let Some(target) = named(&redrive["deadLetterTargetArn"]) {
            dead_letter_queues.insert(target.to_owned());
            assert!(redrive["maxReceiveCount"].as_u64().is_some_and(|count| count > 1), "{name}");
            // A message keeps the time of its first queue.
            let kept = number(&queues[target], "MessageRetentionPeriod");
            assert!(
                kept > number(queue, "MessageRetentionPeriod"),
                "{target} forgets before {name}"
            );
        }
    }
    for (name, queue) in &queues {
        let gives_up = !queue["Properties"]["RedrivePolicy"].is_null();
        assert_ne!(gives_up, dead_letter_queues.contains(name), "{name} has no dead-letter queue");
    }
    for name in dead_letter_queues {
        let watched = alarms.values().any(|alarm| {
            let alarm = &alarm["Properties"];
            alarm["MetricName"].as_str() == Some("ApproximateNumberOfMessagesVisible")
                && named(&alarm["Dimensions"][0]["Value"]) == Some(&name)
                && alarm["Threshold"].as_u64() == Some(0)
        });
        assert!(watched, "nobody is told of {name}");
    }
}

#[test]
fn a_queue_hides_a_message_for_longer_than_its_function_may_take() {
    let template = template();
    let queues = resources(template, "AWS::SQS::Queue");
    let mut met = 0;
    for (name, function) in functions() {
        let timeout = function["Properties"]["Timeout"].as_u64().expect("a timeout");
        for event in function["Properties"]["Events"].as_mapping().expect("events").values() {
            if event["Type"].as_str() != Some("SQS") {
                continue;
            }
            met += 1;
            let queue = named(&event["Properties"]["Queue"]).expect("a queue");
            let hidden = queues[queue]["Properties"]["VisibilityTimeout"].as_u64();
            assert!(hidden.is_some_and(|hidden| hidden > timeout), "{queue} and {name}");
            let partial = event["Properties"]["FunctionResponseTypes"][0].as_str();
            assert_eq!(partial, Some("ReportBatchItemFailures"), "{name}");
        }
    }
    assert_eq!(met, 2);
}

/// SAM adds AWS's managed policies for what Lambda does in a function's name, and those permit it on
/// everything: each function's own policy takes that back.
#[test]
fn lambda_does_in_a_functions_name_what_it_needs_and_no_more() {
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
        for event in function["Events"].as_mapping().expect("events").values() {
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
                assert!(statement["Condition"].is_null(), "{name}: not always");
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
    assert_eq!(sources, 3);
}

/// `Resource.Attribute`, as `!GetAtt` has it.
fn named_attribute(value: &Value) -> Option<&str> {
    let Value::Tagged(tagged) = value else { return None };
    (tagged.tag == "GetAtt").then(|| tagged.value.as_str()).flatten()
}

#[test]
fn as_many_senders_are_reserved_as_the_queue_starts() {
    let sender = &functions()["SenderFunction"]["Properties"];
    assert_eq!(named(&sender["ReservedConcurrentExecutions"]), None, "it can be done without");
    let Value::Tagged(reserved) = &sender["ReservedConcurrentExecutions"] else { panic!("no !If") };
    assert_eq!(reserved.value[0].as_str(), Some("ReservesSenderConcurrency"));
    assert_eq!(named(&reserved.value[1]), Some("SenderConcurrency"));
    assert_eq!(named(&reserved.value[2]), Some("AWS::NoValue"));
    let polled = &sender["Events"]["Wake"]["Properties"]["ScalingConfig"]["MaximumConcurrency"];
    assert_eq!(named(polled), Some("SenderConcurrency"));
}

/// A batch of several groups blocks all of them until the last of its lanes is done.
#[test]
fn one_wake_at_a_time_so_that_no_channel_waits_for_another() {
    let wake = &functions()["SenderFunction"]["Properties"]["Events"]["Wake"]["Properties"];
    assert_eq!(wake["BatchSize"].as_u64(), Some(1));
}

/// A lane with much to do, and a long run, are handed on through their queues again and again: Lambda
/// would take that for a runaway loop after some sixteen times.
#[test]
fn what_hands_itself_on_may_go_round_in_circles() {
    let circling = |function: &Value| {
        function["Properties"]["RecursiveLoop"].as_str().map(str::to_owned) == Some("Allow".into())
    };
    let found: Vec<_> = functions().into_iter().filter(|(_, f)| circling(f)).collect();
    let found: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(found, ["SenderFunction", "TriggerFunction"]);
}

/// Without it every schedule would be silent, and nobody would know what had not fired.
#[test]
fn the_scheduler_may_fire_and_keep_what_came_to_nothing_and_no_more() {
    let role = &resources(template(), "AWS::IAM::Role")["SchedulerRole"]["Properties"];
    let [trust] = &role["AssumeRolePolicyDocument"]["Statement"].as_sequence().expect("trust")[..]
    else {
        panic!("one statement")
    };
    assert_eq!(trust["Principal"]["Service"].as_str(), Some("scheduler.amazonaws.com"));
    assert_eq!(trust["Action"].as_str(), Some("sts:AssumeRole"));
    let only = &trust["Condition"]["StringEquals"];
    assert_eq!(named(&only["aws:SourceAccount"]), Some("AWS::AccountId"));
    assert_eq!(named(&only["aws:SourceArn"]), Some("ScheduleGroup"));
    let policies = role["Policies"].as_sequence().expect("policies");
    let granted: Vec<_> = policies
        .iter()
        .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_sequence().expect("a list"))
        .map(|grant| {
            assert_eq!(grant["Effect"].as_str(), Some("Allow"));
            (grant["Action"].as_str().expect("one action"), named(&grant["Resource"]))
        })
        .collect();
    assert_eq!(
        granted,
        [
            ("lambda:InvokeFunction", Some("TriggerFunction")),
            ("sqs:SendMessage", Some("RunDeadLetterQueue")),
        ]
    );
}

/// The scheduler invokes asynchronously: a firing that fails again and again has no other place.
#[test]
fn a_firing_that_fails_is_kept() {
    let invoked = &functions()["TriggerFunction"]["Properties"]["EventInvokeConfig"];
    let kept = &invoked["DestinationConfig"]["OnFailure"];
    assert_eq!(kept["Type"].as_str(), Some("SQS"));
    assert_eq!(named(&kept["Destination"]), Some("RunDeadLetterQueue"));
}

/// `!If [condition, then, !Ref AWS::NoValue]`.
fn only_if<'a>(value: &'a Value, condition: &str) -> &'a Value {
    let Value::Tagged(tagged) = value else { panic!("no !If: {value:?}") };
    assert_eq!(
        (tagged.tag.to_string().as_str(), tagged.value[0].as_str()),
        ("!If", Some(condition))
    );
    assert_eq!(named(&tagged.value[2]), Some("AWS::NoValue"));
    &tagged.value[1]
}

/// The parameter that `!Split [",", !Ref …]` makes a list of.
fn split_of(value: &Value) -> Option<&str> {
    let Value::Tagged(tagged) = value else { return None };
    (tagged.tag == "Split" && tagged.value[0].as_str() == Some(","))
        .then(|| named(&tagged.value[1]))
        .flatten()
}

#[test]
fn the_sender_is_where_its_parameters_say() {
    let network = &functions()["SenderFunction"]["Properties"]["VpcConfig"];
    let network = only_if(network, "SenderInVpc");
    assert_eq!(split_of(&network["SubnetIds"]), Some("SenderSubnetIds"));
    assert_eq!(split_of(&network["SecurityGroupIds"]), Some("SenderSecurityGroupIds"));
}

#[test]
fn tracing_is_switched_by_a_parameter() {
    let globals = &template()["Globals"]["Function"];
    assert_eq!(named(&globals["Tracing"]), Some("Tracing"));
    for (name, function) in functions() {
        assert!(function["Properties"]["Tracing"].is_null(), "{name} has its own");
    }
}

/// It alone calls the provider.
#[test]
fn the_sender_alone_is_in_the_users_subnets() {
    let inside = |function: &Value| !function["Properties"]["VpcConfig"].is_null();
    let found: Vec<_> = functions().into_iter().filter(|(_, f)| inside(f)).collect();
    assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["SenderFunction"]);
}

#[test]
fn the_access_log_names_the_route_and_never_the_path() {
    let template = template();
    for (name, api) in resources(template, "AWS::Serverless::HttpApi") {
        let log = &api["Properties"]["AccessLogSettings"];
        assert_eq!(named(&log["DestinationArn"]), Some("ApiLogGroup"), "{name}");
        let format = log["Format"].as_str().expect("a format");
        let line: BTreeMap<String, String> = serde_json::from_str(format).expect("JSON");
        let told: BTreeSet<_> = line.into_values().collect();
        // The webhook's path holds its secret. Others, such as the caller's address, are people's.
        let harmless = [
            "$context.requestId",
            "$context.routeKey",
            "$context.status",
            "$context.responseLatency",
            "$context.integrationLatency",
            "$context.integrationErrorMessage",
        ];
        assert_eq!(told, harmless.map(str::to_owned).into(), "{name}");
    }
}

#[test]
fn only_the_webhook_takes_requests_that_nobody_signed() {
    let api = &resources(template(), "AWS::Serverless::HttpApi")["Api"];
    assert_eq!(api["Properties"]["Auth"]["DefaultAuthorizer"].as_str(), Some("AWS_IAM"));
    let mut open = Vec::new();
    for function in functions().values() {
        for event in function["Properties"]["Events"].as_mapping().expect("events").values() {
            let event = &event["Properties"];
            if !event["Auth"].is_null() {
                open.push(event["Path"].as_str().expect("a path").to_owned());
            }
        }
    }
    assert_eq!(open, ["/webhooks/{channel}/{secret}"]);
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
            let source = named(value).unwrap_or_else(|| panic!("{name} is written out"));
            let known = !template["Resources"][source].is_null()
                || ["LogLevel", "AWS::StackName", "EndpointUrl"].contains(&source);
            assert!(known, "{name} comes from {source}");
        }
    }
    assert!(met > 10);
}

#[test]
fn every_parameter_is_described_and_checked() {
    let template = template();
    for (name, parameter) in template["Parameters"].as_mapping().expect("parameters") {
        let name = name.as_str().expect("a name");
        assert!(parameter["Description"].as_str().is_some_and(|text| text.len() > 20), "{name}");
        assert!(!parameter["Default"].is_null(), "{name}: deploying asks for nothing");
        let checked = ["AllowedValues", "AllowedPattern", "MaxValue"]
            .iter()
            .any(|check| !parameter[*check].is_null());
        assert!(checked, "{name} takes anything");
        // CloudFormation quotes the pattern otherwise.
        if parameter["AllowedValues"].is_null() {
            assert!(
                !parameter["ConstraintDescription"].is_null(),
                "{name} does not say what to do"
            );
        }
    }
}

/// The text of a `!Sub`.
fn substituted(value: &Value) -> Option<&str> {
    let Value::Tagged(tagged) = value else { return None };
    (tagged.tag == "Sub").then(|| tagged.value.as_str()).flatten()
}

/// What was built for other processors would be deployed otherwise, and fail when it is called. The
/// values are left to whoever deploys: `sam deploy --guided` writes them into this file.
#[test]
fn sam_has_all_its_settings_for_other_processors_too() {
    let file = include_str!("../../samconfig.toml");
    let sections: BTreeMap<_, _> =
        file.split("\n[").skip(1).filter_map(|section| section.split_once("]\n")).collect();
    let setting = |section: &str, name: &str| {
        let mut lines = sections.get(section)?.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(" = ")).map(str::to_owned)
    };
    for name in ["stack_name", "region"] {
        for environment in ["default", "x86_64"] {
            let found = setting(&format!("{environment}.global.parameters"), name);
            assert!(found.is_some(), "{environment} has no {name}");
        }
    }
    for command in ["build", "deploy", "local_invoke", "local_start_api"] {
        let section = format!("x86_64.{command}.parameters");
        let overrides = setting(&section, "parameter_overrides").unwrap_or_default();
        let (_, architecture) = overrides.split_once("Architecture=").unwrap_or_default();
        let architecture = architecture.trim_start_matches(['\\', '"']);
        assert!(architecture.starts_with("x86_64"), "[{section}] says {overrides}");
    }
    for section in sections.keys().filter_map(|section| section.strip_prefix("default.")) {
        assert!(
            sections.contains_key(format!("x86_64.{section}").as_str()),
            "no [x86_64.{section}]"
        );
    }
}

/// `!Equals [!Ref parameter, ""]`, or with `!Not` around it: the parameter, and whether it is given.
fn emptiness(value: &Value) -> Option<(&str, bool)> {
    let Value::Tagged(tagged) = value else { return None };
    if tagged.tag == "Not" {
        let (parameter, given) = emptiness(&tagged.value[0])?;
        return Some((parameter, !given));
    }
    let is_emptiness = tagged.tag == "Equals" && tagged.value[1].as_str() == Some("");
    is_emptiness.then(|| Some((named(&tagged.value[0])?, false))).flatten()
}

/// What is refused before anything is made, and what is said then. `cargo xtask e2e` is refused so.
#[test]
fn every_rule_is_there_and_says_what_to_do() {
    let given = |parameter| Some((parameter, true));
    let empty = |parameter| Some((parameter, false));
    let needed = [
        (
            "AudienceKeyNeedsBucket",
            given("AudienceKeyId"),
            given("AudienceBucket"),
            "AudienceKeyId is given, so AudienceBucket has to be given too.",
        ),
        (
            "EndpointUrlIsForSamLocal",
            None,
            empty("EndpointUrl"),
            "EndpointUrl is for sam local, so it has to be empty here.",
        ),
        (
            "SecurityGroupsNeedSubnets",
            given("SenderSecurityGroupIds"),
            given("SenderSubnetIds"),
            "SenderSecurityGroupIds is given, so SenderSubnetIds has to be given too.",
        ),
        (
            "SubnetsNeedSecurityGroups",
            given("SenderSubnetIds"),
            given("SenderSecurityGroupIds"),
            "SenderSubnetIds is given, so SenderSecurityGroupIds has to be given too.",
        ),
    ];
    let rules = template()["Rules"].as_mapping().expect("rules");
    let mut found = Vec::new();
    for (name, rule) in rules {
        let name = name.as_str().expect("a name");
        let [asserted] = &rule["Assertions"].as_sequence().expect("assertions")[..] else {
            panic!("{name} asserts more than one thing")
        };
        let says = asserted["AssertDescription"].as_str().expect("a text");
        let condition = &rule["RuleCondition"];
        let is_read = condition.is_null() || emptiness(condition).is_some();
        assert!(is_read, "{name}: {condition:?}");
        found.push((name, emptiness(condition), emptiness(&asserted["Assert"]), says));
    }
    found.sort_unstable();
    assert_eq!(found, needed);
}

/// What is of another region would not work, so it cannot be said: ARNs have colons.
#[test]
fn no_parameter_takes_an_arn() {
    for (name, parameter) in template()["Parameters"].as_mapping().expect("parameters") {
        let name = name.as_str().expect("a name");
        let pattern = parameter["AllowedPattern"].as_str().unwrap_or_default();
        assert!(!name.ends_with("Arn"), "{name}");
        assert!(!pattern.contains(':') || name == "EndpointUrl", "{name} takes {pattern}");
    }
}

#[test]
fn every_alarm_says_what_to_do_and_tells_whom_it_was_told_to() {
    const TOPIC: &str =
        "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:${AlarmTopicName}";
    for (name, alarm) in resources(template(), "AWS::CloudWatch::Alarm") {
        let alarm = &alarm["Properties"];
        assert!(alarm["AlarmDescription"].as_str().is_some_and(|text| text.len() > 40), "{name}");
        assert!(!alarm["TreatMissingData"].is_null(), "{name}: what if there is no data?");
        for actions in ["AlarmActions", "OKActions"] {
            let told = only_if(&alarm[actions], "HasAlarmTopic");
            let [topic] = &told.as_sequence().expect("a list")[..] else { panic!("{name}") };
            assert_eq!(substituted(topic), Some(TOPIC), "{name}");
        }
    }
}

/// Each alarm, what it watches, of what, and beyond which value it goes off. Whoever takes one out
/// takes it out here, and in the costs of docs/deploy.md.
const ALARMS: [(&str, &str, &str, &str); 20] = [
    ("ApiErrorsAlarm", "AWS/ApiGateway 5xx", "Api", "> 0"),
    ("ChannelDownAlarm", "Alimi ChannelDown", "AWS::StackName", "> 0"),
    ("ConsoleErrorsAlarm", "AWS/Lambda Errors", "ConsoleFunction", "> 0"),
    ("EnqueueErrorsAlarm", "AWS/Lambda Errors", "EnqueueFunction", "> 0"),
    ("ErrorsLoggedAlarm", "Alimi/${AWS::StackName} ErrorsLogged", "", "> 0"),
    ("PlannerAgeAlarm", "AWS/Lambda IteratorAge", "PlannerFunction", "> 300000"),
    ("PlannerErrorsAlarm", "AWS/Lambda Errors", "PlannerFunction", "> 0"),
    ("QueueAgeAlarm", "Alimi QueueAge", "AWS::StackName", "> QueueAgeAlarmMs"),
    (
        "RunAgeAlarm",
        "AWS/SQS ApproximateAgeOfOldestMessage",
        "RunQueue",
        // Three times what an invocation may take.
        "> 900",
    ),
    (
        "RunDeadLettersAlarm",
        "AWS/SQS ApproximateNumberOfMessagesVisible",
        "RunDeadLetterQueue",
        "> 0",
    ),
    ("SenderErrorsAlarm", "AWS/Lambda Errors", "SenderFunction", "> 0"),
    ("SweeperErrorsAlarm", "AWS/Lambda Errors", "SweeperFunction", "> 2"),
    ("SweeperSilentAlarm", "AWS/Lambda Invocations", "SweeperFunction", "< 1"),
    ("ThrottledAlarm", "Alimi Throttled", "AWS::StackName", "> 0"),
    ("TriggerErrorsAlarm", "AWS/Lambda Errors", "TriggerFunction", "> 0"),
    ("UnconfirmedAlarm", "Alimi Unconfirmed", "AWS::StackName", "> 0"),
    ("UnknownAlarm", "Alimi Unknown", "AWS::StackName", "> 0"),
    ("WakeAgeAlarm", "AWS/SQS ApproximateAgeOfOldestMessage", "WakeQueue", "> 120"),
    (
        "WakeDeadLettersAlarm",
        "AWS/SQS ApproximateNumberOfMessagesVisible",
        "WakeDeadLetterQueue",
        "> 0",
    ),
    ("WebhookErrorsAlarm", "AWS/Lambda Errors", "WebhookFunction", "> 0"),
];

#[test]
fn every_alarm_is_there_and_watches_what_it_is_for() {
    let alarms = resources(template(), "AWS::CloudWatch::Alarm");
    let found: Vec<_> = alarms
        .iter()
        .map(|(name, alarm)| {
            let alarm = &alarm["Properties"];
            let namespace = &alarm["Namespace"];
            let namespace = namespace.as_str().or_else(|| substituted(namespace));
            let metric = alarm["MetricName"].as_str();
            let watched =
                format!("{} {}", namespace.expect("a namespace"), metric.expect("a metric"));
            let of = named(&alarm["Dimensions"][0]["Value"]).unwrap_or_default();
            let sign = match alarm["ComparisonOperator"].as_str() {
                Some("GreaterThanThreshold") => ">",
                Some("LessThanThreshold") => "<",
                other => panic!("{name}: {other:?}"),
            };
            let threshold = &alarm["Threshold"];
            let beyond = match threshold.as_u64() {
                Some(threshold) => format!("{sign} {threshold}"),
                None => format!("{sign} {}", named(threshold).expect("a parameter")),
            };
            (name.as_str(), watched, of, beyond)
        })
        .collect();
    let needed =
        ALARMS.map(|(name, watched, of, beyond)| (name, watched.to_owned(), of, beyond.to_owned()));
    assert_eq!(found, needed);
}

#[test]
fn every_function_has_an_alarm_on_its_errors() {
    let alarms = resources(template(), "AWS::CloudWatch::Alarm");
    for name in functions().into_keys() {
        let watched = alarms.values().any(|alarm| {
            let alarm = &alarm["Properties"];
            alarm["Namespace"].as_str() == Some("AWS/Lambda")
                && alarm["MetricName"].as_str() == Some("Errors")
                && named(&alarm["Dimensions"][0]["Value"]) == Some(&name)
        });
        assert!(watched, "{name}");
    }
}

/// What the functions write, by its dimensions: the names of metrics.
fn emitted() -> BTreeMap<String, BTreeSet<String>> {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let metrics = EmbeddedMetrics::new("alimi".to_owned(), log.clone());
    let mut drained = LaneFigures::default();
    drained.outcomes.insert(alimi::domain::Outcome::Accepted, 1);
    drained.answers.add(50);
    drained.waits_real_time.add(5);
    drained.waits_scheduled.add(5);
    metrics.drained("alimtalk-main", 0, &drained);
    let swept = SweepFigures { queue_age_ms: Some(1), unknown: 1, unconfirmed: 1 };
    metrics.swept("alimtalk-main", 0, &swept);

    let mut emitted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let written = log.0.lock().expect("no panic").clone();
    for line in String::from_utf8(written).expect("text").lines() {
        let line: Json = serde_json::from_str(line).expect("JSON");
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().expect("directives") {
            for dimensions in directive["Dimensions"].as_array().expect("dimensions") {
                let dimensions: Vec<_> =
                    dimensions.as_array().expect("names").iter().filter_map(Json::as_str).collect();
                let metrics = directive["Metrics"].as_array().expect("metrics").iter();
                let names = metrics.filter_map(|metric| metric["Name"].as_str());
                emitted.entry(dimensions.join(",")).or_default().extend(names.map(str::to_owned));
            }
        }
    }
    emitted
}

#[test]
fn alarms_watch_metrics_that_the_functions_write() {
    let of_the_stack = &emitted()["Stack"];
    let mut watched = BTreeSet::new();
    for (name, alarm) in resources(template(), "AWS::CloudWatch::Alarm") {
        let alarm = &alarm["Properties"];
        if alarm["Namespace"].as_str() == Some("Alimi") {
            let dimensions = alarm["Dimensions"].as_sequence().expect("dimensions");
            assert_eq!(dimensions.len(), 1, "{name}");
            assert_eq!(dimensions[0]["Name"].as_str(), Some("Stack"), "{name}");
            assert_eq!(named(&dimensions[0]["Value"]), Some("AWS::StackName"), "{name}");
            watched.insert(alarm["MetricName"].as_str().expect("a name").to_owned());
        }
    }
    // None is paid for that nothing watches.
    assert_eq!(&watched, of_the_stack);
}

/// What costs by the piece, as docs/deploy.md counts it.
#[test]
fn the_guides_costs_count_what_there_is() {
    let template = template();
    let guide = include_str!("../../docs/deploy.md");
    let dollars = |cents: usize| format!("{}.{:02}", cents / 100, cents % 100);
    let emitted = emitted();
    let filters = resources(template, "AWS::Logs::MetricFilter");
    let counted: BTreeSet<_> = filters
        .values()
        .filter_map(|filter| {
            filter["Properties"]["MetricTransformations"][0]["MetricName"].as_str()
        })
        .collect();
    let of_a_channel = emitted["Stack,Channel"].len();
    let of_the_stack = emitted["Stack"].len() + counted.len();
    let metrics = dollars(30 * (of_a_channel + of_the_stack));
    let alarms = resources(template, "AWS::CloudWatch::Alarm").len();
    for row in [
        format!(
            "| CloudWatch metrics | {of_a_channel} a channel, and {of_the_stack} | $0.30 each | \
             {metrics} |"
        ),
        format!("| CloudWatch alarms | {alarms} | $0.10 each | {} |", dollars(10 * alarms)),
    ] {
        assert!(guide.contains(&row), "the guide has not: {row}");
    }
}

#[test]
fn the_dashboard_shows_metrics_that_the_functions_write_and_resources_that_are_there() {
    let template = template();
    let dashboard = &resources(template, "AWS::CloudWatch::Dashboard")["Dashboard"];
    let Value::Tagged(body) = &dashboard["Properties"]["DashboardBody"] else { panic!("no !Sub") };
    let body = body.value.as_str().expect("a text");
    let body: Json = serde_json::from_str(body).expect("JSON");
    let by_channel = &emitted()["Stack,Channel"];
    let mut shown = BTreeSet::new();
    for widget in body["widgets"].as_array().expect("widgets") {
        for metric in widget["properties"]["metrics"].as_array().expect("metrics") {
            let expression = metric[0]["expression"].as_str().unwrap_or_default();
            if let Some((_, searched)) = expression.split_once("MetricName=\"") {
                assert!(expression.starts_with("SEARCH('{Alimi,Stack,Channel} "), "{expression}");
                let name = searched.split('"').next().expect("a name");
                assert!(by_channel.contains(name), "nobody writes {name}");
                shown.insert(name.to_owned());
            }
            for (at, dimension) in metric.as_array().expect("a metric").iter().enumerate() {
                let named = dimension.as_str().and_then(|text| text.strip_prefix("${"));
                if let Some(named) = named {
                    let name = named.trim_end_matches('}').split('.').next().expect("a name");
                    let known = name.starts_with("AWS::") || !template["Resources"][name].is_null();
                    assert!(known, "{name} at {at} of {metric}");
                }
            }
        }
    }
    for needed in ["Departures", "Limit", "QueueAge", "RequestToResponse", "Unknown", "Throttled"] {
        assert!(shown.contains(needed), "{needed} is not shown");
    }
}
