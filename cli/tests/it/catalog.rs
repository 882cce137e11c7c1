//! `diff` and `apply`.

use std::io::{BufRead, Read};

use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::command_line::CommandLine;
use crate::stack::{self, EXAMPLE, file};

#[tokio::test]
async fn a_file_is_applied_to_an_empty_stack_and_then_differs_in_nothing() {
    let stack = stack::empty().await;
    let alimi = CommandLine::at(&stack.api_url);
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), EXAMPLE);

    let differing = alimi.run(&["diff", &path, "--check"]).await;
    assert_eq!(differing.code, 7, "{differing:?}");
    assert!(differing.out.contains("+ channels/alimtalk-main\n"), "{differing:?}");

    let unasked = alimi.run(&["apply", &path]).await;
    assert_eq!(unasked.code, 2, "{unasked:?}");
    assert!(unasked.notes.contains("give --yes"), "{unasked:?}");
    let declined = alimi.answering(&["apply", &path], "n\n").await;
    assert_eq!(declined.code, 8, "{declined:?}");
    let channels = alimi.run(&["api", "GET", "/v1/channels"]).await.json();
    assert_eq!(channels["items"].as_array().map(Vec::len), Some(0), "nothing is stored yet");

    let applied = alimi.answering(&["apply", &path], "y\n").await.done();
    assert!(applied.contains("\nstored channels/alimtalk-main, revision 1\n"), "{applied}");
    let same = alimi.run(&["diff", &path, "--check"]).await.done();
    assert!(same.starts_with("The stack has all "), "{same}");
    let again = alimi.run(&["apply", &path]).await.done();
    assert!(!again.contains("stored "), "{again}");
}

#[tokio::test]
async fn a_change_is_shown_by_its_path_and_a_channel_stays_paused() {
    let stack = stack::empty().await;
    let alimi = CommandLine::at(&stack.api_url);
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), EXAMPLE);
    alimi.run(&["apply", &path, "--yes"]).await.done();
    let make = ["api", "POST", "/v1/channels/alimtalk-main/receipt-secrets"];
    alimi.run(&make).await.done();
    alimi.run(&["pause", "alimtalk-main"]).await.done();

    let slower = EXAMPLE.replace("per_second: 40", "per_second: 30");
    let path = file(folder.path(), &slower);
    let diff = alimi.run(&["diff", &path]).await.done();
    let expected = "~ channels/alimtalk-main\n    limit.per_second: 40 → 30\n1 of ";
    assert!(diff.starts_with(expected), "{diff}");
    let diff = alimi.run(&["diff", &path, "--json"]).await.json();
    let documents = diff["documents"].as_array().expect("documents");
    let changed: Vec<_> = documents.iter().filter(|it| it["action"] != "none").collect();
    assert_eq!(changed.len(), 1, "{diff:#}");
    assert_eq!(changed[0]["changes"][0]["file"], 30);

    let applied = alimi.run(&["apply", &path, "--yes", "--json"]).await.json();
    assert_eq!(applied["stored"][0]["name"], "alimtalk-main");
    assert_eq!(applied["stored"].as_array().map(Vec::len), Some(1));
    let channel = alimi.run(&["api", "GET", "/v1/channels/alimtalk-main"]).await.json();
    assert_eq!((&channel["paused"], &channel["limit"]["per_second"]), (&true.into(), &30.into()));
    assert_eq!(channel["receipt_secrets"].as_array().map(Vec::len), Some(1), "{channel:#}");
}

#[tokio::test]
async fn a_fault_anywhere_in_the_file_stores_nothing_of_it() {
    let stack = stack::empty().await;
    let alimi = CommandLine::at(&stack.api_url);
    let folder = tempfile::tempdir().expect("a folder");
    for (wrong, expected) in [
        (EXAMPLE.replace("per_second: 40", "per_second: 0"), "limit.per_second: is 0; must be"),
        (
            EXAMPLE.replacen("    limit:", "    paused: 1\n    limit:", 1),
            "channels.alimtalk-main.paused: must be true or false",
        ),
        (
            format!(
                "{EXAMPLE}\nschedules:\n  zz:\n    expression: cron(0 3 * * ? *)\n    template: \
                 photo-and-video\n    audience: teachers\n"
            ),
            "schedules.zz",
        ),
    ] {
        let path = file(folder.path(), &wrong);
        let ended = alimi.run(&["apply", &path, "--yes"]).await;
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.notes.contains(expected), "{ended:?}");
    }
    let channels = alimi.run(&["api", "GET", "/v1/channels"]).await.json();
    assert_eq!(channels["items"].as_array().map(Vec::len), Some(0));
}

/// The hours would shut the stored schedule out, and the file moves the schedule.
#[tokio::test]
async fn documents_whose_changes_need_each_other_are_stored_in_an_order_that_the_stack_permits() {
    let stack = stack::empty().await;
    let alimi = CommandLine::at(&stack.api_url);
    let with = |hour: u8, from: &str| {
        format!(
            "{EXAMPLE}\nhours:\n  scheduled: {{ from: \"{from}\", to: \"19:00\" }}\naudiences:\n  \
             some:\n    source: {{ kind: members }}\nschedules:\n  daily:\n    expression: \
             cron(0 {hour} * * ? *)\n    template: photo-and-video\n    audience: some\n"
        )
    };
    let folder = tempfile::tempdir().expect("a folder");
    let morning = file(folder.path(), &with(11, "10:00"));
    alimi.run(&["apply", &morning, "--yes"]).await.done();
    let afternoon = file(folder.path(), &with(15, "14:00"));
    let applied = alimi.run(&["apply", &afternoon, "--yes"]).await.done();
    let at = |line: &str| applied.find(line).unwrap_or_else(|| panic!("{line} in {applied}"));
    assert!(at("stored schedules/daily") < at("stored hours/stack"), "{applied}");
}

/// A person who answers only after somebody else has changed something.
struct AnswersAfter<F>(Option<F>);

impl<F: FnOnce()> Read for AnswersAfter<F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let filled = self.fill_buf()?.read(buffer)?;
        self.consume(filled);
        Ok(filled)
    }
}

impl<F: FnOnce()> BufRead for AnswersAfter<F> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if let Some(act) = self.0.take() {
            act();
        }
        Ok(b"y\n")
    }

    fn consume(&mut self, _count: usize) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_somebody_changed_meanwhile_is_not_overwritten() {
    let stack = stack::empty().await;
    let alimi = CommandLine::at(&stack.api_url);
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), EXAMPLE);
    alimi.run(&["apply", &path, "--yes"]).await.done();
    let path = file(folder.path(), &EXAMPLE.replace("per_second: 40", "per_second: 30"));
    let other = CommandLine::at(&stack.api_url);
    let mut person = AnswersAfter(Some(|| {
        let paused =
            block_in_place(|| Handle::current().block_on(other.run(&["pause", "alimtalk-main"])));
        assert_eq!(paused.code, 0, "{paused:?}");
    }));
    let ended = alimi.run_with(&["apply", &path], Some(&mut person), b"").await;
    assert_eq!(ended.code, 6, "{ended:?}");
    assert!(ended.notes.contains("precondition-failed"), "{ended:?}");
    let channel = alimi.run(&["api", "GET", "/v1/channels/alimtalk-main"]).await.json();
    assert_eq!((&channel["paused"], &channel["limit"]["per_second"]), (&true.into(), &40.into()));
}
