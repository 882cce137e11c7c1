//! Every parameter is described and checked, and every rule says what to do.

use std::collections::BTreeMap;

use alimi::store::Retention;

use super::reading::{Given, given, template};

#[test]
fn every_parameter_is_described_and_checked() {
    let template = template();
    for (name, parameter) in template["Parameters"].as_mapping().expect("parameters") {
        let name = name.as_str().expect("a name");
        assert!(parameter["Description"].as_str().is_some_and(|text| text.len() > 20), "{name}");
        assert!(!parameter["Default"].is_null(), "{name} has no default");
        let checked = ["AllowedValues", "AllowedPattern", "MaxValue"]
            .iter()
            .any(|check| !parameter[*check].is_null());
        assert!(checked, "{name} accepts any value");
        // Without a description CloudFormation shows only the pattern.
        if parameter["AllowedValues"].is_null() {
            assert!(
                !parameter["ConstraintDescription"].is_null(),
                "{name} does not say what to do"
            );
        }
    }
}

/// A function without these variables keeps notifications as long as a function with them.
#[test]
fn notifications_are_kept_for_30_days_and_those_that_need_a_person_for_180() {
    let parameters = &template()["Parameters"];
    let Retention { ended_days, exception_days, audit_days: _ } = Retention::default();
    for (name, days, code) in
        [("RetentionDays", 30, ended_days), ("ExceptionRetentionDays", 180, exception_days)]
    {
        let parameter = &parameters[name];
        assert_eq!(parameter["Default"].as_u64(), Some(days), "{name}");
        assert_eq!(u64::from(code), days, "{name}");
        // With 0 days, a repeated request would send its message again.
        assert_eq!(parameter["MinValue"].as_u64(), Some(1), "{name}");
    }
}

/// Access to personal data has to be on record for a year at least.
#[test]
fn audit_records_are_kept_for_400_days_at_least() {
    let parameter = &template()["Parameters"]["AuditRetentionDays"];
    let days = u64::from(Retention::default().audit_days);
    assert_eq!(days, 400);
    assert_eq!(parameter["Default"].as_u64(), Some(days));
    assert_eq!(parameter["MinValue"].as_u64(), Some(days));
}

/// Otherwise a build for `x86_64` would be deployed as arm64, and every call would fail. The values
/// are not checked, because `sam deploy --guided` writes the user's values into this file.
#[test]
fn samconfig_has_every_setting_for_x86_64_and_for_a_new_account_too() {
    let file = include_str!("../../../../samconfig.toml");
    let sections: BTreeMap<_, _> =
        file.split("\n[").skip(1).filter_map(|section| section.split_once("]\n")).collect();
    let setting = |section: &str, name: &str| {
        let mut lines = sections.get(section)?.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(" = ")).map(str::to_owned)
    };
    for name in ["stack_name", "region"] {
        for environment in ["default", "x86_64", "new-account"] {
            let found = setting(&format!("{environment}.global.parameters"), name);
            assert!(found.is_some(), "{environment} has no {name}");
        }
    }
    for command in ["build", "deploy", "local_invoke", "local_start_lambda", "local_start_api"] {
        let section = format!("x86_64.{command}.parameters");
        let overrides = setting(&section, "parameter_overrides").unwrap_or_default();
        let (_, architecture) = overrides.split_once("Architecture=").unwrap_or_default();
        let architecture = architecture.trim_start_matches(['\\', '"']);
        assert!(architecture.starts_with("x86_64"), "[{section}] says {overrides}");
    }
    for section in sections.keys().filter_map(|section| section.strip_prefix("default.")) {
        for environment in ["x86_64", "new-account"] {
            let section = format!("{environment}.{section}");
            assert!(sections.contains_key(section.as_str()), "no [{section}]");
        }
    }
}

#[derive(Debug, PartialEq)]
struct Rule<'a> {
    name: &'a str,
    applies_when: Option<Given<'a>>,
    requires: Option<Given<'a>>,
    message: &'a str,
}

/// `CloudFormation` checks rules before it creates anything, and shows their messages.
/// `cargo xtask e2e` tries a deployment that a rule refuses.
#[test]
fn every_rule_exists_and_says_what_to_do() {
    let is_given = |parameter| Some(Given { parameter, is_given: true });
    let is_empty = |parameter| Some(Given { parameter, is_given: false });
    let expected = [
        Rule {
            name: "AudienceKeyNeedsBucket",
            applies_when: is_given("AudienceKeyId"),
            requires: is_given("AudienceBucket"),
            message: "AudienceKeyId is given, so AudienceBucket has to be given too.",
        },
        Rule {
            name: "CertificateNeedsDomain",
            applies_when: is_given("CertificateId"),
            requires: is_given("DomainName"),
            message: "CertificateId is given, so DomainName has to be given too.",
        },
        Rule {
            name: "DomainNeedsCertificate",
            applies_when: is_given("DomainName"),
            requires: is_given("CertificateId"),
            message: "DomainName is given, so CertificateId has to be given too.",
        },
        Rule {
            name: "EndpointUrlIsForSamLocal",
            applies_when: None,
            requires: is_empty("EndpointUrl"),
            message: "EndpointUrl is for sam local, so it has to be empty here.",
        },
        Rule {
            name: "HostedZoneNeedsDomain",
            applies_when: is_given("HostedZoneId"),
            requires: is_given("DomainName"),
            message: "HostedZoneId is given, so DomainName has to be given too.",
        },
        Rule {
            name: "SecurityGroupsNeedSubnets",
            applies_when: is_given("SenderSecurityGroupIds"),
            requires: is_given("SenderSubnetIds"),
            message: "SenderSecurityGroupIds is given, so SenderSubnetIds has to be given too.",
        },
        Rule {
            name: "SubnetsNeedSecurityGroups",
            applies_when: is_given("SenderSubnetIds"),
            requires: is_given("SenderSecurityGroupIds"),
            message: "SenderSubnetIds is given, so SenderSecurityGroupIds has to be given too.",
        },
    ];
    let mut rules = Vec::new();
    for (name, rule) in template()["Rules"].as_mapping().expect("rules") {
        let name = name.as_str().expect("a name");
        let [assertion] = &rule["Assertions"].as_sequence().expect("assertions")[..] else {
            panic!("{name} asserts more than one thing")
        };
        let condition = &rule["RuleCondition"];
        let applies_when = given(condition);
        let is_understood = condition.is_null() || applies_when.is_some();
        assert!(is_understood, "{name}: {condition:?}");
        rules.push(Rule {
            name,
            applies_when,
            requires: given(&assertion["Assert"]),
            message: assertion["AssertDescription"].as_str().expect("a text"),
        });
    }
    rules.sort_unstable_by_key(|rule| rule.name);
    assert_eq!(rules, expected);
}

/// A resource of another region would not work. An ARN, which contains colons, could name one.
#[test]
fn no_parameter_takes_an_arn() {
    for (name, parameter) in template()["Parameters"].as_mapping().expect("parameters") {
        let name = name.as_str().expect("a name");
        let pattern = parameter["AllowedPattern"].as_str().unwrap_or_default();
        assert!(!name.ends_with("Arn"), "{name}");
        assert!(!pattern.contains(':') || name == "EndpointUrl", "{name} takes {pattern}");
    }
}
