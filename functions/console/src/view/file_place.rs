//! Where an operator uploads a file.

use std::collections::BTreeMap;

use alimi::domain::audience::AudienceSource;
use alimi::use_cases::FilePlace;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct FilePlaceView<'a> {
    method: &'static str,
    url: &'a str,
    headers: BTreeMap<&'static str, &'a str>,
    expires_at: Timestamp,
    source: &'a AudienceSource,
}

impl<'a> FilePlaceView<'a> {
    pub(crate) fn of(place: &'a FilePlace) -> Self {
        let headers = place.headers.iter().map(|(name, value)| (*name, value.as_str()));
        Self {
            method: "PUT",
            url: place.url.expose_secret(),
            headers: headers.collect(),
            expires_at: place.expires_at,
            source: &place.source,
        }
    }
}
