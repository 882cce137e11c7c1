//! The limits of text messages in Korea, which are the same for every provider: the carriers take
//! EUC-KR, and count its bytes.

use super::content_fault::{ContentFault, Texts};
use super::euc_kr;
use crate::domain::{Fallback, Lms, Sms};

const SMS_BYTES_MAX: usize = 90;
const LMS_BYTES_MAX: usize = 2000;
const LMS_SUBJECT_BYTES_MAX: usize = 64;

pub(super) fn sms_faults(sms: &Sms, texts: Texts) -> Vec<ContentFault> {
    text_fault("body", &sms.body, "SMS", SMS_BYTES_MAX, texts).into_iter().collect()
}

pub(super) fn lms_faults(lms: &Lms, texts: Texts) -> Vec<ContentFault> {
    lms_part_faults(lms, "subject", "body", texts)
}

/// The faults of the text message that replaces a message which was not delivered.
pub(super) fn fallback_faults(fallback: &Fallback, texts: Texts) -> Vec<ContentFault> {
    match fallback {
        Fallback::Sms(sms) => text_fault("fallback.body", &sms.body, "SMS", SMS_BYTES_MAX, texts)
            .into_iter()
            .collect(),
        Fallback::Lms(lms) => lms_part_faults(lms, "fallback.subject", "fallback.body", texts),
    }
}

fn lms_part_faults(
    lms: &Lms,
    subject_path: &str,
    body_path: &str,
    texts: Texts,
) -> Vec<ContentFault> {
    let subject = lms
        .subject
        .as_deref()
        .and_then(|subject| text_fault(subject_path, subject, "LMS", LMS_SUBJECT_BYTES_MAX, texts));
    let body = text_fault(body_path, &lms.body, "LMS", LMS_BYTES_MAX, texts);
    subject.into_iter().chain(body).collect()
}

fn text_fault(
    path: &str,
    text: &str,
    medium: &str,
    bytes_max: usize,
    texts: Texts,
) -> Option<ContentFault> {
    let known = texts.known(text);
    let Some(length) = euc_kr::length_bytes(&known) else {
        let detail = format!(
            "has a character that EUC-KR lacks, such as an emoji; {medium} allows only EUC-KR"
        );
        return Some(ContentFault::of_text(path, detail));
    };
    texts.length_fault(path, length, "bytes in EUC-KR", medium, bytes_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sms(body: &str, texts: Texts) -> Vec<String> {
        shown(sms_faults(&Sms { body: body.into() }, texts))
    }

    fn lms(subject: &str, body: &str, texts: Texts) -> Vec<String> {
        shown(lms_faults(&Lms { subject: Some(subject.into()), body: body.into() }, texts))
    }

    fn shown(faults: Vec<ContentFault>) -> Vec<String> {
        faults.into_iter().map(|fault| fault.in_template().to_string()).collect()
    }

    #[test]
    fn text_messages_are_measured_in_euc_kr_bytes() {
        assert_eq!(sms(&"가".repeat(45), Texts::Rendered), [""; 0]);
        assert_eq!(
            sms(&format!("{}a", "가".repeat(45)), Texts::Rendered),
            ["body: has 91 bytes in EUC-KR; SMS allows 1 to 90"]
        );
        assert_eq!(lms("제목", &"가".repeat(1000), Texts::Rendered), [""; 0]);
        assert_eq!(
            lms(&"가".repeat(33), &"가".repeat(1001), Texts::Rendered),
            [
                "subject: has 66 bytes in EUC-KR; LMS allows 1 to 64",
                "body: has 2002 bytes in EUC-KR; LMS allows 1 to 2000",
            ]
        );
    }

    #[test]
    fn a_character_that_euc_kr_lacks_is_refused() {
        let lacking = |path: &str, medium: &str| {
            format!(
                "{path}: has a character that EUC-KR lacks, such as an emoji; {medium} allows only \
                 EUC-KR"
            )
        };
        for texts in [Texts::InTemplate, Texts::Rendered] {
            assert_eq!(sms("😀", texts), [lacking("body", "SMS")]);
            assert_eq!(lms("😀", "a", texts), [lacking("subject", "LMS")]);
        }
    }

    #[test]
    fn a_templates_variables_do_not_count() {
        assert_eq!(sms(&format!("#{{😀}}{}", "가".repeat(45)), Texts::InTemplate), [""; 0]);
        assert_eq!(
            sms(&format!("#{{a}}{}", "가".repeat(46)), Texts::InTemplate),
            ["body: has at least 92 bytes in EUC-KR; SMS allows 1 to 90"]
        );
        assert_eq!(sms("#{a}", Texts::InTemplate), [""; 0]);
    }

    #[test]
    fn a_fallbacks_texts_are_named_by_their_paths() {
        let body = "가".repeat(46);
        let short = Fallback::Sms(Sms { body: body.clone() });
        assert_eq!(
            shown(fallback_faults(&short, Texts::Rendered)),
            ["fallback.body: has 92 bytes in EUC-KR; SMS allows 1 to 90"]
        );
        let long = Fallback::Lms(Lms { subject: Some(body), body: String::new() });
        assert_eq!(
            shown(fallback_faults(&long, Texts::Rendered)),
            [
                "fallback.subject: has 92 bytes in EUC-KR; LMS allows 1 to 64",
                "fallback.body: has 0 bytes in EUC-KR; LMS allows 1 to 2000",
            ]
        );
    }
}
