//! What Bizppurio would refuse of a content.

use super::settings::Settings;
use crate::domain::Content;
use crate::providers::content_fault::{ContentFault, Texts};
use crate::providers::kakao::{AlimtalkLimits, alimtalk_faults};
use crate::providers::korean_text::{fallback_faults, lms_faults, sms_faults};

const CODE_BYTES_MAX: usize = 32;

/// What has to be changed in a content before Bizppurio takes it from this channel.
pub(super) fn content_faults(
    content: &Content,
    settings: &Settings,
    texts: Texts,
) -> Vec<ContentFault> {
    match content {
        Content::Alimtalk(alimtalk) => {
            let limits = AlimtalkLimits {
                code_bytes_max: CODE_BYTES_MAX,
                body_chars_max: settings.message_chars_max,
            };
            let fallback = alimtalk.fallback.iter();
            no_sender_key(settings)
                .into_iter()
                .chain(alimtalk_faults(alimtalk, limits, texts))
                .chain(fallback.flat_map(|fallback| fallback_faults(fallback, texts)))
                .collect()
        }
        Content::Sms(sms) => sms_faults(sms, texts),
        Content::Lms(lms) => lms_faults(lms, texts),
    }
}

fn no_sender_key(settings: &Settings) -> Option<ContentFault> {
    let detail = "is alimtalk, which needs the channel's provider.sender_key; must be sms or lms, \
        or the channel must get the key of its Kakao sender profile";
    settings.sender_key.is_none().then(|| ContentFault::of_structure("type", detail))
}
