//! The statements of the functions' policies in template.yaml.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml_ng::Value as Yaml;
use strum::VariantArray as _;

use super::call::Call;
use super::function::Function;
use crate::aws::embedded::{self, EmbeddedError};
use crate::aws::secrets::SECRET_PREFIX;

/// One action that a statement permits on one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Grant {
    function: Function,
    statement: String,
    action: String,
    /// A pattern. Logical ids stand for ARNs, and `*` for any text.
    resource: String,
    /// Patterns of which the item's partition key must match one; `None` when it may be any.
    leading_keys: Option<Vec<String>>,
}

impl Grant {
    fn permits(&self, call: &Call) -> bool {
        let key_matches = match (&self.leading_keys, &call.leading_key) {
            (None, _) => true,
            (Some(patterns), Some(key)) => patterns.iter().any(|pattern| matches(pattern, key)),
            (Some(_), None) => false,
        };
        self.action == call.action && matches(&self.resource, &call.resource) && key_matches
    }
}

/// One action that a statement denies, even if another statement permits it.
struct Denial {
    function: Function,
    action: String,
    /// Patterns of the resources.
    resources: Vec<String>,
    /// The action is denied on all resources but those listed (`NotResource`).
    on_all_others: bool,
}

impl Denial {
    fn forbids(&self, call: &Call) -> bool {
        let is_listed = self.resources.iter().any(|resource| matches(resource, &call.resource));
        self.action == call.action && is_listed != self.on_all_others
    }
}

impl std::fmt::Display for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { function, statement, action, resource, .. } = self;
        write!(f, "{} / {statement}: {action} on {resource}", function.logical_id())
    }
}

#[derive(Default)]
pub(super) struct Policies {
    pub(super) grants: BTreeSet<Grant>,
    denials: Vec<Denial>,
    /// The partition key of each table.
    pub(super) partition_keys: BTreeMap<String, String>,
}

impl Policies {
    pub(super) fn of_template() -> Result<Self, EmbeddedError> {
        let template = embedded::template()?;
        let mut all = Self { partition_keys: embedded::partition_keys()?, ..Self::default() };
        for &function in Function::VARIANTS {
            let policies = &template["Resources"][function.logical_id()]["Properties"]["Policies"];
            all.add_policies(function, policies).map_err(|fault| {
                let function = function.logical_id();
                EmbeddedError::Template(format!("the policies of {function}: {fault}"))
            })?;
        }
        Ok(all)
    }

    fn add_policies(&mut self, function: Function, policies: &Yaml) -> Result<(), String> {
        for policy in policies.as_sequence().ok_or("they are no list")? {
            let statements = policy["Statement"].as_sequence();
            let statements =
                statements.ok_or("a policy has no statements (is it a managed one?)")?;
            for statement in statements {
                // The policies are read with every parameter set, so `!If` takes its second value.
                let chosen =
                    if let Yaml::Tagged(tagged) = statement { &tagged.value[1] } else { statement };
                self.add_statement(function, chosen)?;
            }
        }
        Ok(())
    }

    fn add_statement(&mut self, function: Function, statement: &Yaml) -> Result<(), String> {
        let sid = statement["Sid"].as_str().ok_or("a statement has no Sid")?;
        let in_statement = |fault: &str| format!("{sid}: {fault}");
        let is_denial = match statement["Effect"].as_str() {
            Some("Allow") => false,
            Some("Deny") => true,
            _ => return Err(in_statement("Effect must be Allow or Deny")),
        };
        let on_all_others = is_denial && !statement["NotResource"].is_null();
        let listed = &statement[if on_all_others { "NotResource" } else { "Resource" }];
        let resources: Option<Vec<String>> = each(listed).into_iter().map(resource_of).collect();
        let resources = resources.ok_or_else(|| in_statement("the resource is not understood"))?;
        let leading_keys = leading_keys(&statement["Condition"]);
        let leading_keys = leading_keys.map_err(|fault| in_statement(&fault))?;
        if is_denial && !statement["Condition"].is_null() {
            return Err(in_statement("a Deny with a Condition is not understood"));
        }
        for action in each(&statement["Action"]) {
            let action = action.as_str().ok_or_else(|| in_statement("an action is no text"))?;
            if action.contains('*') {
                return Err(in_statement("an action has a *; name each action"));
            }
            if is_denial {
                let (action, resources) = (action.to_owned(), resources.clone());
                self.denials.push(Denial { function, action, resources, on_all_others });
                continue;
            }
            self.grants.extend(resources.iter().map(|resource| Grant {
                function,
                statement: sid.to_owned(),
                action: action.to_owned(),
                resource: resource.clone(),
                leading_keys: leading_keys.clone(),
            }));
        }
        Ok(())
    }

    /// The grants that permit a call. A denied call has none.
    pub(super) fn permitting(&self, function: Function, call: &Call) -> Vec<Grant> {
        let mut denials = self.denials.iter().filter(|denial| denial.function == function);
        if denials.any(|denial| denial.forbids(call)) {
            return Vec::new();
        }
        let grants = self.grants.iter().filter(|grant| grant.function == function);
        grants.filter(|grant| grant.permits(call)).cloned().collect()
    }
}

/// Whether a text matches a pattern in which `*` stands for any text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| matches(rest, text)))
        }),
    }
}

/// The values of a list, or the only value. The list of a `!Sub` is one value.
fn each(value: &Yaml) -> Vec<&Yaml> {
    if let Yaml::Sequence(values) = value { values.iter().collect() } else { vec![value] }
}

/// The patterns that conditions set for partition keys. The other known conditions name the service
/// through which a call is made; the functions' calls always satisfy those.
fn leading_keys(conditions: &Yaml) -> Result<Option<Vec<String>>, String> {
    let mut keys = None;
    for (operator, members) in conditions.as_mapping().into_iter().flatten() {
        for (name, values) in members.as_mapping().into_iter().flatten() {
            match (operator.as_str(), name.as_str()) {
                (Some("ForAllValues:StringLike"), Some("dynamodb:LeadingKeys")) => {
                    let values = each(values).into_iter().map(Yaml::as_str);
                    keys = values.map(|value| value.map(str::to_owned)).collect();
                }
                (Some("StringEquals"), Some("iam:PassedToService" | "kms:ViaService")) => {}
                (operator, name) => {
                    return Err(format!("the condition {operator:?} {name:?} is not understood"));
                }
            }
        }
    }
    Ok(keys)
}

/// The pattern of a resource, in the form that calls have.
fn resource_of(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) => Some(text.clone()),
        Yaml::Tagged(tagged) => {
            // Of a `!Sub` with variables of its own, the first item is the text.
            let text = tagged.value.as_str().or_else(|| tagged.value[0].as_str())?;
            if tagged.tag == "GetAtt" {
                let stream = || Some(format!("{}/stream", text.strip_suffix(".StreamArn")?));
                text.strip_suffix(".Arn").map(str::to_owned).or_else(stream)
            } else if tagged.tag == "Ref" {
                Some(text.to_owned())
            } else if tagged.tag == "Sub" {
                substitute(text)
            } else {
                None
            }
        }
        Yaml::Null | Yaml::Bool(_) | Yaml::Number(_) | Yaml::Sequence(_) | Yaml::Mapping(_) => None,
    }
}

fn substitute(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}')?;
        out.push_str(before);
        out.push_str(match name {
            "AWS::Partition" => "aws",
            "AWS::Region" => "region",
            "AWS::AccountId" => "account",
            "SecretPrefix" => SECRET_PREFIX,
            // Tests use several buckets.
            "AudienceFiles" => "*",
            other => other.strip_suffix(".Arn").unwrap_or(other),
        });
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_call_is_permitted_by_no_statement() {
        let statements = "
            - Statement:
                - Sid: Poll
                  Effect: Allow
                  Action: [sqs:ReceiveMessage, sqs:DeleteMessage, sqs:SendMessage]
                  Resource: '*'
                - Sid: PollNoOtherQueue
                  Effect: Deny
                  Action: sqs:ReceiveMessage
                  NotResource: !GetAtt WakeQueue.Arn
                - Sid: KeepMessages
                  Effect: Deny
                  Action: sqs:DeleteMessage
                  Resource: [!GetAtt RunQueue.Arn, !GetAtt CatalogTable.StreamArn]
        ";
        let statements: Yaml = serde_yaml_ng::from_str(statements).expect("YAML");
        let mut policies = Policies::default();
        policies.add_policies(Function::Sender, &statements).expect("policies");
        let may = |action: &str, resource: &str| {
            !policies.permitting(Function::Sender, &Call::new(action, resource)).is_empty()
        };
        assert!(may("sqs:ReceiveMessage", "WakeQueue"));
        assert!(!may("sqs:ReceiveMessage", "RunQueue"), "NotResource denies all other queues");
        assert!(!may("sqs:DeleteMessage", "RunQueue"), "Resource denies this queue");
        assert!(!may("sqs:DeleteMessage", "CatalogTable/stream"), "Resource denies this stream");
        assert!(may("sqs:DeleteMessage", "WakeQueue"));
        assert!(may("sqs:SendMessage", "RunQueue"), "no statement denies this action");
    }

    #[test]
    fn a_statement_that_is_not_understood_is_an_error() {
        let error = |rest: &str| {
            let statement = format!("{{ Sid: Odd, Action: 'sqs:SendMessage', {rest} }}");
            let statement: Yaml = serde_yaml_ng::from_str(&statement).expect("YAML");
            Policies::default().add_statement(Function::Sender, &statement).expect_err("an error")
        };
        let denied = "Effect: Deny, Resource: '*', \
                      Condition: { StringEquals: { 'kms:ViaService': s3.amazonaws.com } }";
        assert!(error(denied).contains("a Deny with a Condition"));
        let no_resource = "Effect: Allow, NotResource: '*'";
        assert!(error(no_resource).contains("the resource is not understood"));
        assert!(error("Effect: Perhaps, Resource: '*'").contains("Effect must be Allow or Deny"));
    }

    #[test]
    fn only_a_star_stands_for_any_text() {
        assert!(matches("a*c", "abc") && matches("a*c", "ac"));
        assert!(matches("*", "") && matches("a*", "a한"));
        assert!(!matches("a*c", "abcd") && !matches("a", "ab") && !matches("a.c", "abc"));
    }
}
