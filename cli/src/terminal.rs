//! What the program reads from and writes to.

use std::io::{self, BufRead, Read, Write};
use std::pin::Pin;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::failure::Failure;
use crate::printable::printable;

/// The person's input and output.
pub struct Terminal<'a> {
    /// Answers to questions; `None` if nobody is there to answer.
    pub input: Option<&'a mut dyn BufRead>,
    /// The input that `-` names in the place of a file.
    pub pipe: &'a mut dyn Read,
    /// Results.
    pub out: &'a mut dyn Write,
    /// Questions, progress and errors.
    pub notes: &'a mut dyn Write,
    /// Ends when the person presses Ctrl-C. A command looks at it only while it follows something that
    /// has to be stopped at the API.
    pub stopped: Pin<Box<dyn Future<Output = ()> + 'a>>,
    /// The zone in which times are shown.
    pub zone: TimeZone,
}

impl Terminal<'_> {
    /// Writes a line of the result.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.out, "{text}").map_err(Failure::Output)
    }

    /// Writes a line that is no result: a note, or progress.
    pub(crate) fn note(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.notes, "{text}").map_err(Failure::Output)
    }

    /// Writes the result for programs.
    pub(crate) fn json(&mut self, value: &Value) -> Result<(), Failure> {
        self.line(&format!("{value:#}"))
    }

    /// Asks whether to go on. Everything but `y` and `yes` is a no.
    ///
    /// # Errors
    /// [`Failure::Declined`] after a no, and [`Failure::Usage`] if nobody can answer. `otherwise`
    /// says how the command is given without a question.
    pub(crate) fn confirm(&mut self, question: &str, otherwise: &str) -> Result<(), Failure> {
        let Some(input) = &mut self.input else {
            return Err(Failure::usage(format!(
                "this command asks for confirmation, and there is no terminal; give {otherwise}"
            )));
        };
        let asked = write!(self.notes, "{question} [y/N] ").and_then(|()| self.notes.flush());
        asked.map_err(Failure::Output)?;
        let mut answer = String::new();
        input.read_line(&mut answer).map_err(Failure::Output)?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Failure::Declined),
        }
    }

    /// All of the input that `-` names.
    pub(crate) fn read_pipe(&mut self) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.pipe.read_to_end(&mut content)?;
        Ok(content)
    }

    /// A time of the API in the person's zone. A text that is no time stays as it is.
    pub(crate) fn time(&self, text: &str) -> String {
        match text.parse::<Timestamp>() {
            Ok(at) => at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
            Err(_) => printable(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_terminal<T>(typed: Option<&str>, act: impl FnOnce(&mut Terminal<'_>) -> T) -> T {
        let (mut answers, mut out, mut notes) = (typed.map(str::as_bytes), vec![], vec![]);
        let mut terminal = Terminal {
            input: answers.as_mut().map(|answers| answers as &mut dyn BufRead),
            pipe: &mut io::empty(),
            out: &mut out,
            notes: &mut notes,
            stopped: Box::pin(std::future::pending()),
            zone: TimeZone::get("Asia/Seoul").expect("a zone"),
        };
        act(&mut terminal)
    }

    #[test]
    fn only_a_clear_yes_goes_on() {
        for (typed, goes_on) in
            [("y\n", true), ("YES\n", true), ("\n", false), ("no\n", false), ("", false)]
        {
            let confirmed = with_terminal(Some(typed), |it| it.confirm("Go on?", "--yes"));
            assert_eq!(confirmed.is_ok(), goes_on, "{typed:?}");
        }
    }

    #[test]
    fn without_a_person_a_question_is_a_mistake_of_usage_that_names_the_option() {
        let failure = with_terminal(None, |it| it.confirm("Go on?", "--yes")).expect_err("no one");
        assert!(matches!(&failure, Failure::Usage(text) if text.contains("--yes")), "{failure:?}");
    }

    #[test]
    fn times_are_shown_in_the_zone_of_the_person() {
        let shown = with_terminal(None, |it| it.time("2026-03-02T01:00:00.137Z"));
        assert_eq!(shown, "2026-03-02 10:00:00 KST");
        assert_eq!(with_terminal(None, |it| it.time("soon")), "soon");
    }
}
