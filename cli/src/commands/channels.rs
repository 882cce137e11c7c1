//! `alimi pause` and `alimi resume`.

use serde_json::json;

use crate::api::encoded;
use crate::arguments::ChannelArguments;
use crate::catalog::stored;
use crate::failure::Failure;
use crate::printable::printable;
use crate::session::Session;

#[derive(Clone, Copy)]
pub(super) enum Action {
    Pause,
    Resume,
}

impl Action {
    fn segment(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }

    fn result(self) -> &'static str {
        match self {
            Self::Pause => "paused: nothing leaves within a second",
            Self::Resume => "runs",
        }
    }
}

/// A channel that fails keeps no other one from its pause. The first failure is the result.
pub(super) async fn run(
    arguments: ChannelArguments,
    action: Action,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    let names = if arguments.all {
        let channels = stored::list(&session.api, "channels").await?;
        channels.into_iter().map(|document| document.name).collect()
    } else {
        arguments.channels
    };
    let (mut done, mut failed) = (vec![], None);
    for name in &names {
        let path = format!("/v1/channels/{}/{}", encoded(name), action.segment());
        match session.api.post(&path, None).await {
            Ok(channel) if session.json => done.push(channel),
            Ok(_) => {
                session.terminal.line(&format!("{} {}", printable(name), action.result()))?;
            }
            Err(failure) if failed.is_none() => failed = Some(failure),
            Err(failure) => session.terminal.note(&format!("error: {failure}"))?,
        }
    }
    if session.json {
        session.terminal.json(&json!({ "items": done }))?;
    }
    match failed {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}
