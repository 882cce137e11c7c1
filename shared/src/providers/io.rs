//! What a provider needs to make requests.

use std::sync::Arc;

use crate::ports::{Clock, ProviderHttp, Tokens};

/// The ports that every provider makes its requests with.
#[derive(Clone)]
pub struct ProviderIo {
    pub http: Arc<dyn ProviderHttp>,
    /// The access tokens that all senders share.
    pub tokens: Arc<dyn Tokens>,
    pub clock: Arc<dyn Clock>,
}
