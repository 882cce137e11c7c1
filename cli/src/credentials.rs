//! The AWS credentials that sign requests.

use std::process::Command;

use aws_credential_types::Credentials;
use serde::Deserialize;

use crate::failure::Failure;
use crate::printable::printable;
use crate::variables::Variables;

/// The answer of `aws configure export-credentials`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Exported {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

/// The credentials of an AWS CLI's profile, or else those of the environment's variables, or else
/// those that the AWS CLI finds. The AWS CLI knows all kinds of them, such as those of IAM Identity
/// Center, so this program needs no code for any kind.
pub(crate) fn find(profile: Option<&str>, variables: &Variables) -> Result<Credentials, Failure> {
    let id = variables.get("AWS_ACCESS_KEY_ID").filter(|_| profile.is_none());
    if let (Some(id), Some(secret)) = (id, variables.get("AWS_SECRET_ACCESS_KEY")) {
        let token = variables.get("AWS_SESSION_TOKEN").map(str::to_owned);
        return Ok(Credentials::new(id, secret, token, None, "environment"));
    }
    let mut aws = Command::new("aws");
    aws.args(["configure", "export-credentials", "--format", "process"]);
    if let Some(profile) = profile {
        aws.args(["--profile", profile]);
    }
    let exported = aws.env_clear().envs(variables.iter()).output().map_err(|_| {
        Failure::NotAllowed(
            "there are no credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, and \
             the AWS CLI (`aws`) cannot be started; set ALIMI_KEY, or install the AWS CLI 2"
                .to_owned(),
        )
    })?;
    if !exported.status.success() {
        let why = String::from_utf8_lossy(&exported.stderr);
        let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
        return Err(Failure::NotAllowed(format!(
            "the AWS CLI has no credentials: {}; sign in with it, such as by `aws sso login`",
            printable(&why)
        )));
    }
    let Exported { access_key_id, secret_access_key, session_token } =
        serde_json::from_slice(&exported.stdout).map_err(|_| {
            // The answer is not quoted: it has the secret.
            Failure::NotAllowed(
                "`aws configure export-credentials` answered something unknown; update the AWS CLI"
                    .to_owned(),
            )
        })?;
    Ok(Credentials::new(access_key_id, secret_access_key, session_token, None, "aws"))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A folder with a program `aws` that runs this script.
    fn with_aws(script: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("aws");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a file");
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&program, mode).expect("a program");
        let path = folder.path().to_str().expect("a path").to_owned();
        (folder, path)
    }

    #[test]
    fn the_environment_s_credentials_are_used_unless_a_profile_is_named() {
        let script = r#"[ "$*" = "configure export-credentials --format process --profile ops" ] || exit 9
echo '{"Version": 1, "AccessKeyId": "AKIDOPS", "SecretAccessKey": "s", "SessionToken": "t"}'"#;
        let (_folder, path) = with_aws(script);
        let variables: Variables = [
            ("AWS_ACCESS_KEY_ID", "AKIDENV"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("PATH", path.as_str()),
        ]
        .into_iter()
        .collect();
        let own = find(None, &variables).expect("credentials");
        assert_eq!((own.access_key_id(), own.session_token()), ("AKIDENV", None));
        let of_profile = find(Some("ops"), &variables).expect("credentials");
        assert_eq!(
            (of_profile.access_key_id(), of_profile.session_token()),
            ("AKIDOPS", Some("t"))
        );
    }

    #[test]
    fn what_the_aws_cli_says_is_told_and_what_it_exports_never() {
        let (_folder, path) = with_aws("echo 'Token has expired' >&2; exit 255");
        let variables: Variables = [("PATH", path)].into_iter().collect();
        let expired = find(None, &variables).expect_err("no credentials").to_string();
        assert!(expired.contains("Token has expired; sign in"), "{expired}");
        let (_folder, path) = with_aws("echo '{\"SecretAccessKey\": \"hidden\"}'");
        let variables: Variables = [("PATH", path)].into_iter().collect();
        let unknown = find(None, &variables).expect_err("no credentials").to_string();
        assert!(!unknown.contains("hidden"), "{unknown}");
        let nothing: Variables = [("PATH", "/nowhere")].into_iter().collect();
        let missing = find(None, &nothing).expect_err("no credentials").to_string();
        assert!(missing.contains("set ALIMI_KEY"), "{missing}");
    }
}
