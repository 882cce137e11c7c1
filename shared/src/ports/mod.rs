//! What the use cases need from outside, one narrow trait for each concern. Adapters implement
//! them; each function chooses its adapters in `main.rs`.

mod agenda;
mod audience_files;
mod catalog;
mod clock;
mod documents;
mod error;
mod lanes;
mod members;
mod meter;
mod notifications;
mod provider;
mod provider_http;
mod randomness;
mod requests;
mod run_queue;
mod runs;
mod saved;
mod scheduler;
mod secrets;
mod tokens;
mod uploads;
mod waker;
mod window_classes;

pub use agenda::{Agenda, AgendaEntry};
pub use audience_files::{AudienceFiles, FilePart, FileState};
pub use catalog::Catalog;
pub use clock::Clock;
pub use documents::{Changed, Document, Documents, Expected, Kind};
pub use error::PortError;
pub use lanes::{Acquired, ExpiredLease, Lanes, Lease, LeaseTerms};
pub use members::{MemberSaved, Members, StoredMember};
pub use meter::Meter;
pub use notifications::{Created, Notifications};
pub use provider::{LaneAdvice, NotPrepared, Provider, Providers, Readiness, SendResult};
pub use provider_http::{
    ConnectionEvent, ConnectionObserver, NoResponse, ProviderCall, ProviderHttp,
};
pub use randomness::Randomness;
pub use requests::Requests;
pub use run_queue::RunQueue;
pub use runs::Runs;
pub use saved::Saved;
pub use scheduler::{FoundSchedule, PlannedSchedule, Scheduler};
pub use secrets::Secrets;
pub use tokens::{StoredToken, Tokens};
pub use uploads::{UploadPart, UploadRecord, Uploads};
pub use waker::{WakeGroup, Waker};
pub use window_classes::WindowClasses;
