//! Notifications of the first shape (schema 0), which held their rendered texts.
//!
//! A row of this shape is converted as it is read, and its next save stores it in the present
//! shape. So the row is read and listed, a receipt settles it, and it is deleted after its
//! retention. Its texts stay in the attribute `message`, which the present code does not know and
//! keeps. The row names no revision of its template, so it cannot be rendered again: a message that
//! has not left yet fails as `unwritable` when a sender takes it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{Item, number, text};
use crate::domain::{ChannelType, Notification};

/// The schema number of the first shape, which stored none.
pub(super) const SCHEMA: u16 = 0;

/// Gives an item of the first shape the attributes of the present one. `None` when the item is not
/// of the first shape.
pub(super) fn upgrade(item: &mut Item) -> Option<()> {
    let AttributeValue::M(recipient) = item.get_mut("recipient")? else { return None };
    let phone = recipient.remove("phone")?;
    let message = item.get("message")?.as_m().ok()?;
    let fallback = message
        .get("fallback")
        .and_then(|fallback| fallback.as_m().ok())
        .and_then(|fallback| fallback.get("type"))
        .cloned();
    // All messages of the first shape were Alimtalk. Its fallbacks had the names of the channel
    // types.
    let mut media = HashMap::from([("first".to_owned(), text(ChannelType::Alimtalk.as_str()))]);
    media.extend(fallback.map(|fallback| ("fallback".to_owned(), fallback)));
    let to = HashMap::from([("phone".to_owned(), phone)]);
    item.extend([
        ("schema".to_owned(), number(Notification::SCHEMA)),
        // Nobody's: the first shape did not say who had asked for a notification. Operators see it.
        ("owner".to_owned(), text("")),
        // Revisions count from 1.
        ("template_revision".to_owned(), number(0_u16)),
        ("media".to_owned(), AttributeValue::M(media)),
        ("to".to_owned(), AttributeValue::M(to)),
    ]);
    Some(())
}
