//! Receipts that a test sends itself, as the provider writes them.

use alimi::domain::Notification;
use alimi_local::aws::secrets::WEBHOOK_SECRET;
use alimi_local::testing::world::World;
use serde_json::json;

/// What a receipt says: the medium that was used, and the result.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// The type that was asked for.
    device: &'static str,
    /// The type that was used.
    medium: &'static str,
    result: &'static str,
}

pub const ALIMTALK_DELIVERED: Report = Report { device: "AT", medium: "KAT", result: "7000" };
pub const ALIMTALK_UNDELIVERED: Report = Report { device: "AT", medium: "KAT", result: "7308" };
/// About the fallback of an Alimtalk message.
pub const FALLBACK_LMS_DELIVERED: Report = Report { device: "AT", medium: "LMS", result: "6600" };
pub const SMS_UNDELIVERED: Report = Report { device: "SMS", medium: "SMS", result: "4410" };
pub const LMS_DELIVERED: Report = Report { device: "LMS", medium: "LMS", result: "6600" };
pub const LMS_UNDELIVERED: Report = Report { device: "LMS", medium: "LMS", result: "6610" };

/// The path of the webhook of the channel `alimtalk-main`.
pub fn webhook_path() -> String {
    format!("/webhooks/alimtalk-main/{WEBHOOK_SECRET}")
}

/// The body of a receipt for the latest attempt of a notification.
pub fn receipt(notification: &Notification, report: Report) -> String {
    let Report { device, medium, result } = report;
    json!({
        "DEVICE": device, "CMSGID": "c", "MSGID": "m", "PHONE": "01012345678", "MEDIA": medium,
        "UNIXTIME": "1", "RESULT": result, "REFKEY": notification.reference().to_string(),
    })
    .to_string()
}

/// Sends the receipt for the latest attempt of a notification.
pub async fn receive(world: &World, id: &str, report: Report) {
    let notification = world.notification(id).await;
    let (status, _) = world.webhook(&webhook_path(), receipt(&notification, report)).await;
    assert_eq!(status, 200, "{report:?}");
}
