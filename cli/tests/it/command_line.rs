//! Runs the program as a person or a script does.

use std::ffi::OsString;
use std::io::{self, BufRead};

use alimi_cli::{Terminal, Variables, run};
use jiff::tz::TimeZone;
use serde_json::Value;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) notes: String,
}

impl Ended {
    /// The result, which must be a success.
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// The result for programs, which must be a success.
    pub(crate) fn json(self) -> Value {
        let out = self.done();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }
}

/// A command line with the variables of its environment.
pub(crate) struct CommandLine {
    variables: Vec<(String, String)>,
}

impl CommandLine {
    /// For a stack at this address.
    pub(crate) fn at(url: &str) -> Self {
        Self::with(&[("ALIMI_URL", url)])
    }

    pub(crate) fn with(variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { variables: variables.collect() }
    }

    /// Runs a command without a person at a terminal.
    pub(crate) async fn run(&self, words: &[&str]) -> Ended {
        self.run_with(words, None, b"").await
    }

    /// Runs a command with a person who types this.
    pub(crate) async fn answering(&self, words: &[&str], typed: &str) -> Ended {
        let mut typed = typed.as_bytes();
        self.run_with(words, Some(&mut typed), b"").await
    }

    pub(crate) async fn run_with(
        &self,
        words: &[&str],
        input: Option<&mut dyn BufRead>,
        piped: &[u8],
    ) -> Ended {
        self.run_until(words, input, piped, std::future::pending()).await
    }

    /// Runs a command until the end of `stopped`, at which the person presses Ctrl-C.
    pub(crate) async fn run_until(
        &self,
        words: &[&str],
        input: Option<&mut dyn BufRead>,
        piped: &[u8],
        stopped: impl Future<Output = ()>,
    ) -> Ended {
        let variables: Variables = self.variables.clone().into_iter().collect();
        let words = std::iter::once("alimi").chain(words.iter().copied()).map(OsString::from);
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let code = run(
            words,
            &variables,
            &mut Terminal {
                // Within the option, the compiler does not shorten the lifetime by itself.
                input: input.map(|input| input as &mut dyn BufRead),
                pipe: &mut io::Cursor::new(piped),
                out: &mut out,
                notes: &mut notes,
                stopped: Box::pin(stopped),
                zone: TimeZone::get("Asia/Seoul").expect("a zone"),
            },
        )
        .await;
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Ended { code, out: text(out), notes: text(notes) }
    }
}
