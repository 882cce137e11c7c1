//! The programs' exit codes, signals and lock.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::result::Result;

/// Runs a program until it ends or a signal ends it.
pub fn run(program: impl Future<Output = Result<bool>>) -> ExitCode {
    // Installs the TLS provider that all HTTP clients of this process use.
    let _installed = alimi::providers::ReqwestHttp::new();
    let passed = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| {
        runtime.block_on(async {
            tokio::select! {
                passed = program => passed,
                signal = ending_signal() => Err(format!("ended by {}", signal?).into()),
            }
        })
    });
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for a signal that ends the program. The programs below this one are in process groups of
/// their own, to which a terminal sends no signals, so this program has to end them.
async fn ending_signal() -> Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "an interrupt",
        _ = terminate.recv() => "a request to terminate",
        _ = hangup.recv() => "the end of its terminal",
    })
}

/// Waits until no other end-to-end test runs in this checkout.
pub fn lock(file: &std::fs::File) -> Result<()> {
    if file.try_lock().is_err() {
        println!("Waiting for another end-to-end test in this checkout to end.");
        file.lock()?;
    }
    Ok(())
}
