//! How requests show who the caller is.

use std::path::Path;

use serde_json::json;

use crate::command_line::CommandLine;
use crate::scripted_api::ScriptedApi;

/// Writes the file with the profiles into a user's folder.
fn profiles(home: &Path, text: &str) {
    let folder = home.join(".config").join("alimi");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("config.toml"), text).expect("a file");
}

#[tokio::test]
async fn a_key_is_sent_as_a_bearer_token_on_the_producers_routes_and_shown_nowhere() {
    let api = ScriptedApi::start().await;
    let variables = [("ALIMI_URL", api.url.as_str()), ("ALIMI_KEY", "ak_1_hidden")];
    let alimi = CommandLine::with(&variables);
    api.then(403, &json!({ "message": "Forbidden" }));
    let ended = alimi.run(&["show", "abc"]).await;
    assert_eq!(ended.code, 4);
    assert!(!format!("{ended:?}").contains("hidden"), "{ended:?}");
    let asked = &api.asked()[0];
    assert_eq!(asked.line(), "GET /v1/notifications/abc");
    assert_eq!(asked.header("authorization"), "Bearer ak_1_hidden");
    let for_operators = alimi.run(&["why", "abc"]).await;
    assert_eq!((for_operators.code, api.asked().len()), (2, 1), "{for_operators:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn requests_are_signed_with_the_credentials_of_the_profile_s_aws_profile() {
    use std::os::unix::fs::PermissionsExt as _;

    let api = ScriptedApi::start().await;
    let home = tempfile::tempdir().expect("a folder");
    let program = home.path().join("aws");
    let script = "#!/bin/sh\n[ \"$5 $6\" = '--profile ops' ] || exit 9\n\
                  echo '{\"AccessKeyId\": \"AKIDOPS\", \"SecretAccessKey\": \"hidden\", \
                  \"SessionToken\": \"token\"}'\n";
    std::fs::write(&program, script).expect("a file");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).expect("a program");
    let url = &api.url;
    let text = format!(
        "default = \"live\"\n[profiles.live]\nurl = \"{url}\"\naws_profile = \"ops\"\n\
         region = \"ap-northeast-2\"\n"
    );
    profiles(home.path(), &text);
    let home = home.path().to_str().expect("a path");
    let alimi = CommandLine::with(&[("HOME", home), ("PATH", home)]);
    api.then(200, &json!({ "items": [] }));
    let ended = alimi.run(&["list", "--exception", "kakao"]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(!format!("{ended:?}").contains("hidden"), "{ended:?}");
    let asked = &api.asked()[0];
    let authorization = asked.header("authorization");
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDOPS/"), "{asked:?}");
    assert!(
        authorization.contains("/ap-northeast-2/execute-api/aws4_request, SignedHeaders=host;"),
        "{asked:?}"
    );
    assert_eq!(asked.header("x-amz-security-token"), "token");
    assert_eq!(asked.headers.get_all("host").iter().count(), 1);
    let date = asked.header("x-amz-date");
    assert!(date.len() == 16 && date.ends_with('Z'), "{asked:?}");
}

#[tokio::test]
async fn credentials_follow_no_redirect() {
    let api = ScriptedApi::start().await;
    let elsewhere = ScriptedApi::start().await;
    let variables = [("ALIMI_URL", api.url.as_str()), ("ALIMI_KEY", "ak_1_hidden")];
    let location = vec![("location", format!("{}/v1/x", elsewhere.url))];
    api.then_with(307, location, String::new());
    let ended = CommandLine::with(&variables).run(&["api", "GET", "/v1/x"]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn nothing_leaves_this_machine_unencrypted() {
    let alimi = CommandLine::with(&[("ALIMI_URL", "http://notify.example")]);
    let ended = alimi.run(&["pause", "kakao"]).await;
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.notes.contains("must begin with https://"), "{ended:?}");
}
