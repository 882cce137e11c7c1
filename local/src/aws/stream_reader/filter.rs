//! The patterns that select changes, as in the `FilterCriteria` of an event source mapping.

use serde_json::Value;

/// What an event must be like.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pattern {
    /// Every member matches its pattern.
    All(Vec<(String, Self)>),
    /// One of the patterns matches: `$or`.
    Or(Vec<Self>),
    /// The value meets one of the rules.
    AnyOf(Vec<Rule>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    Equals(Value),
    Prefix(String),
    Suffix(String),
    Exists(bool),
    /// The value exists, and meets none of the rules.
    AnythingBut(Vec<Self>),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says which part is not understood.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let pattern = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Self::of(&pattern)
    }

    fn of(pattern: &Value) -> Result<Self, String> {
        match pattern {
            Value::Object(members) => {
                let mut all = Vec::new();
                for (name, pattern) in members {
                    let read = match (name.as_str(), pattern) {
                        ("$or", Value::Array(patterns)) => {
                            let patterns: Result<_, _> = patterns.iter().map(Self::of).collect();
                            Self::Or(patterns?)
                        }
                        _ => Self::of(pattern)?,
                    };
                    all.push((name.clone(), read));
                }
                Ok(Self::All(all))
            }
            Value::Array(rules) => {
                Ok(Self::AnyOf(rules.iter().map(Rule::of).collect::<Result<_, _>>()?))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Err(format!("{pattern} must be in an array"))
            }
        }
    }

    /// Whether a value matches; `None` is the value of a member that is not there.
    pub(super) fn matches(&self, value: Option<&Value>) -> bool {
        match self {
            Self::All(members) => members.iter().all(|(name, pattern)| match pattern {
                Self::Or(_) => pattern.matches(value),
                Self::All(_) | Self::AnyOf(_) => pattern.matches(value.and_then(|it| it.get(name))),
            }),
            Self::Or(patterns) => patterns.iter().any(|pattern| pattern.matches(value)),
            Self::AnyOf(rules) => rules.iter().any(|rule| rule.is_met_by(value)),
        }
    }
}

impl Rule {
    fn of(rule: &Value) -> Result<Self, String> {
        let not_understood = || format!("the rule {rule} is not understood");
        let Value::Object(members) = rule else { return Ok(Self::Equals(rule.clone())) };
        let mut members = members.iter();
        let (Some((operator, operand)), None) = (members.next(), members.next()) else {
            return Err(not_understood());
        };
        match (operator.as_str(), operand) {
            ("prefix", Value::String(prefix)) => Ok(Self::Prefix(prefix.clone())),
            ("suffix", Value::String(suffix)) => Ok(Self::Suffix(suffix.clone())),
            ("exists", Value::Bool(exists)) => Ok(Self::Exists(*exists)),
            ("anything-but", Value::Array(values)) => {
                Ok(Self::AnythingBut(values.iter().map(Self::of).collect::<Result<_, _>>()?))
            }
            ("anything-but", one) => Ok(Self::AnythingBut(vec![Self::of(one)?])),
            _ => Err(not_understood()),
        }
    }

    fn is_met_by(&self, value: Option<&Value>) -> bool {
        let Some(value) = value else { return *self == Self::Exists(false) };
        if let Value::Array(values) = value {
            return values.iter().any(|value| self.is_met_by(Some(value)));
        }
        let text = value.as_str();
        match self {
            Self::Equals(wanted) => value == wanted,
            Self::Prefix(prefix) => text.is_some_and(|text| text.starts_with(prefix)),
            Self::Suffix(suffix) => text.is_some_and(|text| text.ends_with(suffix)),
            Self::Exists(exists) => *exists,
            Self::AnythingBut(rules) => !rules.iter().any(|rule| rule.is_met_by(Some(value))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(pattern: &Value, value: &Value) -> bool {
        Pattern::read(&pattern.to_string()).expect("a pattern").matches(Some(value))
    }

    #[test]
    fn every_member_has_to_match_and_one_value_of_each_suffices() {
        let pattern = json!({ "Keys": { "kind": { "S": ["schedule", "audience"] } }, "n": [1] });
        let record = |kind: &str, n: u8| json!({ "Keys": { "kind": { "S": kind } }, "n": n });
        assert!(matches(&pattern, &record("schedule", 1)));
        assert!(matches(&pattern, &record("audience", 1)));
        assert!(!matches(&pattern, &record("template", 1)));
        assert!(!matches(&pattern, &record("schedule", 2)));
        assert!(!matches(&pattern, &json!({ "n": 1 })), "a member is not there");
    }

    #[test]
    fn rules_look_at_the_beginning_the_end_and_the_presence_of_a_value() {
        assert!(matches(&json!({ "a": [{ "prefix": "run#" }] }), &json!({ "a": "run#1" })));
        assert!(!matches(&json!({ "a": [{ "prefix": "run#" }] }), &json!({ "a": "tag#1" })));
        assert!(matches(&json!({ "a": [{ "suffix": "1" }] }), &json!({ "a": "run#1" })));
        assert!(matches(&json!({ "a": [{ "exists": false }] }), &json!({})));
        assert!(!matches(&json!({ "a": [{ "exists": false }] }), &json!({ "a": null })));
        assert!(matches(
            &json!({ "a": { "b": [{ "exists": true }] } }),
            &json!({ "a": { "b": 1 } })
        ));
    }

    #[test]
    fn anything_but_asks_for_another_value() {
        let pattern = json!({ "a": [{ "anything-but": ["alimi", { "prefix": "x" }] }] });
        assert!(matches(&pattern, &json!({ "a": "orders" })));
        assert!(!matches(&pattern, &json!({ "a": "alimi" })));
        assert!(!matches(&pattern, &json!({ "a": "xyz" })));
        assert!(!matches(&pattern, &json!({})), "there is no value");
    }

    #[test]
    fn one_of_several_patterns_may_match() {
        let pattern = json!({ "$or": [{ "a": ["1"] }, { "b": ["2"] }], "c": ["3"] });
        assert!(matches(&pattern, &json!({ "b": "2", "c": "3" })));
        assert!(!matches(&pattern, &json!({ "b": "1", "c": "3" })));
        assert!(!matches(&pattern, &json!({ "a": "1" })));
    }

    #[test]
    fn a_rule_that_is_not_understood_is_an_error() {
        let error = Pattern::read(r#"{ "a": [{ "numeric": [">", 1] }] }"#).expect_err("an error");
        assert!(error.contains("numeric"), "{error}");
        assert!(Pattern::read(r#"{ "a": "b" }"#).is_err(), "a value outside of an array");
        assert!(Pattern::read("{").is_err());
    }
}
