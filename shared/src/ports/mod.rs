//! What the use cases need from outside, one narrow trait for each concern. Adapters implement
//! them; each function chooses its adapters in `main.rs`.

mod adapter;
mod agenda;
mod audience_files;
mod audience_uploads;
mod audit;
mod catalog;
mod channel_rows;
mod clock;
mod dead_letter_queues;
mod dead_letters;
mod documents;
mod error;
mod groups;
mod lanes;
mod ledger;
mod members;
mod meter;
mod notification_pages;
mod notifications;
mod provider;
mod provider_http;
mod put_pace;
mod randomness;
mod receipt_queue;
mod redrive_queues;
mod repair_places;
mod requests;
mod run_queue;
mod runs;
mod saved;
mod scheduler;
mod secrets;
mod sequences;
mod tokens;
mod uploads;
mod waker;
mod window_classes;

pub use adapter::{Adapter, Adapters, Providers};
pub use agenda::{Agenda, AgendaEntry};
pub use audience_files::{AudienceFiles, FilePart, FileState};
pub use audience_uploads::{AudienceUploads, NewFile, UploadUrl};
pub use audit::Audit;
pub use catalog::{Catalog, ListedProducers, Revised};
pub use channel_rows::{ChannelRow, ChannelRows};
pub use clock::Clock;
pub use dead_letter_queues::{DeadLetterQueue, DeadLetterQueues, DeadMessage};
pub use dead_letters::{DeadLetterPage, DeadLetters, Recorded};
pub use documents::{Changed, Document, Documents, Expected, Kind};
pub use error::PortError;
pub use groups::{GroupMember, Groups, MemberState};
pub use lanes::{Acquired, ExpiredLease, LaneState, Lanes, Lease, LeaseTerms, OpenDrain};
pub use ledger::{Ledger, LedgerEntry};
pub use members::{MemberSaved, Members, StoredMember};
pub use meter::Meter;
pub use notification_pages::{NotificationPage, NotificationPages};
pub use notifications::{Created, Notifications};
pub use provider::{
    Asked, Inquiry, LaneAdvice, NotPrepared, Outgoing, Provider, Readiness, SendResult,
};
pub use provider_http::{
    ConnectionEvent, ConnectionObserver, NoResponse, ProviderCall, ProviderHttp,
};
pub use put_pace::{PutPace, PutWish, Reserved};
pub use randomness::Randomness;
pub use receipt_queue::{QueuedReceipts, ReceiptQueue, ReceiptRequest, WebhookCaller};
pub use redrive_queues::RedriveQueues;
pub use repair_places::{Repair, RepairPlaces};
pub use requests::Requests;
pub use run_queue::RunQueue;
pub use runs::Runs;
pub use saved::Saved;
pub use scheduler::{FoundSchedule, PlannedSchedule, Scheduler};
pub use secrets::Secrets;
pub use sequences::Sequences;
pub use tokens::{StoredToken, Tokens};
pub use uploads::{UploadPart, UploadRecord, Uploads};
pub use waker::{WakeGroup, Waker};
pub use window_classes::{ReviewPosition, UsedClass, WindowClasses};
