//! The cryptography of all TLS connections.

use std::sync::Once;

/// Makes ring the cryptography of this process's TLS clients. Each of them needs this before it is
/// made.
pub(crate) fn use_ring() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // Fails only when a cryptography provider is installed already: then that one serves.
        let _installed = rustls::crypto::ring::default_provider().install_default();
    });
}
