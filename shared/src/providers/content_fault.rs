//! What is wrong with a part of a message's content, in a template and in a message.

use std::borrow::Cow;

use crate::domain::FieldError;
use crate::domain::template::fixed_text;

/// In which form the texts of a content are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Texts {
    /// As a template has them. What a variable will hold is not known.
    InTemplate,
    /// With their variables filled in.
    Rendered,
}

impl Texts {
    /// The part of a text that is known.
    pub(super) fn known(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::InTemplate => Cow::Owned(fixed_text(text)),
            Self::Rendered => Cow::Borrowed(text),
        }
    }

    /// The known part at the beginning of a text; `None` when the text begins with a variable.
    pub(super) fn known_start(self, text: &str) -> Option<&str> {
        match self {
            Self::InTemplate => match text.split_once("#{") {
                Some((start, _)) => (!start.is_empty()).then_some(start),
                None => Some(text),
            },
            Self::Rendered => Some(text),
        }
    }

    /// The fault of a text that is too long. `None` if its length is allowed. In a template the
    /// variables may add the rest.
    pub(super) fn length_fault(
        self,
        path: &str,
        length: usize,
        unit: &str,
        medium: &str,
        most: usize,
    ) -> Option<ContentFault> {
        let (least, has) = match self {
            Self::InTemplate => (0, "has at least"),
            Self::Rendered => (1, "has"),
        };
        let is_allowed = (least..=most).contains(&length);
        (!is_allowed).then(|| {
            let detail = format!("{has} {length} {unit}; {medium} allows 1 to {most}");
            ContentFault::of_text(path, detail)
        })
    }
}

/// A part of a content that the provider would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContentFault {
    /// The part's path within the content, such as `buttons[0].url_mobile`.
    path: String,
    part: Part,
    /// Goes on where the path ends. Quotes no text.
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// May hold variables.
    Text,
    /// Is the same in every message of the template.
    Structure,
}

impl ContentFault {
    pub(super) fn of_text(path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { path: path.into(), part: Part::Text, detail: detail.into() }
    }

    pub(super) fn of_structure(path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { path: path.into(), part: Part::Structure, detail: detail.into() }
    }

    /// The fault as the person who stores the template sees it.
    pub(super) fn in_template(self) -> FieldError {
        FieldError::new(self.path, self.detail)
    }

    /// The fault as the producer of a message sees it, whose request has no such path.
    pub(super) fn in_message(self) -> FieldError {
        let field = match self.part {
            Part::Text => "variables",
            Part::Structure => "template",
        };
        FieldError::new(field, format!("{} {}", self.path, self.detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_knows_only_what_no_variable_fills() {
        let (template, rendered) = (Texts::InTemplate, Texts::Rendered);
        assert_eq!(template.known("#{a}님, #{b}"), "님, ");
        assert_eq!(rendered.known("#{a}님"), "#{a}님");
        assert_eq!(template.known_start("https://#{host}"), Some("https://"));
        assert_eq!(template.known_start("#{link}"), None);
        assert_eq!(template.known_start("https://a.kr"), Some("https://a.kr"));
        assert_eq!(rendered.known_start("#{link}"), Some("#{link}"));
    }

    #[test]
    fn only_a_rendered_text_can_be_too_short() {
        let fault = |texts: Texts, length| texts.length_fault("body", length, "bytes", "SMS", 90);
        assert_eq!(fault(Texts::InTemplate, 0), None);
        assert_eq!(fault(Texts::InTemplate, 90), None);
        assert_eq!(fault(Texts::Rendered, 90), None);
        assert!(fault(Texts::Rendered, 0).is_some());
        let too_long = |texts| fault(texts, 91).map(|fault| fault.in_template().to_string());
        let in_template = "body: has at least 91 bytes; SMS allows 1 to 90";
        assert_eq!(too_long(Texts::InTemplate).as_deref(), Some(in_template));
        let rendered = "body: has 91 bytes; SMS allows 1 to 90";
        assert_eq!(too_long(Texts::Rendered).as_deref(), Some(rendered));
    }

    #[test]
    fn a_fault_names_the_field_that_its_reader_sent() {
        let text = ContentFault::of_text("fallback.body", "has 91 bytes");
        assert_eq!(text.clone().in_template().to_string(), "fallback.body: has 91 bytes");
        assert_eq!(text.in_message().to_string(), "variables: fallback.body has 91 bytes");
        let structure = ContentFault::of_structure("code", "has 0 bytes");
        assert_eq!(structure.clone().in_template().to_string(), "code: has 0 bytes");
        assert_eq!(structure.in_message().to_string(), "template: code has 0 bytes");
    }
}
