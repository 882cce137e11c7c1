//! Kakao's rules for Alimtalk messages. Every provider that passes messages on to Kakao has them.

use super::content_fault::{ContentFault, Texts};
use crate::domain::{Alimtalk, Button};

const BUTTONS_MAX: usize = 5;
/// Of a button's label.
const LABEL_CHARS_MAX: usize = 28;

/// Schemes that run code or open files on the device of the person who taps a button.
const FORBIDDEN_SCHEMES: [&str; 10] = [
    "javascript",
    "data",
    "vbscript",
    "file",
    "about",
    "content",
    "blob",
    "filesystem",
    "jar",
    "view-source",
];
const MUST_BE_A_WEB_LINK: &str = "must start with https:// or http://";
const MUST_BE_AN_APP_LINK: &str = "must start with the scheme of an app, such as shop://, or with \
    https:// or http://, and not with javascript:, data:, vbscript:, file:, about:, content:, \
    blob:, filesystem:, jar: or view-source:";
const MUST_HAVE_A_HOST: &str = "must have a host behind https:// or http://";
const MUST_HAVE_NO_SPACES: &str = "must have no spaces and no control characters";

/// The limits in which the documents of the providers differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct AlimtalkLimits {
    pub code_bytes_max: usize,
    pub body_chars_max: usize,
}

/// What Kakao would refuse, apart from the fallback.
pub(super) fn alimtalk_faults(
    alimtalk: &Alimtalk,
    limits: AlimtalkLimits,
    texts: Texts,
) -> Vec<ContentFault> {
    let Alimtalk { code, body, buttons, fallback: _ } = alimtalk;
    let mut faults = Vec::new();
    let AlimtalkLimits { code_bytes_max, body_chars_max } = limits;
    if !(1..=code_bytes_max).contains(&code.len()) {
        let detail = format!(
            "has {} bytes; must be the code of the approved template, 1 to {code_bytes_max} bytes",
            code.len()
        );
        faults.push(ContentFault::of_structure("code", detail));
    } else if code.trim().is_empty() {
        let detail = "has only spaces; must be the code of the approved template";
        faults.push(ContentFault::of_structure("code", detail));
    }
    faults.extend(chars_fault("body", body, body_chars_max, texts));
    if buttons.len() > BUTTONS_MAX {
        let detail = format!("has {} entries; Alimtalk allows {BUTTONS_MAX}", buttons.len());
        faults.push(ContentFault::of_structure("buttons", detail));
    }
    let buttons = buttons.iter().enumerate();
    faults.extend(buttons.flat_map(|(index, button)| button_faults(button, index, texts)));
    faults
}

fn chars_fault(path: &str, text: &str, chars_max: usize, texts: Texts) -> Option<ContentFault> {
    let chars = texts.known(text).chars().count();
    texts.length_fault(path, chars, "characters", "Alimtalk", chars_max)
}

fn button_faults(button: &Button, index: usize, texts: Texts) -> Vec<ContentFault> {
    let path = |field: &str| format!("buttons[{index}].{field}");
    let mut faults = Vec::new();
    faults.extend(chars_fault(&path("name"), &button.name, LABEL_CHARS_MAX, texts));
    if button.kind.len() != 2 || !button.kind.bytes().all(|b| b.is_ascii_uppercase()) {
        let detail = format!(
            "is {:?}; must be Kakao's code of two capital letters, such as WL",
            button.kind
        );
        faults.push(ContentFault::of_structure(path("type"), detail));
    }
    if let Some((field, must)) = missing_link(button) {
        faults.push(ContentFault::of_structure(path(field), format!("is missing; {must}")));
    }
    for (field, link) in [("url_mobile", &button.url_mobile), ("url_pc", &button.url_pc)] {
        let fault = link.as_deref().and_then(|link| {
            let is_other = texts.known_start(link).is_some_and(|start| !is_web_link(start));
            is_other.then_some(MUST_BE_A_WEB_LINK).or_else(|| unusable(link, texts))
        });
        faults.extend(fault.map(|must| ContentFault::of_text(path(field), must)));
    }
    let schemes = [("scheme_ios", &button.scheme_ios), ("scheme_android", &button.scheme_android)];
    for (field, link) in schemes {
        let fault = link.as_deref().and_then(|link| {
            let is_other = texts.known_start(link).is_some_and(|start| !is_app_link(start));
            is_other.then_some(MUST_BE_AN_APP_LINK).or_else(|| unusable(link, texts))
        });
        faults.extend(fault.map(|must| ContentFault::of_text(path(field), must)));
    }
    faults
}

/// The link that a button of this kind must have and has not. Other kinds of buttons open no link.
fn missing_link(button: &Button) -> Option<(&'static str, &'static str)> {
    match button.kind.as_str() {
        "WL" if button.url_mobile.is_none() => {
            Some(("url_mobile", "a button of the type WL must have a link for phones"))
        }
        "AL" if button.scheme_ios.is_none() && button.scheme_android.is_none() => Some((
            "scheme_ios",
            "a button of the type AL must have scheme_ios, scheme_android or both",
        )),
        _ => None,
    }
}

/// What a link with a permitted beginning lacks so that it can be opened.
fn unusable(link: &str, texts: Texts) -> Option<&'static str> {
    let known = texts.known(link);
    if known.chars().any(|character| character.is_whitespace() || character.is_control()) {
        return Some(MUST_HAVE_NO_SPACES);
    }
    // A variable may hold the host.
    let is_whole = known == link;
    (is_whole && is_web_link(link) && !has_host(link)).then_some(MUST_HAVE_A_HOST)
}

/// Whether a web link has a host, which may have a user before it and a port behind it.
fn has_host(link: &str) -> bool {
    let Some((_, rest)) = link.split_once("://") else { return false };
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    !host.is_empty() && !host.starts_with(':')
}

fn is_web_link(start: &str) -> bool {
    let begins_with = |scheme: &str| {
        start.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
    };
    begins_with("https://") || begins_with("http://")
}

/// Whether a link begins with a scheme that is not forbidden. A browser skips spaces and control
/// characters before and inside a scheme, so such a scheme is refused.
fn is_app_link(start: &str) -> bool {
    let Some((scheme, _)) = start.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let is_forbidden =
        FORBIDDEN_SCHEMES.iter().any(|forbidden| scheme.eq_ignore_ascii_case(forbidden));
    is_scheme && !is_forbidden
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: AlimtalkLimits = AlimtalkLimits { code_bytes_max: 32, body_chars_max: 1000 };

    fn button(kind: &str) -> Button {
        Button {
            name: "확인".into(),
            kind: kind.into(),
            url_mobile: None,
            url_pc: None,
            scheme_ios: None,
            scheme_android: None,
        }
    }

    fn web_button(url_mobile: &str) -> Button {
        Button { url_mobile: Some(url_mobile.into()), ..button("WL") }
    }

    fn app_button(scheme_ios: &str) -> Button {
        Button { scheme_ios: Some(scheme_ios.into()), ..button("AL") }
    }

    fn alimtalk(buttons: Vec<Button>) -> Alimtalk {
        Alimtalk { code: "CODE".into(), body: "#{name}님".into(), buttons, fallback: None }
    }

    fn faults(alimtalk: &Alimtalk, texts: Texts) -> Vec<String> {
        let faults = alimtalk_faults(alimtalk, LIMITS, texts);
        faults.into_iter().map(|fault| fault.in_template().to_string()).collect()
    }

    fn fields(alimtalk: &Alimtalk, texts: Texts) -> Vec<String> {
        let faults = alimtalk_faults(alimtalk, LIMITS, texts);
        faults.into_iter().map(|fault| fault.in_template().field).collect()
    }

    #[test]
    fn the_longest_body_passes_and_one_more_character_does_not() {
        let with_body = |body: String| Alimtalk { body, ..alimtalk(vec![]) };
        assert_eq!(faults(&with_body("가".repeat(1000)), Texts::Rendered), [""; 0]);
        assert_eq!(
            faults(&with_body("가".repeat(1001)), Texts::Rendered),
            ["body: has 1001 characters; Alimtalk allows 1 to 1000"]
        );
        assert_eq!(
            faults(&with_body(String::new()), Texts::Rendered),
            ["body: has 0 characters; Alimtalk allows 1 to 1000"]
        );
        let fixed = format!("#{{name}}{}", "가".repeat(1000));
        assert_eq!(faults(&with_body(fixed.clone()), Texts::InTemplate), [""; 0]);
        assert_eq!(
            faults(&with_body(format!("{fixed}a")), Texts::InTemplate),
            ["body: has at least 1001 characters; Alimtalk allows 1 to 1000"]
        );
    }

    #[test]
    fn a_missing_and_a_long_code_are_refused() {
        for (code, bytes) in [(String::new(), 0), ("c".repeat(33), 33)] {
            let expected = format!(
                "code: has {bytes} bytes; must be the code of the approved template, 1 to 32 bytes"
            );
            let alimtalk = Alimtalk { code, ..alimtalk(vec![]) };
            assert_eq!(faults(&alimtalk, Texts::InTemplate), [expected]);
        }
        let blank = Alimtalk { code: " \t".into(), ..alimtalk(vec![]) };
        assert_eq!(
            faults(&blank, Texts::InTemplate),
            ["code: has only spaces; must be the code of the approved template"]
        );
        let longest = Alimtalk { code: "c".repeat(32), ..alimtalk(vec![]) };
        assert_eq!(faults(&longest, Texts::InTemplate), [""; 0]);
    }

    #[test]
    fn buttons_are_counted_and_their_labels_measured() {
        let five = alimtalk(vec![button("BK"); 5]);
        assert_eq!(faults(&five, Texts::InTemplate), [""; 0]);
        let six = alimtalk(vec![button("BK"); 6]);
        assert_eq!(faults(&six, Texts::InTemplate), ["buttons: has 6 entries; Alimtalk allows 5"]);
        let labelled = |name: String| alimtalk(vec![Button { name, ..button("BK") }]);
        assert_eq!(faults(&labelled("가".repeat(28)), Texts::Rendered), [""; 0]);
        assert_eq!(
            faults(&labelled("가".repeat(29)), Texts::Rendered),
            ["buttons[0].name: has 29 characters; Alimtalk allows 1 to 28"]
        );
    }

    #[test]
    fn the_type_of_a_button_is_two_capital_letters() {
        for kind in ["wl", "Wl", "W", "WLL", "W1", "", "링크"] {
            let expected = format!(
                "buttons[0].type: is {kind:?}; must be Kakao's code of two capital letters, such \
                 as WL"
            );
            let button = Button { kind: kind.into(), ..web_button("https://a.kr") };
            assert_eq!(faults(&alimtalk(vec![button]), Texts::InTemplate), [expected]);
        }
    }

    #[test]
    fn a_link_button_must_have_its_link() {
        let without = alimtalk(vec![button("BK"), button("WL"), button("AL")]);
        assert_eq!(
            fields(&without, Texts::InTemplate),
            ["buttons[1].url_mobile", "buttons[2].scheme_ios"]
        );
        let only_pc = Button { url_pc: Some("https://a.kr".into()), ..button("WL") };
        let only_pc = alimtalk(vec![only_pc]);
        assert_eq!(fields(&only_pc, Texts::InTemplate), ["buttons[0].url_mobile"]);
        let only_android = Button { scheme_android: Some("shop://a".into()), ..button("AL") };
        let with_links = alimtalk(vec![web_button("https://a.kr"), only_android]);
        assert_eq!(faults(&with_links, Texts::InTemplate), [""; 0]);
    }

    const FORBIDDEN: [&str; 17] = [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "\u{1}javascript:alert(1)",
        "java\tscript:alert(1)",
        "\u{feff}javascript:alert(1)",
        "data:text/html,a",
        "VBSCRIPT:a",
        "file:///etc/passwd",
        "about:blank",
        "content://com.example/a",
        "blob:https://a.kr/b",
        "filesystem:https://a.kr/b",
        "jar:https://a.kr/b.jar!/c",
        "view-source:https://a.kr",
        "a.kr",
        "",
    ];

    #[test]
    fn a_link_with_a_forbidden_scheme_is_refused() {
        for link in FORBIDDEN {
            for texts in [Texts::InTemplate, Texts::Rendered] {
                let web = fields(&alimtalk(vec![web_button(link)]), texts);
                assert_eq!(web, ["buttons[0].url_mobile"], "{link:?}");
                let app = fields(&alimtalk(vec![app_button(link)]), texts);
                assert_eq!(app, ["buttons[0].scheme_ios"], "{link:?}");
            }
        }
        for field in ["url_pc", "scheme_android"] {
            let mut json = serde_json::to_value(web_button("https://a.kr")).expect("JSON");
            json[field] = "javascript:alert(1)".into();
            let button = serde_json::from_value(json).expect("a button");
            let refused = fields(&alimtalk(vec![button]), Texts::Rendered);
            assert_eq!(refused, [format!("buttons[0].{field}")]);
        }
    }

    #[test]
    fn web_links_and_the_schemes_of_apps_are_accepted() {
        for texts in [Texts::InTemplate, Texts::Rendered] {
            for link in ["https://a.kr/b?c=d", "http://a.kr", "HTTPS://a.kr"] {
                assert_eq!(faults(&alimtalk(vec![web_button(link)]), texts), [""; 0], "{link}");
                assert_eq!(faults(&alimtalk(vec![app_button(link)]), texts), [""; 0], "{link}");
            }
            for link in ["shop://open", "com.example.app-1+x:open", "tel:15881234"] {
                assert_eq!(faults(&alimtalk(vec![app_button(link)]), texts), [""; 0], "{link}");
                let web = fields(&alimtalk(vec![web_button(link)]), texts);
                assert_eq!(web, ["buttons[0].url_mobile"], "{link}");
            }
        }
    }

    #[test]
    fn a_web_link_must_have_a_host() {
        for link in
            ["https://", "http:///a", "https://?a", "https://#a", "https://:80", "https://a@/"]
        {
            for texts in [Texts::InTemplate, Texts::Rendered] {
                let both = alimtalk(vec![web_button(link), app_button(link)]);
                assert_eq!(
                    faults(&both, texts),
                    [
                        "buttons[0].url_mobile: must have a host behind https:// or http://",
                        "buttons[1].scheme_ios: must have a host behind https:// or http://",
                    ],
                    "{link}"
                );
            }
        }
        let with_port = alimtalk(vec![web_button("https://user@a.kr:8443?b")]);
        assert_eq!(faults(&with_port, Texts::Rendered), [""; 0]);
    }

    #[test]
    fn a_link_must_have_no_spaces_and_no_control_characters() {
        for rest in ["a.kr/b c", "a.kr/b\tc", "a.kr/b\n", "a.kr/\u{7f}", "a.kr/\u{3000}"] {
            for texts in [Texts::InTemplate, Texts::Rendered] {
                let web = web_button(&format!("https://{rest}"));
                let app = app_button(&format!("shop://{rest}"));
                assert_eq!(
                    faults(&alimtalk(vec![web, app]), texts),
                    [
                        "buttons[0].url_mobile: must have no spaces and no control characters",
                        "buttons[1].scheme_ios: must have no spaces and no control characters",
                    ],
                    "{rest:?}"
                );
            }
        }
        // A variable's name may have a space: its value takes the place of the name.
        let named = alimtalk(vec![web_button("https://a.kr/#{order number}")]);
        assert_eq!(faults(&named, Texts::InTemplate), [""; 0]);
    }

    #[test]
    fn a_link_that_begins_with_a_variable_is_checked_when_it_is_rendered() {
        let whole = alimtalk(vec![web_button("#{link}"), app_button("#{link}")]);
        assert_eq!(faults(&whole, Texts::InTemplate), [""; 0]);
        let part = alimtalk(vec![web_button("https://#{host}/#{path}")]);
        assert_eq!(faults(&part, Texts::InTemplate), [""; 0]);
        // The variable could complete any scheme.
        let scheme = alimtalk(vec![web_button("java#{rest}"), app_button("java#{rest}")]);
        assert_eq!(
            fields(&scheme, Texts::InTemplate),
            ["buttons[0].url_mobile", "buttons[1].scheme_ios"]
        );
    }
}
