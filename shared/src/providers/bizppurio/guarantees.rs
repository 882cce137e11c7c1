//! What Bizppurio's documents guarantee.

use jiff::SignedDuration;

use crate::domain::Guarantees;

pub(super) const GUARANTEES: Guarantees = Guarantees {
    provider: "Bizppurio",
    sends_receipts: true,
    // No document says that a repeated `refkey` is sent once.
    deduplicates: false,
    // By `POST /v2/report`, about messages whose response came.
    can_be_asked: true,
    retry_wait_min: SignedDuration::ZERO,
};
