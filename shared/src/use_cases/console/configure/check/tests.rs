use std::sync::Arc;

use bytes::Bytes;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::domain::{Address, Content, Explanation, Guarantees, IncomingReceipt};

/// Sends SMS only.
struct TextOnly {
    chars_max: usize,
}

impl Adapter for TextOnly {
    fn sends(&self) -> &'static [ChannelType] {
        &[ChannelType::Sms]
    }

    fn guarantees(&self) -> Guarantees {
        Guarantees {
            provider: "the provider",
            sends_receipts: true,
            deduplicates: false,
            can_be_asked: false,
            retry_wait_min: SignedDuration::ZERO,
        }
    }

    fn check_channel(&self, channel: &Channel) -> Vec<FieldError> {
        let must = "is too high; must be at most 100";
        let is_too_high = channel.limit.per_second > 100;
        is_too_high.then(|| FieldError::new("limit.per_second", must)).into_iter().collect()
    }

    fn check_fixed(&self, content: &Content) -> Vec<FieldError> {
        let Content::Sms(sms) = content else { return vec![] };
        let is_too_long = sms.body.chars().count() > self.chars_max;
        is_too_long.then(|| FieldError::new("body", "is too long")).into_iter().collect()
    }

    fn check(&self, _: &Address, _: &Content) -> Result<(), FieldError> {
        Ok(())
    }

    fn read_receipts(&self, _: &http::Request<Bytes>) -> Result<Vec<IncomingReceipt>, FieldError> {
        Ok(vec![])
    }

    fn explain(&self, _: &str) -> Option<Explanation> {
        None
    }

    fn receipt_reply(&self) -> http::Response<Bytes> {
        http::Response::new(Bytes::new())
    }
}

/// Knows one kind of provider.
struct OneKind;

impl Adapters for OneKind {
    fn adapter(&self, channel: &Channel) -> Result<Arc<dyn Adapter>, Vec<FieldError>> {
        if channel.provider.kind == "text" {
            let chars_max = channel.provider.settings.get("message_chars_max");
            let chars_max = chars_max.and_then(Value::as_u64).unwrap_or(10);
            let chars_max = usize::try_from(chars_max).expect("a small number");
            return Ok(Arc::new(TextOnly { chars_max }));
        }
        Err(vec![FieldError::new("provider.kind", "must be text")])
    }
}

fn text_channel(changes: &Value) -> Channel {
    let mut json = json!({
        "name": "texts", "provider": { "kind": "text" }, "limit": { "per_second": 1 },
    });
    if let (Value::Object(json), Value::Object(changes)) = (&mut json, changes) {
        json.extend(changes.clone());
    }
    serde_json::from_value(json).expect("a channel")
}

fn template_of(variants: &Value) -> Template {
    let json = json!({ "name": "t", "category": "informational", "variants": variants });
    serde_json::from_value(json).expect("a template")
}

fn sms(body: &str) -> Value {
    json!({ "type": "sms", "body": body })
}

fn check_template(variants: &Value, changes: &Value) -> Result<(), String> {
    let texts = text_channel(changes);
    let named = |name: &str| (name == "texts").then_some(&texts);
    let hours = HoursConfig::default();
    template(&template_of(variants), named, &OneKind, &hours).map_err(|error| error.to_string())
}

#[test]
fn a_template_is_refused_when_a_channel_cannot_send_its_variant() {
    let unchanged = json!({});
    let on_texts = |content: Value| json!([{ "channel": "texts", "content": content }]);
    assert_eq!(check_template(&on_texts(sms("short")), &unchanged), Ok(()));
    for (variants, changes, error) in [
        (
            on_texts(json!({ "type": "lms", "body": "short" })),
            &unchanged,
            "variants[0].content.type: is lms; the channel texts sends sms",
        ),
        (on_texts(sms("far too long")), &unchanged, "variants[0].content.body: is too long"),
        (
            json!([{ "channel": "nowhere", "content": sms("short") }]),
            &unchanged,
            "variants[0].channel: there is no channel \"nowhere\"; must be the name of a stored \
             channel",
        ),
        (
            on_texts(sms("short")),
            &json!({ "provider": { "kind": "other" } }),
            "variants[0].channel: is \"texts\", whose provider settings cannot be used \
             (provider.kind: must be text); correct that channel first",
        ),
    ] {
        assert_eq!(check_template(&variants, changes), Err(error.to_owned()));
    }
    let shut = json!({ "window": { "from": "00:00", "to": "01:00" } });
    let error = check_template(&on_texts(sms("short")), &shut).expect_err("no common minute");
    assert!(error.starts_with("window: ") && error.contains("the channel texts"), "{error}");
}

#[test]
fn a_channel_is_refused_when_its_provider_or_a_template_cannot_use_it() {
    let content = json!({ "type": "lms", "body": "short" });
    let long_text = template_of(&json!([{ "channel": "texts", "content": content }]));
    let elsewhere = template_of(&json!([{ "channel": "other", "content": content }]));
    let hours = HoursConfig::default();
    let field = |changes: Value, templates: &[&Template]| {
        let checked = channel(&text_channel(&changes), templates.iter().copied(), &OneKind, &hours);
        checked.err().map(|error| error.field)
    };
    assert_eq!(field(json!({}), &[&elsewhere]), None);
    for (changes, templates, expected) in [
        (json!({ "provider": { "kind": "other" } }), vec![], "provider.kind"),
        (json!({ "limit": { "per_second": 101 } }), vec![], "limit.per_second"),
        (json!({ "confirmation": { "by": "acceptance" } }), vec![], "confirmation.by"),
        (json!({}), vec![&long_text], "provider"),
    ] {
        assert_eq!(field(changes, &templates).as_deref(), Some(expected));
    }
}

#[test]
fn a_channel_is_refused_when_its_new_settings_are_too_narrow_for_a_stored_text() {
    let stored = template_of(&json!([
        { "channel": "other", "content": sms("much longer than five") },
        { "channel": "texts", "content": sms("short") },
    ]));
    let checked = |chars_max: u64| {
        let provider = json!({ "kind": "text", "message_chars_max": chars_max });
        let changed = text_channel(&json!({ "provider": provider }));
        channel(&changed, [&stored], &OneKind, &HoursConfig::default())
    };
    assert_eq!(checked(5), Ok(()));
    let error = checked(4).expect_err("a text that is too long");
    assert_eq!(error.field, "provider");
    assert_eq!(
        error.detail,
        "must fit the template t, which has a variant for this channel: its \
         variants[1].content.body is too long"
    );
}

#[test]
fn a_principal_belongs_to_one_producer_only() {
    let named = |name: &str, principals: &[&str]| Producer {
        name: name.into(),
        principals: principals.iter().map(|&name| name.to_owned()).collect(),
        grants: crate::domain::producer::Grants::default(),
        keys: vec![],
    };
    let stored = [named("shop", &["shop-role"]), named("school", &["school-role"])];
    assert_eq!(producer(&named("shop", &["shop-role", "shop-job"]), &stored), Ok(()));
    for (principals, index) in
        [(&["shop-role", "School-Role"][..], 1), (&["shop-role", "shop-job", "shop-role"][..], 2)]
    {
        let error = producer(&named("shop", principals), &stored).expect_err("taken");
        assert_eq!(error.field, format!("principals[{index}]"));
    }
}

#[test]
fn a_template_keeps_the_variant_that_a_schedule_names() {
    let schedule = |channel: Option<&str>| -> Schedule {
        serde_json::from_value(json!({
            "name": "daily", "expression": "cron(0 11 * * ? *)", "template": "t", "audience": "a",
            "channel": channel,
        }))
        .expect("a schedule")
    };
    let template = template_of(&json!([{ "channel": "texts", "content": sms("short") }]));
    let kept = [schedule(None), schedule(Some("texts"))];
    assert_eq!(template_of_schedules(&template, &kept), Ok(()));
    let gone = [schedule(Some("pushes"))];
    let error = template_of_schedules(&template, &gone).expect_err("no variant");
    assert_eq!(error.field, "variants");
    assert!(error.detail.contains("the schedule daily"), "{error}");
}
