//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Shows what became of messages, explains why they wait, and changes what Alimi does.
///
/// The stack and the caller come from a profile in ~/.config/alimi/config.toml, or from the
/// variables `ALIMI_URL` and `ALIMI_KEY`. Without a key, requests are signed with AWS credentials.
///
/// Exit codes: 0 done; 1 refused; 2 wrong usage; 3 not reachable, or try again; 4 not allowed;
/// 5 not found; 6 the state does not allow it, or somebody changed it meanwhile; 7 `diff --check`
/// found differences; 8 stopped, or answered with no.
#[derive(Debug, Parser)]
#[command(name = "alimi", version, propagate_version = true)]
pub(crate) struct Arguments {
    /// The profile to use. Without it: `ALIMI_PROFILE`, or the file's default.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The API's address, instead of a profile.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Print the API's JSON, for programs. Errors are JSON too.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List notifications: your own by recipient, run, event or tag, or those that need a person.
    List(ListArguments),
    /// Show a notification: its status, attempts and receipts.
    Show(ShowArguments),
    /// Show every rule that holds a notification, and when it leaves. For operators.
    Why(WhyArguments),
    /// Send notifications again: single ones, or a channel's that need a person.
    Resend(ResendArguments),
    /// Settle what became of notifications, without the provider: single ones, or a channel's.
    Settle(SettleArguments),
    /// Withdraw notifications that have not left.
    Cancel(CancelArguments),
    /// List messages between Alimi's functions that were given up, or send them again.
    DeadLetters(DeadLetterArguments),
    /// Stop sending over channels. No message is lost.
    Pause(ChannelArguments),
    /// Start sending over channels again.
    Resume(ChannelArguments),
    /// Store the documents of a catalog file that differ from the stack's.
    Apply(ApplyArguments),
    /// Show how a catalog file differs from the stack.
    Diff(DiffArguments),
    /// Send any request to the API, with the profile's credentials.
    Api(ApiArguments),
    /// Print a script that completes this program's words in a shell.
    Completions { shell: Shell },
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) by: ListBy,
    /// Only this status, such as `failed` or `unknown`.
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,
    /// With --exception: only those whose reason this is, such as `rejected` or `provider_down`.
    // `requires` counts for nothing where the required option is excluded by another one.
    #[arg(long, visible_alias = "reason", value_name = "REASON")]
    #[arg(conflicts_with_all = ["recipient", "run", "event", "tag"])]
    pub(crate) cause: Option<String>,
    /// With --exception: only those of this template.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["recipient", "run", "event", "tag"])]
    pub(crate) template: Option<String>,
    /// With --exception: only those that have needed a person since this time or later.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["recipient", "run", "event", "tag"])]
    pub(crate) since: Option<String>,
    /// With --exception: only those that have needed a person since before this time.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["recipient", "run", "event", "tag"])]
    pub(crate) until: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// All of them.
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
    /// Go on where an earlier list ended: its `next`.
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct ListBy {
    /// Your id of a recipient.
    #[arg(long, value_name = "ID")]
    pub(crate) recipient: Option<String>,
    /// A run of a schedule, by its id: the schedule's name, @, and the scheduled time.
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// An event's id.
    #[arg(long, value_name = "ID")]
    pub(crate) event: Option<String>,
    /// A tag.
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// A channel, whose notifications that need a person are listed, of all producers.
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) exception: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct OneArguments {
    /// The notification's id: 30 hexadecimal digits.
    pub(crate) id: String,
    /// As a producer, of your own notifications. With an API key this is always so.
    #[arg(long)]
    pub(crate) own: bool,
}

#[derive(Args, Debug)]
pub(crate) struct WhyArguments {
    /// The notification's id: 30 hexadecimal digits.
    pub(crate) id: String,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    pub(crate) one: OneArguments,
    /// The text too, as the person sees it. A record of this is kept.
    #[arg(long, conflicts_with = "own")]
    pub(crate) text: bool,
}

/// What a decision is about.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct Which {
    /// The notifications' ids.
    #[arg(value_name = "ID", conflicts_with = "exception")]
    pub(crate) ids: Vec<String>,
    /// All of a channel's notifications that need a person.
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) exception: Option<String>,
}

/// Which of a channel's notifications that need a person.
#[derive(Args, Debug)]
pub(crate) struct Filter {
    /// With --exception: only this status, such as `failed` or `unknown`.
    #[arg(long, value_name = "STATUS", conflicts_with = "ids")]
    pub(crate) status: Option<String>,
    /// With --exception: only those whose reason this is, such as `rejected` or `provider_down`.
    #[arg(long, value_name = "REASON", conflicts_with = "ids")]
    pub(crate) cause: Option<String>,
    /// With --exception: only those of this template.
    #[arg(long, value_name = "NAME", conflicts_with = "ids")]
    pub(crate) template: Option<String>,
    /// With --exception: only those that have needed a person since this time or later.
    #[arg(long, value_name = "TIME", conflicts_with = "ids")]
    pub(crate) since: Option<String>,
    /// With --exception: only those that have needed a person since before this time.
    #[arg(long, value_name = "TIME", conflicts_with = "ids")]
    pub(crate) until: Option<String>,
}

/// How many at once is agreed to.
#[derive(Args, Debug)]
pub(crate) struct Agreement {
    /// Do not ask. Needs --expected.
    #[arg(long, short, requires = "expected")]
    pub(crate) yes: bool,
    /// With --yes: how many there are. If there are more or fewer, nothing is done.
    #[arg(long, value_name = "COUNT", requires = "yes")]
    pub(crate) expected: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct ResendArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// Why they are sent again. The record of the decision has it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Some may have reached their recipients, who may get them twice.
    #[arg(long)]
    pub(crate) may_double: bool,
    /// Also a notification that was delivered. Its recipient gets it twice.
    #[arg(long, conflicts_with = "exception")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) agreement: Agreement,
}

#[derive(Args, Debug)]
pub(crate) struct SettleArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// What became of them.
    #[arg(long = "as", value_enum)]
    pub(crate) settlement: Settlement,
    /// Why they are settled so. The record of the decision has it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) agreement: Agreement,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Settlement {
    /// They reached their recipients: the next step leaves.
    Delivered,
    /// They count as not delivered, and nobody sends them again.
    GivenUp,
}

#[derive(Args, Debug)]
pub(crate) struct CancelArguments {
    /// The notifications' ids.
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// For operators: why the producer is overruled. The record has it.
    // Required of operators only. Who the caller is shows in the profile, not in the words.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// As a producer, your own notifications. With an API key this is always so.
    #[arg(long, conflicts_with = "reason")]
    pub(crate) own: bool,
}

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DeadLetterArguments {
    /// Only this kind: `wakes`, `runs`, `firings`, `receipts` or `changes`.
    #[arg(long, value_name = "KIND")]
    pub(crate) edge: Option<String>,
    /// Only those in this state: `dead`, `redriving`, `redriven` or `repaired`.
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// All of them.
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
    #[command(subcommand)]
    pub(crate) action: Option<DeadLetterAction>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetterAction {
    /// Send dead letters again: single ones, or all of a kind.
    Redrive(RedriveArguments),
}

#[derive(Args, Debug)]
pub(crate) struct RedriveArguments {
    /// The letters' ids.
    #[arg(value_name = "ID", required_unless_present = "edge", conflicts_with = "edge")]
    pub(crate) ids: Vec<String>,
    /// All of this kind.
    #[arg(long, value_name = "KIND")]
    pub(crate) edge: Option<String>,
    /// Why they are sent again. The record has it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) agreement: Agreement,
}

#[derive(Args, Debug)]
pub(crate) struct ChannelArguments {
    /// The channels' names.
    #[arg(required_unless_present = "all", value_name = "CHANNEL")]
    pub(crate) channels: Vec<String>,
    /// All channels of the stack.
    #[arg(long, conflicts_with = "channels")]
    pub(crate) all: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ApplyArguments {
    /// The catalog file; `-` reads it from the input.
    pub(crate) file: PathBuf,
    /// Do not ask.
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DiffArguments {
    /// The catalog file; `-` reads it from the input.
    pub(crate) file: PathBuf,
    /// End with exit code 7 if there is a difference.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ApiArguments {
    /// GET, POST, PUT or DELETE.
    pub(crate) method: String,
    /// The path and the query, such as "/v1/channels?limit=500".
    pub(crate) path: String,
    /// The body: a text, @FILE, or @- for the input. It is JSON unless -H says otherwise.
    #[arg(long, short, value_name = "BODY")]
    pub(crate) data: Option<String>,
    /// A header, such as "Idempotency-Key: first-1".
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// Show the status and the headers of the answer before it.
    #[arg(long, short)]
    pub(crate) include: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_consistent() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_guide_has_every_command() {
        use clap::CommandFactory as _;
        let guide = include_str!("../../docs/cli.md");
        for command in Arguments::command().get_subcommands() {
            let name = format!("`alimi {}", command.get_name());
            assert!(guide.contains(&name), "{name}");
        }
    }

    #[test]
    fn words_that_do_not_fit_together_are_refused() {
        for (line, is_right) in [
            ("list --tag march", true),
            ("list --exception kakao --status unknown --reason timeout", true),
            ("list", false),
            ("list --tag march --recipient r", false),
            ("list --tag march --status failed", true),
            ("list --tag march --cause timeout", false),
            ("resend a b --reason r", true),
            ("resend a --status failed --reason r", false),
            ("resend a --since 2026-03-02T00:00:00Z --reason r", false),
            ("resend --exception kakao --status failed --reason r", true),
            ("resend --status failed --reason r", false),
            ("list --tag march --all --limit 5", false),
            ("list --tag march --limit 0", false),
            ("pause", false),
            ("pause --all", true),
            ("pause a b", true),
            ("pause a --all", false),
            ("show x --own --text", false),
        ] {
            let words = std::iter::once("alimi").chain(line.split(' '));
            assert_eq!(Arguments::try_parse_from(words).is_ok(), is_right, "{line}");
        }
    }
}
