//! The roles that EventBridge Scheduler assumes, and what holds for all roles.

use std::collections::BTreeSet;

use serde_yaml_ng::Value;

use super::reading::{functions, named, only_if, resources, substituted, template};

const BOUNDARY: &str =
    "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/${PermissionsBoundaryName}";

/// What a role's statements permit: actions, and the resources that they name.
fn granted(role: &Value) -> Vec<(&str, Vec<&str>)> {
    let policies = role["Properties"]["Policies"].as_sequence().expect("policies");
    let statements = policies
        .iter()
        .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_sequence().expect("a list"));
    statements
        .map(|grant| {
            assert_eq!(grant["Effect"].as_str(), Some("Allow"));
            let resource = &grant["Resource"];
            let one = std::slice::from_ref(resource);
            let on = resource.as_sequence().map_or(one, |resources| &resources[..]);
            let on = on.iter().map(|resource| named(resource).expect("a resource"));
            (grant["Action"].as_str().expect("one action"), on.collect())
        })
        .collect()
}

/// Without these roles no schedule would fire and no round would begin, and nobody would learn of it.
#[test]
fn the_roles_of_the_scheduler_start_its_functions_and_keep_failed_firings_and_nothing_else() {
    let roles = resources(template(), "AWS::IAM::Role");
    assert_eq!(roles.keys().collect::<Vec<_>>(), ["SchedulerRole", "SweepRole"]);
    assert_eq!(
        granted(&roles["SchedulerRole"]),
        [
            ("lambda:InvokeFunction", vec!["TriggerFunction"]),
            // Without reserved concurrency, firings go through the run queue.
            ("sqs:SendMessage", vec!["RunQueue", "RunDeadLetterQueue"]),
        ]
    );
    let started = vec!["SweeperFunction", "ObserverFunction"];
    assert_eq!(granted(&roles["SweepRole"]), [("lambda:InvokeFunction", started)]);
}

/// Otherwise another account's schedule could name the role, and AWS would assume it.
#[test]
fn the_scheduler_may_assume_a_role_only_for_the_schedules_of_its_group() {
    for (name, group) in [("SchedulerRole", "ScheduleGroup"), ("SweepRole", "SweepGroup")] {
        let role = &resources(template(), "AWS::IAM::Role")[name]["Properties"];
        let trust = role["AssumeRolePolicyDocument"]["Statement"].as_sequence().expect("trust");
        let [trust] = &trust[..] else { panic!("{name}: one statement") };
        assert_eq!(trust["Principal"]["Service"].as_str(), Some("scheduler.amazonaws.com"));
        assert_eq!(trust["Action"].as_str(), Some("sts:AssumeRole"));
        let only = &trust["Condition"]["StringEquals"];
        assert_eq!(named(&only["aws:SourceAccount"]), Some("AWS::AccountId"), "{name}");
        assert_eq!(named(&only["aws:SourceArn"]), Some(group), "{name}");
    }
}

/// SAM makes a role for a schedule that names none, and that role trusts every schedule.
#[test]
fn every_schedule_of_the_template_names_its_role_and_its_group() {
    let mut schedules = Vec::new();
    for (name, function) in functions() {
        for event in function["Properties"]["Events"].as_mapping().expect("events").values() {
            if event["Type"].as_str().is_some_and(|kind| kind.starts_with("Schedule")) {
                let event = &event["Properties"];
                let (role, group) = (named(&event["RoleArn"]), named(&event["GroupName"]));
                schedules.push((name.clone(), role.map(str::to_owned), group.map(str::to_owned)));
            }
        }
    }
    let some = |name: &str| Some(name.to_owned());
    let expected = |name: &str| (name.to_owned(), some("SweepRole"), some("SweepGroup"));
    assert_eq!(schedules, ["ObserverFunction", "SweeperFunction"].map(expected));
}

#[test]
fn every_role_has_the_permissions_boundary_that_the_user_names() {
    let template = template();
    let of_functions = &template["Globals"]["Function"]["PermissionsBoundary"];
    let boundary = only_if(of_functions, "HasPermissionsBoundary");
    assert_eq!(substituted(boundary), Some(BOUNDARY));
    for (name, function) in functions() {
        let own = &function["Properties"];
        // A role that is given in another way would have no boundary.
        assert!(own["Role"].is_null() && own["PermissionsBoundary"].is_null(), "{name}");
    }
    for (name, role) in resources(template, "AWS::IAM::Role") {
        let boundary =
            only_if(&role["Properties"]["PermissionsBoundary"], "HasPermissionsBoundary");
        assert_eq!(substituted(boundary), Some(BOUNDARY), "{name}");
    }
}

/// Who uses a table uses its key.
#[test]
fn every_function_may_use_the_key_of_the_tables_through_dynamodb_only() {
    let policy = &resources(template(), "AWS::IAM::Policy")["TableKeyPolicy"];
    assert_eq!(policy["Condition"].as_str(), Some("HasTableKey"));
    let policy = &policy["Properties"];
    let roles = policy["Roles"].as_sequence().expect("roles").iter();
    let roles: BTreeSet<_> = roles.map(|role| named(role).expect("a role").to_owned()).collect();
    let of_functions = functions().into_keys().map(|function| format!("{function}Role")).collect();
    assert_eq!(roles, of_functions);
    let statements = policy["PolicyDocument"]["Statement"].as_sequence().expect("statements");
    let [statement] = &statements[..] else { panic!("one statement") };
    let key = substituted(&statement["Resource"]).expect("a key");
    assert!(key.ends_with(":key/${TableKeyId}"), "{key}");
    let through = &statement["Condition"]["StringEquals"]["kms:ViaService"];
    assert_eq!(substituted(through), Some("dynamodb.${AWS::Region}.amazonaws.com"));
}
