//! The routes by which operators send a notification again, or settle what became of it.

use alimi::domain::{
    Decider, Decision, DecisionKind, FieldError, Notification, Refused, ResendTerms, Settlement,
    StatedReason, Status, Undecided,
};
use alimi::http::{OpenRecord, Parameters, Problem, ProblemKind, read_json};
use alimi::use_cases::{Act, DecideRequest, Decided, NotDecided};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;

use crate::change::{expected_revision, tagged};
use crate::function::ConsoleFunction;
use crate::notifications::{Id, no_such_notification, of_recipient, read_id};
use crate::view::DecidedView;

/// The largest body: larger than any reason.
const BODY_BYTES_MAX: usize = 16 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResendRequest {
    reason: String,
    /// The operator accepts that the person may get the message twice.
    #[serde(default)]
    may_double: bool,
    /// Sends it again although it was delivered.
    #[serde(default)]
    force: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettleRequest {
    #[serde(rename = "as")]
    settlement: Settlement,
    reason: String,
}

pub(crate) async fn resend(
    State(console): State<ConsoleFunction>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    let open = Opened::of(&console, id, &request)?;
    let body = read_json(request, BODY_BYTES_MAX).await?;
    let ResendRequest { reason, may_double, force } =
        body.deserialize().map_err(Problem::invalid)?;
    let terms = ResendTerms { may_double, forced: force, by_policy: false };
    open.decide(&console, Act::Resend(terms), reason).await
}

pub(crate) async fn settle(
    State(console): State<ConsoleFunction>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    let open = Opened::of(&console, id, &request)?;
    let body = read_json(request, BODY_BYTES_MAX).await?;
    let SettleRequest { settlement, reason } = body.deserialize().map_err(Problem::invalid)?;
    open.decide(&console, Act::Settle(settlement), reason).await
}

/// A request whose body is not read yet.
struct Opened {
    by: String,
    id: Id,
    revision: u64,
    record: Option<OpenRecord>,
}

impl Opened {
    fn of(console: &ConsoleFunction, id: Id, request: &Request) -> Result<Self, Problem> {
        let by = console.caller(request)?;
        Parameters::of(request, &[])?;
        let revision = expected_revision(request.headers())?;
        Ok(Self { by, id, revision, record: OpenRecord::of(request) })
    }

    async fn decide(
        self,
        console: &ConsoleFunction,
        act: Act,
        reason: String,
    ) -> Result<Response, Problem> {
        let Self { by, id, revision, record } = self;
        let id = read_id(id)?;
        let reason = StatedReason::new(reason).map_err(Problem::invalid)?.into_string();
        if let Some(record) = record {
            record.complete([("decision", act.kind().as_str().to_owned())]).await?;
        }
        let decider = Decider { by, reason, revision, job: None };
        match console.decide.decide(&DecideRequest { id, act, decider }).await {
            Ok(outcome) => Ok(answer(console, &outcome).await),
            Err(error) => Ok(not_decided(error)),
        }
    }
}

async fn answer(console: &ConsoleFunction, outcome: &Decided) -> Response {
    let (notification, repeated) = match outcome {
        Decided::Done(notification) => (notification, false),
        Decided::Repeated(notification) => (notification, true),
    };
    let description = console.describe.one(notification).await;
    let view = DecidedView::of(notification, &description, repeated);
    tagged(notification.revision, (of_recipient(notification), Json(view)))
}

fn not_decided(error: NotDecided) -> Response {
    match error {
        NotDecided::Missing => no_such_notification().into_response(),
        NotDecided::NoChannel(name) => {
            let detail =
                format!("cannot be sent again: its channel {name:?} does not exist any more");
            Problem::conflict(detail).into_response()
        }
        NotDecided::Taken(notification, decision) => {
            tagged(notification.revision, taken(&decision))
        }
        NotDecided::Changed(notification) => {
            let revision = notification.revision;
            let detail = format!(
                "does not fit: the notification is {} now, and its ETag is \"{revision}\"; read it \
                 again before you decide",
                notification.status.as_str()
            );
            tagged(revision, Problem::precondition_failed("If-Match", detail))
        }
        NotDecided::Refused(notification, refused) => {
            tagged(notification.revision, refusal(&notification, refused))
        }
        NotDecided::Port(error) => Problem::unavailable(&error).into_response(),
    }
}

/// Somebody else has decided about the same revision.
fn taken(decision: &Decision) -> Problem {
    let Decision { kind, by, at_ms, .. } = decision;
    let did = match kind {
        DecisionKind::Resent | DecisionKind::ResentByPolicy => "sent it again",
        DecisionKind::SettledDelivered => "settled it as delivered",
        DecisionKind::SettledGivenUp => "settled it as given up",
    };
    let at = Timestamp::from_millisecond(*at_ms).unwrap_or_default();
    Problem::conflict(format!(
        "cannot be decided about any more: {by} has {did} at {at}, after you had read it; read it \
         again"
    ))
}

fn refusal(notification: &Notification, refused: Refused) -> Problem {
    let status = notification.status.as_str();
    let of_field =
        |field, detail: String| Problem::new(ProblemKind::Conflict, FieldError::new(field, detail));
    match refused {
        Refused::Undecided(Undecided::MayDouble) => {
            of_field("may_double", why_twice(notification.status))
        }
        Refused::Undecided(Undecided::Delivered) => of_field(
            "force",
            "must be true for a message that was delivered: its recipient gets it twice".to_owned(),
        ),
        Refused::Undecided(Undecided::SenderMayLive { gone_at_ms }) => {
            let gone_at = Timestamp::from_millisecond(gone_at_ms).unwrap_or_default();
            Problem::conflict(format!(
                "is {status}, and its sender may be at work until {gone_at}; repeat the request then"
            ))
        }
        Refused::Undecided(Undecided::StepBefore) => Problem::conflict(
            "is a step of a sequence, and the step before it has not ended as this step asks; decide \
             about that step first",
        ),
        Refused::Undecided(Undecided::AttemptsExhausted) => Problem::conflict(
            "was sent so often that no number is left for another attempt; ask for a new message",
        ),
        Refused::Undecided(Undecided::Changed) | Refused::NoSuchAttempt | Refused::Settled => {
            Problem::conflict(format!("is {status}; read it again before you decide"))
        }
        Refused::NotYet | Refused::TooLate => Problem::conflict(in_status(notification.status)),
    }
}

/// Why the recipient may get a message twice.
fn why_twice(status: Status) -> String {
    let status_text = status.as_str();
    match status {
        Status::Failed | Status::Expired => format!(
            "must be true for a step that is {status_text} and whose fallback has left: its recipient \
             may get both messages"
        ),
        Status::Blocked
        | Status::Deferred
        | Status::Queued
        | Status::Sending
        | Status::Accepted
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Cancelled
        | Status::Delivered => format!(
            "must be true for a message that is {status_text}: nobody knows whether it reached its \
             recipient, who may get it twice"
        ),
    }
}

/// Why nothing can be decided about a notification of this status.
fn in_status(status: Status) -> String {
    let status_text = status.as_str();
    match status {
        Status::Blocked | Status::Deferred | Status::Queued => format!(
            "is {status_text}: it has not left yet, so there is nothing to send again or to settle; \
             cancel it if it must not leave"
        ),
        Status::Sending | Status::Accepted => format!(
            "is {status_text}: it is in progress; wait until its receipt has come or is overdue"
        ),
        Status::Cancelled => format!(
            "is {status_text}: it was withdrawn, or an earlier step of its sequence stopped; ask for \
             a new message, or send that step again"
        ),
        Status::Delivered => {
            format!("is {status_text}: a delivery cannot be settled as given up")
        }
        Status::Unknown | Status::Unconfirmed | Status::Failed | Status::Expired => {
            format!("is {status_text}; read it again before you decide")
        }
    }
}
