//! The values of a template's variables.

use std::collections::BTreeMap;

use alimi::domain::FieldError;
use alimi::domain::shown::shown;
use serde::Deserialize;

const VARIABLE_BYTES_MAX: usize = 4096;

/// A number becomes its shortest text: 1.10 is `1.1`. No number that loses digits comes so far.
#[derive(Deserialize)]
#[serde(untagged, expecting = "must be a string, a number, true or false")]
pub(super) enum Variable {
    Text(String),
    Number(serde_json::Number),
    Bool(bool),
}

/// The variables as texts.
///
/// # Errors
/// Names the first variable that is too long.
pub(super) fn texts(
    variables: BTreeMap<String, Variable>,
) -> Result<BTreeMap<String, String>, FieldError> {
    variables
        .into_iter()
        .map(|(name, value)| {
            let text = match value {
                Variable::Text(text) => text,
                Variable::Number(number) => number.to_string(),
                Variable::Bool(value) => value.to_string(),
            };
            if text.len() > VARIABLE_BYTES_MAX {
                let detail =
                    format!("has {} bytes; must have at most {VARIABLE_BYTES_MAX}", text.len());
                return Err(FieldError::new(format!("variables.{}", shown(&name)), detail));
            }
            Ok((name, text))
        })
        .collect()
}
