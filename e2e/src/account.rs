//! The emulated account, as an operator with administrator rights sees it.

use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::group::Group;
use crate::outputs::Outputs;
use crate::result::Result;
use crate::sam::{self, Parameters, STACK};

/// A running `account.py`. It ends when the value is dropped.
pub struct Account {
    _process: Group,
    pipes: Mutex<Pipes>,
}

struct Pipes {
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// The number of the last question.
    number: u64,
}

#[derive(Deserialize)]
struct Reply<T> {
    number: u64,
    answer: Option<T>,
    error: Option<String>,
}

/// A deployed function.
#[derive(Debug, Deserialize)]
pub struct Function {
    /// The function's name, which begins with the stack's name.
    pub name: String,
    /// The environment variable `LOG_LEVEL`.
    pub log_level: String,
    /// Its reserved concurrency.
    pub reserved: Option<u32>,
}

impl Account {
    /// Opens the account at an endpoint.
    ///
    /// # Errors
    /// When Python does not start.
    pub fn open(python: &Path, checkout: &Path, endpoint: &str) -> Result<Self> {
        let mut command = Command::new(python);
        command.arg(checkout.join("e2e/account.py")).arg(STACK);
        sam::point_at(&mut command, endpoint);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Group::spawn(&mut command)?;
        let (questions, answers) = process.pipes().ok_or("account.py has no pipes")?;
        let pipes = Pipes { questions, answers: BufReader::new(answers).lines(), number: 0 };
        Ok(Self { _process: process, pipes: Mutex::new(pipes) })
    }

    /// All resources of the account, by kind.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn resources(&self) -> Result<serde_json::Map<String, serde_json::Value>> {
        self.ask("resources").await?.ok_or_else(|| "there is no list of resources".into())
    }

    /// All functions of the account.
    ///
    /// # Errors
    /// When they cannot be listed, or a function has no `LOG_LEVEL`.
    pub async fn functions(&self) -> Result<Vec<Function>> {
        self.ask("functions").await?.ok_or_else(|| "there is no list of functions".into())
    }

    /// The stack's outputs.
    ///
    /// # Errors
    /// When the stack does not exist.
    pub async fn outputs(&self) -> Result<Outputs> {
        Outputs::read(&self.ask("outputs").await?.unwrap_or_default())
    }

    /// The stack's template as it was deployed. Its functions have the addresses of their uploaded
    /// programs.
    ///
    /// # Errors
    /// When the stack does not exist.
    pub async fn template(&self) -> Result<String> {
        self.ask("template").await?.ok_or_else(|| "the stack has no template".into())
    }

    /// Why `CloudFormation` refuses a change of the stack's parameters; `None` when it does not. The
    /// stack stays as it is.
    ///
    /// # Errors
    /// When `CloudFormation` cannot be asked.
    pub async fn refusal(&self, parameters: Parameters) -> Result<Option<String>> {
        self.ask(&format!("refusal {}", parameters.overrides())).await
    }

    /// The answer to a question; `None` for null.
    async fn ask<T: DeserializeOwned>(&self, question: &str) -> Result<Option<T>> {
        let mut pipes = self.pipes.lock().await;
        pipes.number += 1;
        let line = format!("{} {question}\n", pipes.number);
        pipes.questions.write_all(line.as_bytes()).await?;
        loop {
            let line = pipes.answers.next_line().await?.ok_or("account.py has ended")?;
            let Reply { number, answer, error } = serde_json::from_str(&line)?;
            // An earlier question has no reader any more when its story ran out of time.
            if number < pipes.number {
                continue;
            }
            return match error {
                Some(error) => {
                    Err(format!("the account did not answer {question}: {error}").into())
                }
                None => Ok(answer),
            };
        }
    }
}
