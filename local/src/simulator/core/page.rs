//! The page that shows the messages as people would see them.

use alimi::domain::ChannelType;
use jiff::tz::{TimeZone, offset};

use super::phones::{MESSAGES_KEPT, PhoneMessage};

const HEAD: &str = "<!doctype html>\n<html lang=\"ko\">\n<head>\n<meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width\">\n<title>Simulated phones</title>\n<style>\n\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; \
background: #f4f4f2; color: #1c1c1a }\n\
article { background: #fff; border: 1px solid #d8d8d4; border-radius: .5rem; padding: 1rem; \
margin: 1rem 0 }\n\
header, footer { color: #5a5a55; font-size: .85rem; overflow-wrap: anywhere }\n\
h2 { font-size: 1rem; margin: .5rem 0 0 }\n\
p.text { white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0 }\n\
ul { list-style: none; padding: 0; margin: .5rem 0 }\n\
li { border: 1px solid #d8d8d4; border-radius: .25rem; padding: .25rem .5rem; margin: .25rem 0; \
overflow-wrap: anywhere }\n\
</style>\n</head>\n<body>\n<h1>Simulated phones</h1>\n";

/// An HTML document that grows. Only fixed text becomes markup; all other text is escaped.
struct Document(String);

impl Document {
    fn markup(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
    }

    /// Text within an element that the two tags open and close.
    fn element(&mut self, open: &'static str, text: &str, close: &'static str) {
        self.markup(open);
        self.text(text);
        self.markup(close);
    }
}

/// The newest message comes first.
pub(super) fn page(messages: &[PhoneMessage]) -> String {
    let mut document = Document(String::new());
    document.markup(HEAD);
    let count = match messages.len() {
        0 => "No message was delivered yet. Load the page again after you sent one.".to_owned(),
        MESSAGES_KEPT => format!("The last {MESSAGES_KEPT} messages, newest first."),
        1 => "One message.".to_owned(),
        more => format!("{more} messages, newest first."),
    };
    document.element("<p>", &count, "</p>\n");
    for message in messages.iter().rev() {
        article(&mut document, message);
    }
    document.markup("</body>\n</html>\n");
    document.0
}

fn article(document: &mut Document, message: &PhoneMessage) {
    let PhoneMessage { at, number, reference, attempt, is_fallback, shown } = message;
    let at = at.to_zoned(TimeZone::fixed(offset(9))).strftime("%Y-%m-%d %H:%M:%S");
    let medium = match shown.medium {
        ChannelType::Alimtalk => "Alimtalk",
        ChannelType::Sms => "SMS",
        ChannelType::Lms => "LMS",
    };
    let fallback = if *is_fallback { ", fallback" } else { "" };
    document.markup("<article>\n");
    let header = format!("{at} (Seoul) · {number} · {medium}{fallback}");
    document.element("<header>", &header, "</header>\n");
    if let Some(subject) = &shown.subject {
        document.element("<h2>", subject, "</h2>\n");
    }
    document.element("<p class=\"text\">", &shown.text, "</p>\n");
    if !shown.buttons.is_empty() {
        document.markup("<ul>\n");
        for button in &shown.buttons {
            let links = button.links.join(" · ");
            let label = if links.is_empty() { String::new() } else { format!(" → {links}") };
            document.element("<li>", &format!("{}{label}", button.name), "</li>\n");
        }
        document.markup("</ul>\n");
    }
    let code = shown.code.as_ref().map_or(String::new(), |code| format!("template {code} · "));
    let attempt = attempt.map_or(String::new(), |attempt| format!(", attempt {attempt}"));
    let footer = format!("{code}reference {reference}{attempt}");
    document.element("<footer>", &footer, "</footer>\n</article>\n");
}

#[cfg(test)]
mod tests {
    use super::super::phones::{Shown, ShownButton};
    use super::*;

    fn message(text: &str) -> PhoneMessage {
        let hostile = "\"><img src=x onerror='alert(1)'>";
        let shown = Shown {
            medium: ChannelType::Lms,
            code: Some(hostile.to_owned()),
            subject: Some(hostile.to_owned()),
            text: text.to_owned(),
            buttons: vec![ShownButton {
                name: hostile.to_owned(),
                links: vec!["javascript:alert(1)".to_owned()],
            }],
        };
        PhoneMessage::new(1_772_413_200_000_000, hostile, hostile, true, shown)
    }

    #[test]
    fn nothing_that_was_sent_becomes_markup() {
        let page = page(&[message("<script>alert(1)</script> & more")]);
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; more"), "{page}");
        for markup in ["<script", "<img", "onerror='", "href", "src=\"", "http"] {
            assert!(!page.contains(markup), "{markup:?} is in {page}");
        }
    }

    #[test]
    fn the_newest_message_is_first_and_its_time_is_korean() {
        let page = page(&[message("older"), message("newer")]);
        assert!(page.find("newer") < page.find("older"), "{page}");
        assert!(page.contains("2026-03-02 10:00:00 (Seoul)"), "{page}");
    }

    #[test]
    fn a_page_without_messages_says_so() {
        assert!(page(&[]).contains("No message was delivered yet"));
    }
}
