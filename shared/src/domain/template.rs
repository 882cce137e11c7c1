//! Templates: messages with variables.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::content::Content;
use super::field_error::FieldError;
use super::hours::{Category, Window};
use super::name::{MUST_BE_A_NAME, is_name};

/// A message in which `#{name}` marks a variable, in one variant for each channel that it may leave
/// over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Producers ask for the template by this name.
    #[serde(default)]
    pub name: String,
    pub category: Category,
    /// When this template's messages may leave, in the recipient's zone. The stack's and the
    /// channel's windows apply as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// A request that names no channel gets the first variant.
    pub variants: Vec<Variant>,
}

/// What a template says over one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The channel's name.
    pub channel: String,
    pub content: Content,
}

impl Template {
    /// The most variants of a template.
    pub const VARIANTS_MAX: usize = 10;

    /// The variant for a channel, or the first one.
    ///
    /// # Errors
    /// Names the field `channel` when the template has no variant for it.
    pub fn variant(&self, channel: Option<&str>) -> Result<&Variant, FieldError> {
        let found = match channel {
            None => self.variants.first(),
            Some(name) => self.variants.iter().find(|variant| variant.channel == name),
        };
        found.ok_or_else(|| {
            let known: Vec<&str> = self.channels().collect();
            let detail = format!(
                "is {:?}; the template {} is for: {}",
                channel.unwrap_or_default(),
                self.name,
                known.join(", ")
            );
            FieldError::new("channel", detail)
        })
    }

    /// The channels that the template's messages may leave over.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.variants.iter().map(|variant| variant.channel.as_str())
    }

    /// What has to be changed before the template can be saved, whatever its channels are.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let count = self.variants.len();
        let max = Self::VARIANTS_MAX;
        let has_variants = FieldError::unless(
            (1..=max).contains(&count),
            "variants",
            format!("has {count} variants; must have 1 to {max}"),
        );
        let mut channels = BTreeSet::new();
        let variants = self.variants.iter().enumerate().flat_map(|(index, variant)| {
            let is_first = channels.insert(&variant.channel);
            let repeated = FieldError::unless(
                is_first,
                "channel",
                format!("is {:?} again; each variant must have another channel", variant.channel),
            );
            let faults = repeated.into_iter().chain(variant.text_faults());
            faults.map(move |fault| fault.within(&variant_path(index))).collect::<Vec<_>>()
        });
        FieldError::unless(is_name(&self.name), "name", MUST_BE_A_NAME)
            .into_iter()
            .chain(has_variants)
            .chain(variants)
            .collect()
    }
}

/// The path of a variant in a template's document.
#[must_use]
pub fn variant_path(index: usize) -> String {
    format!("variants[{index}]")
}

impl Variant {
    /// Fills in the variables. A value is taken literally: `#{…}` inside a value stays text.
    ///
    /// # Errors
    /// Names the first variable that is missing.
    pub fn render(&self, variables: &BTreeMap<String, String>) -> Result<Content, FieldError> {
        self.content.try_map_texts(|_, text| fill(text, variables))
    }

    /// The names of the variables in the texts.
    #[must_use]
    pub fn variables(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        // Mapping a text to itself cannot fail.
        let _same: Result<Content, FieldError> = self.content.try_map_texts(|_, text| {
            names.extend(variables_of(text).map(str::to_owned));
            Ok(text.to_owned())
        });
        names
    }

    /// Texts that are empty or that have a `#{` without a `}`, which would be sent as it stands.
    fn text_faults(&self) -> Option<FieldError> {
        let checked = self.content.try_map_texts(|path, text| {
            if text.trim().is_empty() {
                return Err(FieldError::new(path, "is empty; must be a text"));
            }
            if text.split("#{").skip(1).any(|after| !after.contains('}')) {
                let must = "has a #{ without a }; must close each variable: #{name}";
                return Err(FieldError::new(path, must));
            }
            if variables_of(text).any(|name| name.trim().is_empty()) {
                let must = "has a #{} without a name; must name each variable: #{name}";
                return Err(FieldError::new(path, must));
            }
            Ok(text.to_owned())
        });
        checked.err().map(|error| error.within("content"))
    }
}

/// The names between `#{` and `}`, in order.
fn variables_of(text: &str) -> impl Iterator<Item = &str> {
    text.split("#{").skip(1).filter_map(|after| Some(after.split_once('}')?.0))
}

/// The fixed parts of a template's text: the parts around its variables.
#[must_use]
pub fn fixed_text(text: &str) -> String {
    let mut parts = text.split("#{");
    let mut fixed = parts.next().unwrap_or_default().to_owned();
    fixed.extend(parts.map(|part| part.split_once('}').map_or(part, |(_, after)| after)));
    fixed
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
    fn the_fixed_parts_of_a_text_are_what_no_variable_fills() {
        assert_eq!(fixed_text("#{a}님, #{b}에 만나요."), "님, 에 만나요.");
        assert_eq!(fixed_text("100"), "100");
    }

    fn template() -> Template {
        serde_json::from_value(serde_json::json!({
            "name": "greeting",
            "category": "informational",
            "variants": [
                { "channel": "kakao", "content": {
                    "type": "alimtalk", "code": "C", "body": "#{name}님",
                    "buttons": [{ "name": "안내", "type": "WL", "url_mobile": "https://a.kr/#{id}" }],
                    "fallback": { "type": "sms", "body": "#{name}" },
                }},
                { "channel": "sms", "content": { "type": "sms", "body": "#{name}" } },
            ],
        }))
        .expect("a template")
    }

    #[test]
    fn a_request_without_a_channel_gets_the_first_variant() {
        let template = template();
        assert_eq!(template.variant(None).expect("a variant").channel, "kakao");
        assert_eq!(template.variant(Some("sms")).expect("a variant").channel, "sms");
        let error = template.variant(Some("push")).expect_err("no variant");
        assert_eq!(
            error.to_string(),
            "channel: is \"push\"; the template greeting is for: kakao, sms"
        );
    }

    #[test]
    fn a_variants_variables_are_those_of_all_its_texts() {
        let template = template();
        let names: Vec<String> = template.variants[0].variables().into_iter().collect();
        assert_eq!(names, ["id", "name"]);
    }

    #[test]
    fn each_fault_of_a_template_is_named_by_its_path() {
        type Change = fn(&mut serde_json::Value);
        let cases: [(Change, &str); 7] = [
            (|t| t["name"] = "A b".into(), "name"),
            (|t| t["variants"] = serde_json::json!([]), "variants"),
            (|t| t["variants"][1]["channel"] = "kakao".into(), "variants[1].channel"),
            (|t| t["variants"][0]["content"]["body"] = " ".into(), "variants[0].content.body"),
            (|t| t["variants"][1]["content"]["body"] = "#{}".into(), "variants[1].content.body"),
            (
                |t| t["variants"][0]["content"]["buttons"][0]["name"] = "#{a".into(),
                "variants[0].content.buttons[0].name",
            ),
            (
                |t| t["variants"][0]["content"]["fallback"]["body"] = "".into(),
                "variants[0].content.fallback.body",
            ),
        ];
        for (change, field) in cases {
            let mut json = serde_json::to_value(template()).expect("JSON");
            change(&mut json);
            let faulty: Template = serde_json::from_value(json).expect("a template");
            let fields: Vec<_> = faulty.faults().into_iter().map(|fault| fault.field).collect();
            assert_eq!(fields, [field]);
        }
        assert_eq!(template().faults(), []);
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
