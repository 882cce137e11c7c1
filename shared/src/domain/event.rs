//! What can happen to a notification.

use super::attempt::Response;
use super::delivery_policy::DeliveryPolicy;
use super::hours::WindowClass;
use super::lost_period::LostPeriod;
use super::reason::Reason;
use super::receipt::Receipt;

/// Something that happened to a notification, or a check of its times. The `at_ms` of an event is
/// when it happened, in Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The step before it ended as this one waited for.
    Released {
        at_ms: i64,
        /// How long it waits after that.
        delay_ms: i64,
    },
    /// An earlier step of its sequence failed or was withdrawn.
    PredecessorStopped { at_ms: i64 },
    /// The step before it ended in another way than this one waited for.
    NotNeeded { at_ms: i64 },
    /// It was claimed, and cannot be sent: its text cannot be written, or its channel does not
    /// permit its address. The provider was not asked.
    Invalid { claim: u32, reason: Reason, at_ms: i64 },
    /// Somebody checks whether the time that it waits for has come.
    DueChecked {
        /// When it was checked.
        at_ms: i64,
    },
    /// A sender takes it in order to send it.
    Claimed {
        at_ms: i64,
        /// The fencing number of the sender's lease.
        fence: u64,
        /// How long to wait for the answer or the receipt.
        confirm_within_ms: i64,
    },
    /// The sender that claimed it gives it back, and is certain that it sent nothing.
    PutBack { claim: u32, at_ms: i64 },
    /// The request of a claim ended, with or without an answer.
    Responded {
        claim: u32,
        response: Response,
        policy: DeliveryPolicy,
        /// A random number from 0 to 1000 for the retry's back-off.
        jitter_permille: u16,
    },
    /// A receipt came.
    ReceiptArrived {
        /// The number of the attempt that the receipt is about.
        attempt: u8,
        at_ms: i64,
        receipt: Receipt,
    },
    /// A sender is about to ask the provider what became of it.
    Asked {
        /// The number of the attempt that the question is about.
        attempt: u8,
        at_ms: i64,
    },
    /// Somebody checks whether the deadline for an answer or a receipt has passed.
    DeadlineChecked {
        /// When it was checked.
        at_ms: i64,
    },
    /// The sender that may have claimed it is gone: its lease expired, and a successor has the
    /// lane.
    SenderLost {
        /// The successor's fencing number. Only claims under a lower number are lost.
        fence: u64,
        at_ms: i64,
    },
    /// Its producer or an operator withdraws it.
    CancelRequested { at_ms: i64 },
    /// A sender checks just before departure whether it has expired.
    ExpiryChecked {
        /// When it was checked.
        at_ms: i64,
    },
    /// A sender checks, while its channel's circuit is open, whether it has waited too long.
    OutageChecked {
        /// Since when the circuit has been open.
        open_since_ms: i64,
        /// The channel's `give_up_after`.
        give_up_after_ms: i64,
        /// When it was checked.
        at_ms: i64,
    },
    /// Its sending hours are different from those that were stored.
    Reclassified { class: WindowClass, at_ms: i64 },
    /// An operator decides to send it again, whatever its status is.
    ResendRequested { at_ms: i64 },
    /// The notifications table was restored to an earlier time. The notification may have left since
    /// then.
    Restored {
        lost: LostPeriod,
        /// Its sending hours in the lost period; exempt when they are not known.
        hours: WindowClass,
        /// An earlier step of its sequence released it at this time or later. Does not matter for a
        /// notification that waited for no step.
        released_from_ms: i64,
        at_ms: i64,
    },
}
