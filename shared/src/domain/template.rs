//! Templates: messages with variables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::field_error::FieldError;
use super::hours::{Category, Window};
use super::message::{Button, Fallback, Message};
use super::name::{MUST_BE_A_NAME, is_name};

/// A message in which `#{name}` marks a variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Producers ask for the template by this name.
    #[serde(default)]
    pub name: String,
    /// The channel that its messages leave over.
    pub channel: String,
    pub category: Category,
    /// When this template's messages may leave, in the recipient's zone. The stack's and the
    /// channel's windows apply as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The provider's own code of the approved template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    pub body: String,
    /// Buttons under the text. Their labels and links may contain variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// The provider sends this text message when it cannot deliver the first choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
}

impl Template {
    /// What has to be changed before the template can be saved, whatever its channel is.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let has_body = !self.body.trim().is_empty();
        let unclosed = self.field_with_unclosed_variable().map(|field| {
            FieldError::new(field, "has a #{ without a }; must close each variable: #{name}")
        });
        [
            FieldError::unless(is_name(&self.name), "name", MUST_BE_A_NAME),
            FieldError::unless(has_body, "body", "is empty; must be a text"),
            unclosed,
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The first field with a `#{` that nothing closes. That text would be sent as it stands.
    fn field_with_unclosed_variable(&self) -> Option<&'static str> {
        let is_open = |text: &str| text.split("#{").skip(1).any(|after| !after.contains('}'));
        let button = |button: &Button| {
            let links =
                [&button.url_mobile, &button.url_pc, &button.scheme_ios, &button.scheme_android];
            is_open(&button.name) || links.into_iter().flatten().any(|link| is_open(link))
        };
        if is_open(&self.body) {
            return Some("body");
        }
        if self.buttons.iter().any(button) {
            return Some("buttons");
        }
        match &self.fallback {
            Some(Fallback::Lms { subject: Some(subject), .. }) if is_open(subject) => {
                Some("fallback.subject")
            }
            Some(Fallback::Sms { body } | Fallback::Lms { body, .. }) if is_open(body) => {
                Some("fallback.body")
            }
            Some(_) | None => None,
        }
    }

    /// Fills in the variables. A value is taken literally: `#{…}` inside a value stays text.
    ///
    /// # Errors
    /// Names the first variable that is missing.
    pub fn render(&self, variables: &BTreeMap<String, String>) -> Result<Message, FieldError> {
        let fill = |text: &str| fill(text, variables);
        let fill_link = |link: &Option<String>| link.as_deref().map(fill).transpose();
        Ok(Message {
            template_code: self.code.clone(),
            body: fill(&self.body)?,
            buttons: self
                .buttons
                .iter()
                .map(|button| {
                    Ok(Button {
                        name: fill(&button.name)?,
                        kind: button.kind.clone(),
                        url_mobile: fill_link(&button.url_mobile)?,
                        url_pc: fill_link(&button.url_pc)?,
                        scheme_ios: fill_link(&button.scheme_ios)?,
                        scheme_android: fill_link(&button.scheme_android)?,
                    })
                })
                .collect::<Result<_, _>>()?,
            fallback: match &self.fallback {
                None => None,
                Some(Fallback::Sms { body }) => Some(Fallback::Sms { body: fill(body)? }),
                Some(Fallback::Lms { subject, body }) => Some(Fallback::Lms {
                    subject: subject.as_deref().map(fill).transpose()?,
                    body: fill(body)?,
                }),
            },
        })
    }
}

fn fill(text: &str, variables: &BTreeMap<String, String>) -> Result<String, FieldError> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from_mark)) = rest.split_once("#{") {
        let Some((name, after)) = from_mark.split_once('}') else { break };
        let value = variables.get(name).ok_or_else(|| missing(name))?;
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn missing(variable: &str) -> FieldError {
    let detail = format!("is missing: the template needs the variable {variable}");
    FieldError::new(format!("variables.{variable}"), detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(text: &str, variables: &[(&str, &str)]) -> Result<String, FieldError> {
        let variables =
            variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        fill(text, &variables)
    }

    #[test]
    fn every_occurrence_of_a_variable_is_filled_in() {
        assert_eq!(
            filled("#{이름}님, #{time}에 만나요. #{이름}", &[("이름", "김하나"), ("time", "10시")]),
            Ok("김하나님, 10시에 만나요. 김하나".into())
        );
    }

    #[test]
    fn a_value_that_looks_like_a_variable_stays_text() {
        assert_eq!(filled("#{a}", &[("a", "#{b}"), ("b", "x")]), Ok("#{b}".into()));
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error = filled("#{a} #{b}", &[("a", "1")]).expect_err("b is missing");
        assert_eq!(error.field, "variables.b");
        assert_eq!(error.detail, "is missing: the template needs the variable b");
    }

    #[test]
    fn an_unclosed_variable_is_text() {
        assert_eq!(filled("100#{ off", &[]), Ok("100#{ off".into()));
    }

    proptest! {
        #[test]
        fn text_without_variables_is_unchanged(text in "[^#]*") {
            prop_assert_eq!(filled(&text, &[]), Ok(text));
        }
    }
}
