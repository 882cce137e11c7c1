//! What a provider needs to make requests.

use std::sync::Arc;
use std::time::Duration;

use crate::ports::{Clock, ProviderHttp, Tokens};

/// How long a lane waits after this process found no free socket. Sockets become free as soon as
/// requests end.
pub(super) const NO_SOCKET_PAUSE: Duration = Duration::from_secs(1);

/// The ports that every provider makes its requests with.
#[derive(Clone)]
pub struct ProviderIo {
    pub http: Arc<dyn ProviderHttp>,
    /// The access tokens that all senders share.
    pub tokens: Arc<dyn Tokens>,
    pub clock: Arc<dyn Clock>,
}
