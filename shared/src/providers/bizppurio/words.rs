//! Bizppurio's codes in words, for persons. `codes.rs` decides what they mean for a message.
//!
//! The meanings are those of Bizppurio's manual, as far as it documents a code.

use crate::domain::{Explanation, Words};

/// The meaning of a code of an answer or of a receipt. No code is in both.
pub(super) fn explanation(code: &str) -> Option<Explanation> {
    let mut documented = [ANSWERS, ALIMTALK_RECEIPTS, TEXT_RECEIPTS].into_iter().flatten();
    let entry = documented.find(|entry| entry.codes.contains(&code));
    entry.or_else(|| of_a_range(code)).map(|entry| entry.explanation)
}

/// What is known of a code that has no entry of its own.
fn of_a_range(code: &str) -> Option<&'static Entry> {
    let number: u32 = code.parse().ok()?;
    match (code.len(), number) {
        (3, 401 | 403 | 404 | 405) => Some(&STATUS_OF_THE_ACCOUNT),
        (3, 429) => Some(&STATUS_TOO_MANY),
        (3, 408) => Some(&STATUS_UNCERTAIN),
        (3, 400..=499) => Some(&STATUS_REFUSED),
        (3, 100..=599) => Some(&STATUS_UNCERTAIN),
        (4, 4400..=4499) => Some(&OTHER_SMS),
        (4, 6600..=6699) => Some(&OTHER_LMS),
        _ => None,
    }
}

struct Entry {
    codes: &'static [&'static str],
    explanation: Explanation,
}

const fn entry(
    codes: &'static [&'static str],
    meaning: (&'static str, &'static str),
    action: Words,
) -> Entry {
    let (en, ko) = meaning;
    Entry { codes, explanation: Explanation { meaning: Words { en, ko }, action } }
}

const NOTHING: Words =
    Words { en: "Nothing has to be done.", ko: "조치가 필요 없습니다." };
const LOOK_UP: Words = Words {
    en: "Look the message up at Bizppurio before you send it again.",
    ko: "다시 보내기 전에 비즈뿌리오에서 발송 결과를 조회하세요.",
};
const REGISTER_ADDRESS: Words = Words {
    en: "Ask Bizppurio to put the IP address of the stack on the account's list. The channel \
         resumes by itself.",
    ko: "스택의 IP 주소를 계정의 허용 목록에 등록해 달라고 비즈뿌리오에 요청하세요. 채널은 스스로 \
         재개됩니다.",
};
const CORRECT_CREDENTIALS: Words = Words {
    en: "Correct the channel's secret or its provider.account. The channel resumes by itself.",
    ko: "채널의 비밀값 또는 provider.account를 바로잡으세요. 채널은 스스로 재개됩니다.",
};
const ASK_BIZPPURIO: Words =
    Words { en: "Ask Bizppurio.", ko: "비즈뿌리오에 문의하세요." };
const LOWER_LIMIT: Words = Words {
    en: "Nothing has to be done at once. If it happens often, lower the channel's \
         limit.per_second.",
    ko: "당장은 조치가 필요 없습니다. 자주 발생하면 채널의 limit.per_second를 낮추세요.",
};
const COMPARE_TEMPLATE: Words = Words {
    en: "Compare the template with the one that Kakao approved, to the letter.",
    ko: "템플릿이 카카오가 승인한 템플릿과 글자까지 같은지 비교하세요.",
};
const CHECK_SENDER_KEY: Words = Words {
    en: "Compare the channel's provider.sender_key with the sender profile at Bizppurio.",
    ko: "채널의 provider.sender_key를 비즈뿌리오의 발신 프로필과 비교하세요.",
};
const CHECK_KAKAO_CHANNEL: Words = Words {
    en: "Check the state of the KakaoTalk channel in Kakao's administration.",
    ko: "카카오톡 채널의 상태를 카카오 관리자 센터에서 확인하세요.",
};
const SHORTEN: Words = Words {
    en: "Shorten the template or the values of its variables.",
    ko: "템플릿 또는 변수의 값을 줄이세요.",
};
const CHECK_NUMBER: Words = Words {
    en: "Check the recipient's phone number, or send a text message instead.",
    ko: "수신자의 전화번호를 확인하거나 문자 메시지로 보내세요.",
};
const SEND_TEXT: Words = Words {
    en: "Send a text message instead if the recipient has to get the message.",
    ko: "꼭 전달해야 한다면 문자 메시지로 보내세요.",
};
const TRY_LATER: Words = Words {
    en: "Send the message again later, as a new request.",
    ko: "나중에 새 요청으로 다시 보내세요.",
};
const REGISTER_SENDER_NUMBER: Words = Words {
    en: "Register the sender number (the channel's provider.from) at Bizppurio.",
    ko: "발신번호(채널의 provider.from)를 비즈뿌리오에 등록하세요.",
};
const TOP_UP: Words = Words {
    en: "Top up the account's balance at Bizppurio.",
    ko: "비즈뿌리오 계정의 잔액을 충전하세요.",
};
const FIND_DUPLICATES: Words = Words {
    en: "Find out why the same message was sent so often.",
    ko: "같은 메시지가 왜 여러 번 발송되었는지 확인하세요.",
};

/// Codes of answers to requests.
const ANSWERS: &[Entry] = &[
    entry(
        &["1000"],
        (
            "Bizppurio took the message. It is not delivered yet.",
            "접수되었습니다. 아직 전달 전입니다.",
        ),
        NOTHING,
    ),
    entry(
        &["2000"],
        ("The message is invalid.", "메시지 형식이 올바르지 않습니다."),
        COMPARE_TEMPLATE,
    ),
    entry(
        &["3000", "3003", "3010"],
        (
            "The IP address of the stack is not on the account's list.",
            "스택의 IP 주소가 계정의 허용 목록에 없습니다.",
        ),
        REGISTER_ADDRESS,
    ),
    entry(
        &["3001"],
        ("Bizppurio refused the credentials.", "인증 정보가 거부되었습니다."),
        CORRECT_CREDENTIALS,
    ),
    entry(
        &["3002", "3005"],
        ("Bizppurio refused the access token.", "액세스 토큰이 거부되었습니다."),
        NOTHING,
    ),
    entry(
        &["3004", "3006"],
        ("Bizppurio does not know the account.", "계정이 유효하지 않습니다."),
        CORRECT_CREDENTIALS,
    ),
    entry(&["3007"], ("The password is wrong.", "비밀번호가 틀렸습니다."), CORRECT_CREDENTIALS),
    entry(
        &["3008"],
        ("The account has too many connections open.", "계정의 동시 연결 수가 너무 많습니다."),
        LOWER_LIMIT,
    ),
    entry(&["3009"], ("The account is suspended.", "계정이 정지되었습니다."), ASK_BIZPPURIO),
    entry(
        &["3011", "9000"],
        (
            "An unknown error occurred at Bizppurio. It may have taken the message.",
            "비즈뿌리오에서 알 수 없는 오류가 발생했습니다. 접수되었을 수도 있습니다.",
        ),
        LOOK_UP,
    ),
    entry(
        &["3012"],
        ("Bizppurio does not have the message.", "비즈뿌리오에 해당 메시지가 없습니다."),
        ASK_BIZPPURIO,
    ),
    entry(
        &["3013"],
        ("The result of the message is not final yet.", "메시지 결과가 아직 확정되지 않았습니다."),
        ASK_BIZPPURIO,
    ),
    entry(&["5000"], ("A repeated request failed.", "재요청이 실패했습니다."), ASK_BIZPPURIO),
    entry(
        &["5001"],
        ("Bizppurio has no such address.", "비즈뿌리오에 해당 주소가 없습니다."),
        Words {
            en: "Check the channel's provider.environment. The channel resumes by itself.",
            ko: "채널의 provider.environment를 확인하세요. 채널은 스스로 재개됩니다.",
        },
    ),
    entry(
        &["5002"],
        ("There were too many requests in a second.", "초당 요청 수가 너무 많습니다."),
        LOWER_LIMIT,
    ),
    entry(
        &["5003", "5004", "5005"],
        (
            "A gateway of Bizppurio failed. Bizppurio may have taken the message.",
            "비즈뿌리오의 게이트웨이에서 오류가 발생했습니다. 접수되었을 수도 있습니다.",
        ),
        LOOK_UP,
    ),
];

/// Result codes of Alimtalk messages, and of the account.
const ALIMTALK_RECEIPTS: &[Entry] = &[
    entry(&["7000"], ("The Alimtalk message was delivered.", "알림톡이 전달되었습니다."), NOTHING),
    entry(
        &["7103", "7105", "7106", "7107"],
        (
            "The sender profile's key is invalid, unknown, deleted or blocked.",
            "발신 프로필 키가 유효하지 않거나, 삭제 또는 차단되었습니다.",
        ),
        CHECK_SENDER_KEY,
    ),
    entry(
        &["7108", "7109", "7110", "7111", "7112", "7125"],
        (
            "The KakaoTalk channel cannot send: it is blocked, closed or deleted.",
            "카카오톡 채널이 차단, 휴면 또는 삭제되어 발송할 수 없습니다.",
        ),
        CHECK_KAKAO_CHANNEL,
    ),
    entry(
        &["7203"],
        (
            "The recipient is no friend of the KakaoTalk channel.",
            "수신자가 카카오톡 채널의 친구가 아닙니다.",
        ),
        SEND_TEXT,
    ),
    entry(
        &["7204"],
        (
            "The text does not match the approved template.",
            "메시지 문구가 승인된 템플릿과 다릅니다.",
        ),
        COMPARE_TEMPLATE,
    ),
    entry(
        &["7305"],
        (
            "It is uncertain whether the message was delivered. It may still arrive.",
            "전달 여부가 불확실합니다. 나중에 도착할 수 있습니다.",
        ),
        Words {
            en: "Do not send the message again at once.", ko: "바로 다시 보내지 마세요."
        },
    ),
    entry(
        &["7306"],
        ("An error occurred in Kakao's system.", "카카오 시스템에 오류가 발생했습니다."),
        TRY_LATER,
    ),
    entry(
        &["7308", "7318", "7320"],
        (
            "The phone number is wrong, or its user cannot get Alimtalk messages.",
            "전화번호가 잘못되었거나, 알림톡을 받을 수 없는 사용자입니다.",
        ),
        CHECK_NUMBER,
    ),
    entry(&["7314"], ("The message is too long.", "메시지가 너무 깁니다."), SHORTEN),
    entry(
        &["7315"],
        ("Kakao has no template with this code.", "해당 코드의 템플릿이 없습니다."),
        COMPARE_TEMPLATE,
    ),
    entry(
        &["7322"],
        ("Kakao sends no friend messages at this hour.", "친구톡을 발송할 수 없는 시간입니다."),
        TRY_LATER,
    ),
    entry(
        &["7327", "7328", "7330", "7331", "7333", "7336", "7338"],
        (
            "A part of the message does not match the approved template.",
            "메시지의 일부가 승인된 템플릿과 다릅니다.",
        ),
        COMPARE_TEMPLATE,
    ),
    entry(
        &["7325", "7326", "7329", "7332", "7334", "7335", "7337", "7339"],
        ("A part of the message is too long.", "메시지의 일부가 너무 깁니다."),
        SHORTEN,
    ),
    entry(
        &["7340"],
        (
            "The summary of an item has a character that is not permitted.",
            "아이템 요약에 허용되지 않는 문자가 있습니다.",
        ),
        COMPARE_TEMPLATE,
    ),
    entry(
        &["7341", "7342"],
        ("The message breaks a rule of its template.", "메시지가 템플릿의 규칙에 맞지 않습니다."),
        COMPARE_TEMPLATE,
    ),
    entry(
        &["7421"],
        ("Kakao did not answer in time.", "카카오의 응답 시간이 초과되었습니다."),
        LOOK_UP,
    ),
    entry(
        &["7521", "4437"],
        (
            "The same message was sent to this number too often.",
            "같은 번호로 같은 메시지가 너무 많이 발송되었습니다.",
        ),
        FIND_DUPLICATES,
    ),
    entry(
        &["9070"],
        ("The account's prepaid balance is too small.", "계정의 선불 잔액이 부족합니다."),
        TOP_UP,
    ),
];

/// Result codes of text messages.
const TEXT_RECEIPTS: &[Entry] = &[
    entry(&["4100"], ("The SMS was delivered.", "SMS가 전달되었습니다."), NOTHING),
    entry(&["6600"], ("The LMS or MMS was delivered.", "LMS 또는 MMS가 전달되었습니다."), NOTHING),
    entry(
        &["4401", "6604"],
        ("The recipient's phone is switched off.", "수신자의 휴대폰이 꺼져 있습니다."),
        TRY_LATER,
    ),
    entry(
        &["4410", "6606"],
        ("The phone number is wrong.", "전화번호가 잘못되었습니다."),
        CHECK_NUMBER,
    ),
    entry(
        &["4412", "6609"],
        ("The recipient's carrier or phone refused the message.", "수신이 거부되었습니다."),
        CHECK_NUMBER,
    ),
    entry(
        &["4414"],
        ("The phone number has no subscriber.", "가입자가 없는 번호입니다."),
        CHECK_NUMBER,
    ),
    entry(
        &["4421", "6601"],
        ("The carrier did not answer in time.", "통신사의 응답 시간이 초과되었습니다."),
        LOOK_UP,
    ),
    entry(
        &["4430"],
        ("The carrier took the message for spam.", "통신사가 스팸으로 분류했습니다."),
        ASK_BIZPPURIO,
    ),
    entry(
        &["4434", "6631"],
        (
            "The sender number was not registered beforehand.",
            "사전에 등록되지 않은 발신번호입니다.",
        ),
        REGISTER_SENDER_NUMBER,
    ),
    entry(
        &["4432", "4433", "4435", "4436", "6628", "6629", "6630", "6632", "6633"],
        ("The sender number is not permitted.", "허용되지 않는 발신번호입니다."),
        REGISTER_SENDER_NUMBER,
    ),
];

static OTHER_SMS: Entry =
    entry(&[], ("The SMS was not delivered.", "SMS가 전달되지 않았습니다."), ASK_BIZPPURIO);
static OTHER_LMS: Entry = entry(
    &[],
    ("The LMS or MMS was not delivered.", "LMS 또는 MMS가 전달되지 않았습니다."),
    ASK_BIZPPURIO,
);

/// Where an answer had no code, the attempt has the HTTP status in its place.
static STATUS_OF_THE_ACCOUNT: Entry = entry(
    &[],
    (
        "Bizppurio refused the account with this HTTP status, and gave no code.",
        "비즈뿌리오가 코드 없이 이 HTTP 상태로 계정을 거부했습니다.",
    ),
    CORRECT_CREDENTIALS,
);
static STATUS_TOO_MANY: Entry = entry(
    &[],
    ("There were too many requests in a second.", "초당 요청 수가 너무 많습니다."),
    LOWER_LIMIT,
);
static STATUS_REFUSED: Entry = entry(
    &[],
    (
        "Bizppurio refused the message with this HTTP status, and gave no code.",
        "비즈뿌리오가 코드 없이 이 HTTP 상태로 메시지를 거부했습니다.",
    ),
    ASK_BIZPPURIO,
);
static STATUS_UNCERTAIN: Entry = entry(
    &[],
    (
        "Bizppurio answered with this HTTP status, and gave no code. It may have taken the message.",
        "비즈뿌리오가 코드 없이 이 HTTP 상태로 응답했습니다. 접수되었을 수도 있습니다.",
    ),
    LOOK_UP,
);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::{Outcome, Verdict};
    use crate::providers::bizppurio::codes::{ApiCode, api_code, receipt_verdict};

    /// The section of the API reference about these codes.
    fn documented() -> &'static str {
        let reference = include_str!("../../../../docs/api.md");
        let section = reference.split("\n## Bizppurio's codes\n").nth(1).expect("the section");
        section.split("\n## ").next().expect("its end")
    }

    /// Every number of four digits in a text. `3000–3003` counts as four numbers.
    fn codes_in(text: &str) -> Vec<String> {
        let words = text.split(|c: char| !c.is_ascii_digit() && c != '–');
        let mut codes = Vec::new();
        for word in words {
            let ends: Vec<u32> = word
                .split('–')
                .filter(|end| end.len() == 4)
                .filter_map(|end| end.parse().ok())
                .collect();
            match ends[..] {
                [one] => codes.push(one.to_string()),
                [first, last] => codes.extend((first..=last).map(|code| code.to_string())),
                _ => {}
            }
        }
        codes
    }

    #[test]
    fn every_code_of_the_reference_is_explained_in_both_languages() {
        let codes = codes_in(documented());
        assert!(codes.len() > 70, "{codes:?}");
        for code in codes {
            let Explanation { meaning, action } = explanation(&code).expect(&code);
            for Words { en, ko } in [meaning, action] {
                assert!(en.ends_with('.') && ko.ends_with('.'), "{code}: {en} {ko}");
                let has_hangul = ko.chars().any(|c| ('가'..='힣').contains(&c));
                assert!(en.is_ascii() && has_hangul, "{code}: {en} {ko}");
            }
        }
    }

    #[test]
    fn every_code_that_is_explained_is_in_the_reference_and_has_one_entry() {
        let documented: HashSet<String> = codes_in(documented()).into_iter().collect();
        let mut seen = HashSet::new();
        let entries = [ANSWERS, ALIMTALK_RECEIPTS, TEXT_RECEIPTS].into_iter().flatten();
        for code in entries.flat_map(|entry| entry.codes) {
            assert!(documented.contains(*code), "{code} is not in docs/api.md");
            assert!(seen.insert(code), "{code} has two entries");
        }
    }

    #[test]
    fn words_do_not_contradict_what_becomes_of_the_message() {
        let meaning = |code: &str| explanation(code).expect(code).meaning.en;
        for entry in ANSWERS {
            for code in entry.codes {
                let is_uncertain = matches!(
                    api_code(code.parse().ok(), 400),
                    ApiCode::Message(Outcome::Uncertain)
                );
                assert_eq!(meaning(code).contains("may have taken"), is_uncertain, "{code}");
            }
        }
        for entry in [ALIMTALK_RECEIPTS, TEXT_RECEIPTS].into_iter().flatten() {
            for code in entry.codes {
                let is_delivered = receipt_verdict(code, None) == Verdict::Delivered;
                assert_eq!(meaning(code).ends_with("was delivered."), is_delivered, "{code}");
            }
        }
    }

    #[test]
    fn a_number_that_is_not_known_is_good_for_nothing() {
        assert_eq!(
            explanation("7308").expect("a code").meaning.en.split(',').next(),
            Some("The phone number is wrong")
        );
        assert!(explanation("4499").is_some() && explanation("6610").is_some());
        for code in ["200", "401", "429", "408", "418", "502"] {
            assert!(explanation(code).is_some(), "{code}");
        }
        for code in ["", "7", "7999", "99999", "abc", "0440", "한글"] {
            assert_eq!(explanation(code), None, "{code}");
        }
    }
}
