//! The sending hours of a message, by the present configuration.

use super::channel::Channel;
use super::hours::{Category, Hours, HoursConfig, Origin, WindowClass, hours_of};
use super::notification::{Notification, RecipientRef};
use super::template::Template;

/// The window class of a message; `None` when the windows that apply have no minute in common.
#[must_use]
pub fn window_class(
    template: &Template,
    channel: &Channel,
    hours: &HoursConfig,
    origin: Origin,
    to: &RecipientRef,
) -> Option<WindowClass> {
    match hours_of(origin, template.category, hours, channel.window, template.window) {
        Hours::Exempt => Some(WindowClass::EXEMPT),
        Hours::Never => None,
        Hours::Within(window) => {
            let zone = to.timezone.as_deref().unwrap_or(&channel.timezone);
            WindowClass::within(window, zone).ok()
        }
    }
}

/// The window class that a stored message belongs to now. `None` when its windows have no minute in
/// common: the message then waits until an operator changes them.
///
/// The template's present revision decides, not the one that the message's texts come from. A
/// message whose template was deleted keeps its stored hours, as far as the hours of the stack and
/// of the channel still allow them.
#[must_use]
pub fn present_class(
    notification: &Notification,
    template: Option<&Template>,
    channel: &Channel,
    hours: &HoursConfig,
) -> Option<WindowClass> {
    let recipient = &notification.recipient;
    if let Some(template) = template {
        return window_class(template, channel, hours, notification.origin(), recipient);
    }
    let stored_class = &notification.window_class;
    let Some(window) = stored_class.window() else { return Some(stored_class.clone()) };
    // The deleted template's category is not known any more, so the strictest one is assumed.
    let strictest =
        hours_of(notification.origin(), Category::Advertising, hours, channel.window, Some(window));
    let zone = recipient.timezone.as_deref().unwrap_or(&channel.timezone);
    match strictest {
        Hours::Within(window) => WindowClass::within(window, zone).ok(),
        Hours::Exempt | Hours::Never => None,
    }
}
