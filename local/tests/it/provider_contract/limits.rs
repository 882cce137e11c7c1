//! What an adapter refuses before a provider would.

use alimi::domain::{Address, ChannelType, Content, FieldError};
use alimi::ports::Adapter;
use serde_json::json;
use strum::VariantArray as _;

use super::connected::{adapter, unconnected};
use super::fixture::{Fixture, phone};

pub fn the_longest_text_passes_and_a_longer_one_is_refused_by_its_field(fixture: Fixture) {
    let adapter = adapter(&unconnected(fixture));
    let to = fixture.samples().swap_remove(0).to;
    for limit in fixture.text_limits() {
        let (longest, longer) = (&limit.longest, &limit.longer);
        assert_eq!(adapter.check_fixed(longest), [], "{longest:?}");
        assert_eq!(adapter.check(&to, longest), Ok(()), "{longest:?}");
        assert_eq!(fields_in_template(&*adapter, longer), [limit.field_in_template]);
        let error = adapter.check(&to, longer).expect_err(limit.field_in_template);
        assert_eq!(error.field, limit.field_in_message);

        // A variable's name does not count, and the fixed part before it does.
        let with_variable = |content| with_variable(content, limit.field_in_template);
        assert_eq!(adapter.check_fixed(&with_variable(longest)), [], "{longest:?}");
        let fields = fields_in_template(&*adapter, &with_variable(longer));
        assert_eq!(fields, [limit.field_in_template]);
    }
}

pub fn contents_that_the_channel_does_not_send_are_refused(fixture: Fixture) {
    let channel = unconnected(fixture);
    let all = adapter(&channel).sends().to_vec();
    let channels = fixture.narrower_channels().into_iter().chain([(channel, all)]);
    for (channel, sends) in channels {
        let adapter = adapter(&channel);
        for channel_type in ChannelType::VARIANTS {
            let content = short(*channel_type);
            let to = fixture.samples().swap_remove(0).to;
            let fields = fields_in_template(&*adapter, &content);
            let checked = adapter.check(&to, &content).map_err(|error| error.field);
            if sends.contains(channel_type) {
                assert_eq!(fields, [""; 0], "{channel_type:?}");
                assert_eq!(checked, Ok(()), "{channel_type:?}");
            } else {
                assert_eq!(fields, ["type"], "{channel_type:?}");
                assert_eq!(checked, Err("template".to_owned()), "{channel_type:?}");
            }
        }
    }
}

pub fn numbers_abroad_are_refused_where_the_provider_does_not_send_there(fixture: Fixture) {
    let adapter = adapter(&unconnected(fixture));
    for sample in fixture.samples() {
        let Address::Phone(_) = sample.to;
        for number in ["+14155550123", "+819012345678"] {
            let abroad = Address::Phone(phone(number));
            let checked = adapter.check(&abroad, &sample.content);
            if fixture.sends_abroad() {
                assert_eq!(checked, Ok(()), "{:?}", sample.content);
                continue;
            }
            let FieldError { field, detail } = checked.expect_err("a number abroad");
            assert_eq!(field, "to.phone");
            assert!(!detail.contains(&number[1..]), "the error quotes the number");
        }
    }
}

fn fields_in_template(adapter: &dyn Adapter, content: &Content) -> Vec<String> {
    adapter.check_fixed(content).into_iter().map(|fault| fault.field).collect()
}

/// The content with a variable at the end of one text.
fn with_variable(content: &Content, path_of_text: &str) -> Content {
    let mapped: Result<Content, ()> = content.try_map_texts(|path, text| {
        let variable = if path == path_of_text { "#{name}" } else { "" };
        Ok(format!("{text}{variable}"))
    });
    mapped.expect("the content")
}

fn short(channel_type: ChannelType) -> Content {
    let content = match channel_type {
        ChannelType::Alimtalk => json!({ "type": "alimtalk", "code": "CODE", "body": "a" }),
        ChannelType::Sms => json!({ "type": "sms", "body": "a" }),
        ChannelType::Lms => json!({ "type": "lms", "body": "a" }),
    };
    serde_json::from_value(content).expect("content")
}
