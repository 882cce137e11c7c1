//! Bizppurio's limits of each part of a message.

use encoding_rs::EUC_KR;

use crate::domain::{Fallback, FieldError, Message, Recipient};

const TEMPLATE_CODE_BYTES_MAX: usize = 32;
/// Of an Alimtalk message's body.
const BODY_CHARS_MAX: usize = 1000;
const BUTTONS_MAX: usize = 5;
/// Of a button's name, which is its label.
const NAME_CHARS_MAX: usize = 28;
/// Text messages are EUC-KR, and their limits count its bytes.
const SMS_BYTES_MAX: usize = 90;
const LMS_BYTES_MAX: usize = 2000;
const LMS_SUBJECT_BYTES_MAX: usize = 64;

/// Checks a rendered message and its recipient. A part that is rendered with variables is reported
/// as the request's field `variables`.
///
/// # Errors
/// The first field that Bizppurio would refuse.
pub fn check(message: &Message, to: &Recipient) -> Result<(), FieldError> {
    require(to.phone.is_some(), "to.phone", || {
        "is missing; this channel sends to phone numbers".to_owned()
    })?;
    let code_bytes = message.template_code.as_ref().map_or(0, String::len);
    require((1..=TEMPLATE_CODE_BYTES_MAX).contains(&code_bytes), "template", || {
        format!("has a code of {code_bytes} bytes; Alimtalk needs 1 to {TEMPLATE_CODE_BYTES_MAX}")
    })?;
    let chars = message.body.chars().count();
    require((1..=BODY_CHARS_MAX).contains(&chars), "variables", || {
        format!("the body has {chars} characters; Alimtalk allows 1 to {BODY_CHARS_MAX}")
    })?;
    let buttons = message.buttons.len();
    require(buttons <= BUTTONS_MAX, "template", || {
        format!("has {buttons} buttons; Alimtalk allows {BUTTONS_MAX}")
    })?;
    for button in &message.buttons {
        let chars = button.name.chars().count();
        require((1..=NAME_CHARS_MAX).contains(&chars), "variables", || {
            format!("a button name has {chars} characters; Alimtalk allows 1 to {NAME_CHARS_MAX}")
        })?;
    }
    match &message.fallback {
        None => Ok(()),
        Some(Fallback::Sms { body }) => check_text("fallback's body", body, "SMS", SMS_BYTES_MAX),
        Some(Fallback::Lms { subject, body }) => {
            if let Some(subject) = subject {
                check_text("fallback's subject", subject, "LMS", LMS_SUBJECT_BYTES_MAX)?;
            }
            check_text("fallback's body", body, "LMS", LMS_BYTES_MAX)
        }
    }
}

fn require(holds: bool, field: &str, detail: impl FnOnce() -> String) -> Result<(), FieldError> {
    if holds { Ok(()) } else { Err(FieldError::new(field, detail())) }
}

fn check_text(part: &str, text: &str, medium: &str, bytes_max: usize) -> Result<(), FieldError> {
    let (encoded, _, has_unmappable) = EUC_KR.encode(text);
    require(!has_unmappable, "variables", || {
        format!("the {part} has a character that EUC-KR lacks; {medium} allows only EUC-KR")
    })?;
    let bytes = encoded.len();
    require(bytes <= bytes_max, "variables", || {
        format!("the {part} has {bytes} bytes in EUC-KR; {medium} allows {bytes_max}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Button, PhoneNumber};

    fn to() -> Recipient {
        let phone = PhoneNumber::try_from("01012345678".to_owned()).ok();
        Recipient { id: "t-1".into(), phone, timezone: None }
    }

    fn message(body: &str, fallback: Option<Fallback>) -> Message {
        Message { template_code: Some("T1".into()), body: body.into(), buttons: vec![], fallback }
    }

    fn field_at_fault(message: &Message) -> Option<String> {
        check(message, &to()).err().map(|error| error.field)
    }

    #[test]
    fn the_longest_body_passes_and_one_more_character_does_not() {
        assert_eq!(field_at_fault(&message(&"가".repeat(1000), None)), None);
        assert_eq!(field_at_fault(&message(&"가".repeat(1001), None)), Some("variables".into()));
        assert_eq!(field_at_fault(&message("", None)), Some("variables".into()));
    }

    #[test]
    fn text_messages_are_measured_in_euc_kr_bytes() {
        let sms = |body: &str| message("x", Some(Fallback::Sms { body: body.into() }));
        assert_eq!(field_at_fault(&sms(&"가".repeat(45))), None);
        assert_eq!(
            field_at_fault(&sms(&format!("{}a", "가".repeat(45)))),
            Some("variables".into())
        );
        assert_eq!(field_at_fault(&sms("😀")), Some("variables".into()));
        let lms = |subject: &str, body: &str| {
            message("x", Some(Fallback::Lms { subject: Some(subject.into()), body: body.into() }))
        };
        assert_eq!(field_at_fault(&lms("제목", &"가".repeat(1000))), None);
        assert_eq!(field_at_fault(&lms("제목", &"가".repeat(1001))), Some("variables".into()));
        assert_eq!(field_at_fault(&lms(&"가".repeat(33), "x")), Some("variables".into()));
    }

    #[test]
    fn a_missing_phone_number_and_a_missing_template_code_are_reported_by_field() {
        let without_phone = Recipient { phone: None, ..to() };
        let error = check(&message("x", None), &without_phone).expect_err("no phone");
        assert_eq!(error.field, "to.phone");
        let without_code = Message { template_code: None, ..message("x", None) };
        assert_eq!(field_at_fault(&without_code), Some("template".into()));
    }

    #[test]
    fn buttons_are_counted_and_their_names_measured() {
        let button = |name: &str| Button {
            name: name.into(),
            kind: "WL".into(),
            url_mobile: None,
            url_pc: None,
            scheme_ios: None,
            scheme_android: None,
        };
        let with = |buttons| Message { buttons, ..message("x", None) };
        assert_eq!(field_at_fault(&with(vec![button("확인"); 5])), None);
        assert_eq!(field_at_fault(&with(vec![button("확인"); 6])), Some("template".into()));
        assert_eq!(field_at_fault(&with(vec![button(&"가".repeat(29))])), Some("variables".into()));
    }
}
