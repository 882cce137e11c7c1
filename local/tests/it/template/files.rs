//! The bucket of the audience files, and who may do what there.

use std::collections::BTreeMap;

use alimi::domain::audience::UPLOADED_FILES;
use serde_yaml_ng::Value;

use super::reading::{either, functions, named, resources, template};

#[test]
fn the_stack_makes_a_bucket_unless_the_user_names_one() {
    let bucket = &resources(template(), "AWS::S3::Bucket")["AudienceFilesBucket"];
    assert_eq!(bucket["Condition"].as_str(), Some("OwnsAudienceBucket"));
    // Members are personal data, but runs need them: deleting the stack deletes no file.
    assert_eq!(bucket["DeletionPolicy"].as_str(), Some("RetainExceptOnCreate"));
    let bucket = &bucket["Properties"];
    assert!(bucket["BucketName"].is_null(), "two stacks could not share an account");
    let access = bucket["PublicAccessBlockConfiguration"].as_mapping().expect("a block");
    assert!(access.len() == 4 && access.values().all(|blocked| blocked.as_bool() == Some(true)));
    assert!(!bucket["BucketEncryption"].is_null());
    let ownership = &bucket["OwnershipControls"]["Rules"][0]["ObjectOwnership"];
    assert_eq!(ownership.as_str(), Some("BucketOwnerEnforced"), "no access control lists");

    let policy = &resources(template(), "AWS::S3::BucketPolicy")["AudienceFilesNeedTls"];
    assert_eq!(policy["Condition"].as_str(), Some("OwnsAudienceBucket"));
    let [denial] =
        &policy["Properties"]["PolicyDocument"]["Statement"].as_sequence().expect("a list")[..]
    else {
        panic!("one statement")
    };
    assert_eq!(denial["Effect"].as_str(), Some("Deny"));
    assert_eq!(denial["Action"].as_str(), Some("s3:*"));
    assert_eq!(denial["Condition"]["Bool"]["aws:SecureTransport"].as_str(), Some("false"));
}

/// The name of the bucket in use.
fn bucket_of(value: &Value) {
    let (given, own) = either(value, "HasAudienceBucket");
    assert_eq!((named(given), named(own)), (Some("AudienceBucket"), Some("AudienceFilesBucket")));
}

/// A user's own bucket may hold other files too.
#[test]
fn the_functions_write_and_delete_only_below_the_folder_of_uploaded_files() {
    let mut found = BTreeMap::new();
    for (name, function) in functions() {
        for policy in function["Properties"]["Policies"].as_sequence().expect("policies") {
            for statement in policy["Statement"].as_sequence().expect("statements") {
                let action = statement["Action"].as_str().unwrap_or_default();
                if !action.starts_with("s3:") {
                    continue;
                }
                let Value::Tagged(resource) = &statement["Resource"] else { panic!("no !Sub") };
                bucket_of(&resource.value[1]["AudienceFiles"]);
                let resource = resource.value[0].as_str().expect("a text");
                let (_, folder) = resource.split_once("${AudienceFiles}/").expect("the bucket");
                found.insert((action.to_owned(), name.clone()), folder.to_owned());
            }
        }
    }
    let uploaded = format!("{UPLOADED_FILES}*");
    let expected = [
        ("s3:DeleteObject", "SweeperFunction", uploaded.as_str()),
        ("s3:GetObject", "ConsoleFunction", "*"),
        ("s3:GetObject", "TriggerFunction", "*"),
        ("s3:PutObject", "ConsoleFunction", uploaded.as_str()),
    ];
    let found: Vec<_> = found
        .iter()
        .map(|((action, function), on)| (action.as_str(), function.as_str(), on.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_console_and_the_sweeper_use_the_same_bucket() {
    let functions = functions();
    for name in ["ConsoleFunction", "SweeperFunction"] {
        bucket_of(&functions[name]["Properties"]["Environment"]["Variables"]["AUDIENCE_BUCKET"]);
    }
    bucket_of(&template()["Outputs"]["AudienceBucketName"]["Value"]);
}
