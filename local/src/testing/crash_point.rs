//! Crashes and freezes of invocations, at a chosen step.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// The step at which an invocation crashes or freezes. All invocations that run under clones of one
/// crash point count their steps together. A step is one poll of the invocation's future: the work
/// between two awaits that really wait.
#[derive(Clone)]
pub struct CrashPoint {
    /// The steps before the crash. Negative: no invocation crashes.
    steps_left: Arc<AtomicI64>,
    /// The invocation freezes for this long instead of crashing.
    freezes_for: Option<Duration>,
    reached: Arc<AtomicBool>,
    effects: Option<Effects>,
}

/// Counts what the invocations have changed outside themselves.
#[derive(Clone)]
struct Effects {
    count: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// The count at the last step.
    at_last_step: Arc<AtomicU64>,
}

impl CrashPoint {
    /// No invocation crashes.
    #[must_use]
    pub fn never() -> Self {
        Self::after(-1)
    }

    /// The invocation that is running after this many steps crashes. Its requests in flight are
    /// lost with it. Only one invocation crashes.
    #[must_use]
    pub fn after(steps: i64) -> Self {
        let steps_left = Arc::new(AtomicI64::new(steps));
        Self { steps_left, freezes_for: None, reached: Arc::default(), effects: None }
    }

    /// The invocation freezes for a while instead, as an execution environment of Lambda may, and
    /// then continues.
    #[must_use]
    pub fn freeze_after(steps: i64, duration: Duration) -> Self {
        Self { freezes_for: Some(duration), ..Self::after(steps) }
    }

    /// Counts only those steps before which something has changed outside the invocations since the
    /// step before. A crash forgets whatever an invocation remembers, so that crashes between two
    /// changes all leave the same.
    #[must_use]
    pub fn after_effects(self, count: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        let at_last_step = Arc::new(AtomicU64::new(u64::MAX));
        Self { effects: Some(Effects { count: Arc::new(count), at_last_step }), ..self }
    }

    /// Whether an invocation has crashed or frozen.
    #[must_use]
    pub fn was_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// Runs an invocation until it ends or crashes. `None` when it crashed.
    pub async fn run<F: Future + Send>(&self, invocation: F) -> Option<F::Output> {
        let crash_point = self.clone();
        Crashable { invocation: Some(Box::pin(invocation)), frozen: None, crash_point }.await
    }

    /// Counts a step, and returns whether the crash point is reached.
    fn is_due(&self) -> bool {
        if let Some(effects) = &self.effects {
            let count = (effects.count)();
            if effects.at_last_step.swap(count, Ordering::Relaxed) == count {
                return false;
            }
        }
        let left = self.steps_left.load(Ordering::Relaxed);
        if left >= 0 {
            self.steps_left.store(left - 1, Ordering::Relaxed);
        }
        if left == 0 {
            self.reached.store(true, Ordering::Relaxed);
        }
        left == 0
    }
}

struct Crashable<'a, T> {
    invocation: Option<Pin<Box<dyn Future<Output = T> + Send + 'a>>>,
    frozen: Option<Pin<Box<tokio::time::Sleep>>>,
    crash_point: CrashPoint,
}

impl<T> Future for Crashable<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if self.frozen.is_none() && self.crash_point.is_due() {
            let Some(duration) = self.crash_point.freezes_for else {
                self.invocation = None;
                return Poll::Ready(None);
            };
            self.frozen = Some(Box::pin(tokio::time::sleep(duration)));
        }
        if let Some(frozen) = &mut self.frozen {
            if frozen.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.frozen = None;
        }
        match &mut self.invocation {
            Some(invocation) => invocation.as_mut().poll(context).map(Some),
            None => Poll::Ready(None),
        }
    }
}
