//! Reads template.yaml: its resources, and the references between them.

use std::collections::BTreeMap;

use alimi_local::aws::embedded;
use serde_yaml_ng::Value;

pub fn template() -> &'static Value {
    embedded::template().expect("template.yaml")
}

/// The resources of a type, by name.
pub fn resources(template: &Value, kind: &str) -> BTreeMap<String, Value> {
    let all = template["Resources"].as_mapping().expect("resources");
    let found: BTreeMap<_, _> = all
        .iter()
        .filter(|(_, resource)| resource["Type"].as_str() == Some(kind))
        .map(|(name, resource)| (name.as_str().expect("a name").to_owned(), resource.clone()))
        .collect();
    assert!(!found.is_empty(), "template.yaml has no {kind} any more: change this test");
    found
}

pub fn functions() -> BTreeMap<String, Value> {
    resources(template(), "AWS::Serverless::Function")
}

/// The resource or parameter that a `!Ref` or `!GetAtt` names.
pub fn named(value: &Value) -> Option<&str> {
    let Value::Tagged(tagged) = value else { return None };
    let is_name = tagged.tag == "Ref" || tagged.tag == "GetAtt";
    is_name.then(|| tagged.value.as_str()?.split('.').next()).flatten()
}

/// The `Resource.Attribute` of a `!GetAtt`.
pub fn named_attribute(value: &Value) -> Option<&str> {
    let Value::Tagged(tagged) = value else { return None };
    (tagged.tag == "GetAtt").then(|| tagged.value.as_str()).flatten()
}

/// The value in `!If [condition, value, !Ref AWS::NoValue]`.
pub fn only_if<'a>(value: &'a Value, condition: &str) -> &'a Value {
    let Value::Tagged(tagged) = value else { panic!("no !If: {value:?}") };
    assert_eq!(tagged.tag.to_string(), "!If");
    assert_eq!(tagged.value[0].as_str(), Some(condition));
    assert_eq!(named(&tagged.value[2]), Some("AWS::NoValue"));
    &tagged.value[1]
}

/// The two values in `!If [condition, value, other]`.
pub fn either<'a>(value: &'a Value, condition: &str) -> (&'a Value, &'a Value) {
    let Value::Tagged(tagged) = value else { panic!("no !If: {value:?}") };
    assert_eq!(tagged.tag.to_string(), "!If");
    assert_eq!(tagged.value[0].as_str(), Some(condition));
    (&tagged.value[1], &tagged.value[2])
}

/// The parameter in `!Split [",", !Ref parameter]`.
pub fn split_of(value: &Value) -> Option<&str> {
    let Value::Tagged(tagged) = value else { return None };
    (tagged.tag == "Split" && tagged.value[0].as_str() == Some(","))
        .then(|| named(&tagged.value[1]))
        .flatten()
}

/// The text of a `!Sub`.
pub fn substituted(value: &Value) -> Option<&str> {
    let Value::Tagged(tagged) = value else { return None };
    (tagged.tag == "Sub").then(|| tagged.value.as_str()).flatten()
}

/// A condition on whether a parameter is given.
#[derive(Debug, PartialEq)]
pub struct Given<'a> {
    pub parameter: &'a str,
    pub is_given: bool,
}

/// Reads `!Equals [!Ref parameter, ""]`, or the same inside `!Not`.
pub fn given(condition: &Value) -> Option<Given<'_>> {
    let Value::Tagged(tagged) = condition else { return None };
    if tagged.tag == "Not" {
        let Given { parameter, is_given } = given(&tagged.value[0])?;
        return Some(Given { parameter, is_given: !is_given });
    }
    let is_empty = tagged.tag == "Equals" && tagged.value[1].as_str() == Some("");
    let parameter = named(&tagged.value[0])?;
    is_empty.then_some(Given { parameter, is_given: false })
}
