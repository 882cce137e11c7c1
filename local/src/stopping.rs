//! The end of a stack: its event sources start no more work, and finish what they have begun.

use tokio::sync::watch;

/// Asks the holders of the [`Stopping`] to end.
#[derive(Debug)]
pub struct Stop(watch::Sender<bool>);

/// Learns of the end.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stop {
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    #[must_use]
    pub fn stopping(&self) -> Stopping {
        Stopping(self.0.subscribe())
    }
}

impl Stopping {
    /// The end never comes.
    #[must_use]
    pub fn never() -> Self {
        Stop::default().stopping()
    }

    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the end.
    pub async fn requested(&self) {
        let mut requested = self.0.clone();
        if requested.wait_for(|is_requested| *is_requested).await.is_err() {
            // Nobody can request the end any more.
            std::future::pending::<()>().await;
        }
    }
}
