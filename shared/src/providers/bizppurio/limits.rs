//! How long Bizppurio lets each part of a message be.

use encoding_rs::EUC_KR;

use crate::domain::{Fallback, Message, Recipient};
use crate::ports::UnsendableMessage;

/// Characters of an Alimtalk message.
const MESSAGE_CHARS: usize = 1000;
const BUTTONS: usize = 5;
/// Characters of a button's label.
const BUTTON_NAME_CHARS: usize = 28;
/// Bytes of an SMS in EUC-KR.
const SMS_BYTES: usize = 90;
/// Bytes of an LMS in EUC-KR.
const LMS_BYTES: usize = 2000;
/// Bytes of an LMS's subject in EUC-KR.
const SUBJECT_BYTES: usize = 64;

/// Checks a rendered message and its recipient.
///
/// # Errors
/// The first field that Bizppurio would refuse.
pub fn check(message: &Message, to: &Recipient) -> Result<(), UnsendableMessage> {
    let require = |holds: bool, field: &str, must: String| {
        if holds { Ok(()) } else { Err(UnsendableMessage { field: field.to_owned(), must }) }
    };
    require(to.phone.is_some(), "to.phone", "is needed: this channel sends to phones".into())?;
    require(
        message.template_code.as_ref().is_some_and(|code| (1..=32).contains(&code.len())),
        "template",
        "has no provider's code of 1 to 32 characters".into(),
    )?;
    require(!message.body.is_empty(), "variables", "make an empty text".into())?;
    let chars = message.body.chars().count();
    require(
        chars <= MESSAGE_CHARS,
        "variables",
        format!("make a text of {chars} characters; the provider takes {MESSAGE_CHARS}"),
    )?;
    require(
        message.buttons.len() <= BUTTONS,
        "template",
        format!("has more than the {BUTTONS} buttons that the provider takes"),
    )?;
    for button in &message.buttons {
        let chars = button.name.chars().count();
        require(
            (1..=BUTTON_NAME_CHARS).contains(&chars),
            "variables",
            format!(
                "make a button label of {chars} characters; the provider takes 1 to {BUTTON_NAME_CHARS}"
            ),
        )?;
    }
    match &message.fallback {
        None => Ok(()),
        Some(Fallback::Sms { body }) => text_fits("fallback text", body, SMS_BYTES),
        Some(Fallback::Lms { subject, body }) => {
            if let Some(subject) = subject {
                text_fits("fallback subject", subject, SUBJECT_BYTES)?;
            }
            text_fits("fallback text", body, LMS_BYTES)
        }
    }
}

fn text_fits(part: &str, text: &str, bytes_max: usize) -> Result<(), UnsendableMessage> {
    let fault = |must: String| UnsendableMessage { field: "variables".to_owned(), must };
    let (encoded, _, unmappable) = EUC_KR.encode(text);
    if unmappable {
        return Err(fault(format!(
            "put a character into the {part} that text messages cannot carry (they are EUC-KR)"
        )));
    }
    if encoded.len() > bytes_max {
        return Err(fault(format!(
            "make a {part} of {} bytes in EUC-KR; the provider takes {bytes_max}",
            encoded.len()
        )));
    }
    Ok(())
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
        check(message, &to()).err().map(|fault| fault.field)
    }

    #[test]
    fn the_longest_text_passes_and_one_more_character_does_not() {
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
    fn a_recipient_without_a_phone_and_a_template_without_a_code_are_named() {
        let nobody = Recipient { phone: None, ..to() };
        let fault = check(&message("x", None), &nobody).expect_err("no phone");
        assert_eq!(fault.field, "to.phone");
        let uncoded = Message { template_code: None, ..message("x", None) };
        assert_eq!(field_at_fault(&uncoded), Some("template".into()));
    }

    #[test]
    fn buttons_are_counted_and_their_labels_measured() {
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
