//! Which channel a request comes from. A real provider learns it from the account; here a channel may
//! have an address of its own, under which all routes are the same.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::http::Uri;
use axum::http::request::Parts;
use tower::ServiceExt;

/// The beginning of the paths of channels' own addresses.
const CHANNELS: &str = "/channels/";

/// The channel that a request comes from; `None` when its address does not say so.
#[derive(Clone, Debug, Default)]
pub struct FromChannel(pub Option<Arc<str>>);

impl<S: Sync> FromRequestParts<S> for FromChannel {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// The address of a channel at the provider with this address.
#[must_use]
pub fn address_of_channel(provider_url: &str, channel: &str) -> String {
    format!("{provider_url}{CHANNELS}{channel}")
}

/// A provider's routes, and the same routes under the address of each channel.
pub fn with_channels(routes: Router) -> Router {
    Router::new().fallback_service(tower::service_fn(move |mut request: Request| {
        if let Some((channel, uri)) = channel_in(request.uri()) {
            request.extensions_mut().insert(FromChannel(Some(channel)));
            *request.uri_mut() = uri;
        }
        routes.clone().oneshot(request)
    }))
}

/// The channel in a path, and the address without it.
fn channel_in(uri: &Uri) -> Option<(Arc<str>, Uri)> {
    let path = uri.path_and_query()?.as_str();
    let (channel, _) = path.strip_prefix(CHANNELS)?.split_once('/')?;
    let rest = path[CHANNELS.len() + channel.len()..].parse().ok()?;
    Some((Arc::from(channel), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_channel_s_address_names_the_channel() {
        let of = |uri: &str| channel_in(&uri.parse().expect("an address"));
        let (channel, rest) = of("/channels/sms-2/v3/message?a=1").expect("a channel");
        assert_eq!((&*channel, rest.to_string().as_str()), ("sms-2", "/v3/message?a=1"));
        let url = address_of_channel("http://127.0.0.1:9800", "sms-2");
        assert!(of(&format!("{url}/v1/token")).is_some());
        assert!(of("/v3/message").is_none());
        assert!(of("/channels/sms-2").is_none());
    }
}
