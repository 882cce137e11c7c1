//! Why a notification does not leave now, and when it leaves.

use alimi::domain::hold::{Estimate, decisive};
use alimi::domain::{NotificationId, Status};
use alimi::http::HoldView;
use alimi::use_cases::WhyItWaits;
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct WhyView<'a> {
    id: &'a NotificationId,
    status: Status,
    status_since: Option<Timestamp>,
    channel: &'a str,
    /// When all of this held.
    at: Option<Timestamp>,
    /// The hold that decides. Absent when the notification is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<HoldView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaves_at: Option<Timestamp>,
    /// When it expires, if that comes before it could leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_first_at: Option<Timestamp>,
    holds: Vec<HoldView>,
}

/// `None` never occurs: stored times are within the range of a timestamp.
fn time(at_ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(at_ms).ok()
}

impl<'a> WhyView<'a> {
    pub(crate) fn of(why: &'a WhyItWaits) -> Self {
        let WhyItWaits { notification, holds, estimate, place, at_ms } = why;
        let (leaves_at_ms, expires_first_at_ms) = match estimate {
            Estimate::At { at_ms } => (Some(*at_ms), None),
            Estimate::ExpiresFirst { at_ms } => (None, Some(*at_ms)),
            Estimate::DependsOnEvent | Estimate::NotWaiting => (None, None),
        };
        let view = |hold| HoldView::of(hold, place);
        // Without any rule, it is the pace that the message waits for.
        let decisive = decisive(holds).or_else(|| holds.last());
        Self {
            id: &notification.id,
            status: notification.status,
            status_since: time(notification.status_since_ms),
            channel: &notification.channel,
            at: time(*at_ms),
            waiting_for: (!notification.status.is_terminal())
                .then(|| decisive.map_or_else(HoldView::turn, view)),
            leaves_at: leaves_at_ms.and_then(time),
            expires_first_at: expires_first_at_ms.and_then(time),
            holds: holds.iter().map(view).collect(),
        }
    }
}
