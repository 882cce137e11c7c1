//! What schedules, runs and audiences need from the world.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PortError, Saved};
use crate::domain::audience::file::Member;
use crate::domain::run::{Run, RunKey};

/// What the catalog holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Channels.
    Channel,
    /// Templates.
    Template,
    /// Schedules.
    Schedule,
    /// Audiences' heads.
    Audience,
    /// The stack's sending windows: one document named `stack`.
    Hours,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Channel, Self::Template, Self::Schedule, Self::Audience, Self::Hours];

    /// The name of the one document of [`Kind::Hours`].
    pub const STACK_HOURS: &str = "stack";

    /// As it is in the catalog's key.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Template => "template",
            Self::Schedule => "schedule",
            Self::Audience => "audience",
            Self::Hours => "hours",
        }
    }
}

/// One revision of something in the catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its name.
    pub name: String,
    /// Goes up with every change, and is never used again.
    pub revision: u64,
    /// What it says; `None` in the history when this revision deleted it.
    pub body: Option<serde_json::Value>,
    /// Who changed it.
    pub changed_by: String,
    /// When, in Unix milliseconds.
    pub changed_at_ms: i64,
}

/// What a change relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// There is none.
    Absent,
    /// This is still the revision.
    Revision(u64),
    /// Nothing.
    Any,
}

/// What a change to the catalog came to.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is made; the new revision.
    Done(u64),
    /// Somebody else changed it; the revision that there is, if there is one.
    Lost(Option<u64>),
}

/// The catalog as operators change it.
#[async_trait]
pub trait Documents: Send + Sync {
    /// One document as it is.
    async fn document(&self, kind: Kind, name: &str) -> Result<Option<Document>, PortError>;

    /// Documents of a kind by name, from the first after `after`.
    async fn documents(
        &self,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Document>, PortError>;

    /// Writes a document and its history in one, as far as what is expected holds. The document's
    /// own revision is not looked at: the answer tells the new one.
    async fn put_document(
        &self,
        kind: Kind,
        document: &Document,
        expected: Expected,
    ) -> Result<Changed, PortError>;

    /// Deletes a document and notes that in its history.
    async fn delete_document(
        &self,
        kind: Kind,
        name: &str,
        expected: Expected,
        changed_by: &str,
        changed_at_ms: i64,
    ) -> Result<Changed, PortError>;

    /// A document's revisions, newest first.
    async fn history(
        &self,
        kind: Kind,
        name: &str,
        limit: usize,
    ) -> Result<Vec<Document>, PortError>;
}

/// A member as it is stored, with its place in the upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMember {
    /// The line of the file that it came from, counted over all parts of the upload.
    pub line: u64,
    /// The member.
    pub member: Member,
}

/// What storing a member came to.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberSaved {
    /// It is stored; or was already, by the same line.
    Done,
    /// Another line of this upload holds the same id.
    Doubled,
}

/// Members of audiences that were uploaded. An upload is a version of its own, so that a run keeps
/// the one that it began with.
#[async_trait]
pub trait Members: Send + Sync {
    /// Stores one member of an upload.
    async fn put_member(
        &self,
        audience: &str,
        version: &str,
        member: &StoredMember,
    ) -> Result<MemberSaved, PortError>;

    /// Members of an upload by id, from the first after `after`. Fewer than `limit` only at the
    /// end.
    async fn members(
        &self,
        audience: &str,
        version: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredMember>, PortError>;

    /// Deletes some of an upload's members, and answers how many those were.
    async fn discard_members(
        &self,
        audience: &str,
        version: &str,
        limit: usize,
    ) -> Result<usize, PortError>;
}

/// One part of an upload: a file's lines from one on. Its content never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadPart {
    /// Its first line, counted from 1 over all parts.
    pub first_line: u64,
    /// How many lines it has.
    pub lines: u64,
    /// Of its bytes: another content under the same first line is refused.
    pub digest: String,
    /// How many members it holds; known once they are stored.
    pub members: u64,
    /// All of its members are stored.
    pub is_stored: bool,
    /// It is the last one, and none before it is missing: nothing is added to the upload any more.
    pub is_last: bool,
}

/// That there is an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadNote {
    /// Whose.
    pub audience: String,
    /// Which.
    pub version: String,
    /// When it was last seen in use.
    pub used_at_ms: i64,
    /// It is being discarded.
    pub is_discarded: bool,
}

/// The parts that an upload came in: so it is known that none is missing.
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Notes a part, before its members are stored and again after that. What is stored stays
    /// stored, and the last part stays the last. [`Saved::Lost`] when another content was noted
    /// under its first line.
    async fn note_part(
        &self,
        audience: &str,
        version: &str,
        part: &UploadPart,
    ) -> Result<Saved, PortError>;

    /// The parts of an upload, by their first line.
    async fn parts(&self, audience: &str, version: &str) -> Result<Vec<UploadPart>, PortError>;

    /// Notes that an upload is in use, before anything of it is stored. [`Saved::Lost`] while it is
    /// being discarded.
    async fn note_use(&self, audience: &str, version: &str, at_ms: i64)
    -> Result<Saved, PortError>;

    /// Uploads in a fixed order, from the first after `after`.
    async fn uploads(
        &self,
        after: Option<&UploadNote>,
        limit: usize,
    ) -> Result<Vec<UploadNote>, PortError>;

    /// Lets nobody add to an upload any more, on the condition that it was not in use since.
    async fn begin_discarding(&self, note: &UploadNote) -> Result<Saved, PortError>;

    /// Deletes what is noted of an upload, once its members are gone.
    async fn forget_upload(&self, audience: &str, version: &str) -> Result<(), PortError>;
}

/// One state of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    /// The store's name for this content.
    pub etag: String,
    /// How long it is.
    pub bytes: u64,
}

/// Part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePart {
    /// The bytes from the offset on, as many as were asked for or as there are.
    Bytes(Bytes),
    /// The file is not there any more, or is another one.
    Gone,
}

/// Files of audiences.
#[async_trait]
pub trait AudienceFiles: Send + Sync {
    /// The file's present state; `None` when there is none, or it may not be read.
    async fn file_state(&self, bucket: &str, key: &str) -> Result<Option<FileState>, PortError>;

    /// Reads from an offset, as long as the content is still the one of `etag`.
    async fn read_file(
        &self,
        bucket: &str,
        key: &str,
        etag: &str,
        offset: u64,
        length: u64,
    ) -> Result<FilePart, PortError>;
}

/// Runs of schedules.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Stores a new run; answers with the one that is there already, if there is one.
    async fn create_run(&self, run: &Run) -> Result<Option<Run>, PortError>;

    /// One run, strongly consistent.
    async fn run(&self, key: &RunKey) -> Result<Option<Run>, PortError>;

    /// Saves a run on the condition that the stored one's fence is still `fence`. The run carries a
    /// higher one: so nobody who has not seen this save can make another.
    async fn save_run(&self, run: &Run, fence: u64) -> Result<Saved, PortError>;

    /// Runs of a schedule, latest scheduled time first, strongly consistent.
    async fn runs(&self, schedule: &str, limit: usize) -> Result<Vec<Run>, PortError>;

    /// Runs that have not ended, as the index shows them.
    async fn unfinished_runs(&self, limit: usize) -> Result<Vec<RunKey>, PortError>;
}

/// Brings runs to the trigger.
#[async_trait]
pub trait RunQueue: Send + Sync {
    /// Asks for a run to be begun, or gone on with. Asking twice is harmless.
    async fn go_on(&self, key: &RunKey) -> Result<(), PortError>;
}

/// A schedule as `EventBridge` Scheduler has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedSchedule {
    /// Its name.
    pub name: String,
    /// The expression, as the catalog has it.
    pub expression: String,
    /// IANA zone.
    pub timezone: String,
    /// Whether it fires.
    pub enabled: bool,
    /// From when on; the first time of a `rate`. `None`: from now on.
    pub starts_at: Option<Timestamp>,
    /// It fires once, and is removed then.
    pub is_once: bool,
}

/// A schedule as it was found in `EventBridge` Scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSchedule {
    /// When it fires.
    pub planned: PlannedSchedule,
    /// All else is as [`Scheduler::put_schedule`] makes it: what it fires and with which input and
    /// rights, how often it tries, where it leaves what came to nothing; it is exact and has no end.
    pub is_ours: bool,
}

/// `EventBridge` Scheduler, as far as this stack's own group goes.
#[async_trait]
pub trait Scheduler: Send + Sync {
    /// Makes a schedule so, whether there is one or not.
    async fn put_schedule(&self, planned: &PlannedSchedule) -> Result<(), PortError>;

    /// A schedule as it is.
    async fn schedule(&self, name: &str) -> Result<Option<FoundSchedule>, PortError>;

    /// Removes a schedule, if there is one.
    async fn remove_schedule(&self, name: &str) -> Result<(), PortError>;

    /// The names of all schedules.
    async fn schedule_names(&self) -> Result<Vec<String>, PortError>;
}
