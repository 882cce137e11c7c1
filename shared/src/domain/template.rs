//! Templates, and filling in their variables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::hours::Window;
use super::notification::{Button, Fallback, Message};

/// A message with gaps: `#{name}` marks a variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name, by which producers ask for it.
    #[serde(default)]
    pub name: String,
    /// The channel that its messages leave over.
    pub channel: String,
    /// What the law takes it for.
    pub category: Category,
    /// When this template's messages may leave, in the recipient's zone; the stack's and the
    /// channel's windows hold as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The provider's own code of the approved template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The text.
    pub body: String,
    /// Buttons under the text; their links may hold variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// The text message that goes out when this one cannot be delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
}

/// What the law takes a message for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Something that the recipient needs to know.
    Informational,
    /// Something that the sender wants to sell: subject to quiet hours.
    Advertising,
}

/// A variable that the template has and the request has not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the template needs the variable {0}")]
pub struct MissingVariable(pub String);

impl Template {
    /// The first text with a `#{` that nothing closes: its variable would leave as it stands.
    #[must_use]
    pub fn unclosed(&self) -> Option<&'static str> {
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

    /// Fills in the variables. A value is taken as it is: `#{…}` within it stays text.
    ///
    /// # Errors
    /// Names the first variable that is missing.
    pub fn render(&self, variables: &BTreeMap<String, String>) -> Result<Message, MissingVariable> {
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

fn fill(text: &str, variables: &BTreeMap<String, String>) -> Result<String, MissingVariable> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from_mark)) = rest.split_once("#{") {
        let Some((name, after)) = from_mark.split_once('}') else { break };
        let value = variables.get(name).ok_or_else(|| MissingVariable(name.to_owned()))?;
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(text: &str, variables: &[(&str, &str)]) -> Result<String, MissingVariable> {
        let variables =
            variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        fill(text, &variables)
    }

    #[test]
    fn variables_are_filled_in_wherever_they_stand() {
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
        assert_eq!(filled("#{a} #{b}", &[("a", "1")]), Err(MissingVariable("b".into())));
    }

    #[test]
    fn an_unclosed_mark_is_text() {
        assert_eq!(filled("100#{ off", &[]), Ok("100#{ off".into()));
    }

    proptest! {
        #[test]
        fn text_without_marks_comes_out_unchanged(text in "[^#]*") {
            prop_assert_eq!(filled(&text, &[]), Ok(text));
        }
    }
}
