//! Stories about audiences.

use serde_json::json;

use crate::api::put_file;
use crate::result::{StoryResult, ensure};
use crate::stack::Stack;

const AUDIENCE: &str = "/v1/audiences/parents";
const SCHEDULE: &str = "/v1/schedules/for-parents";

/// An operator asks for an address, uploads the file to S3, and names it in the audience. The trigger's
/// bucket has the file, and a dry run reads it.
pub async fn a_large_file_goes_straight_to_s3(stack: &Stack) -> StoryResult {
    let api = &stack.api;
    let members = json!({ "source": { "kind": "members" } });
    api.put(AUDIENCE, None, &members).await?.expect(201)?;
    let csv = "id,phone,name,code\np1,010-3000-0001,김하나,a1\np2,010-3000-0002,이지호,b2\n";
    let wanted = json!({ "format": "csv", "bytes": csv.len() });
    let place =
        api.create(&format!("{AUDIENCE}/upload-url"), "unused", &wanted).await?.expect(200)?;
    let uploaded = put_file(&place, csv).await?;
    ensure(uploaded == 200, || format!("S3 answered the upload with {uploaded}"))?;

    let read = api.get(AUDIENCE).await?;
    let etag = read.etag.clone().ok_or("the audience has no ETag")?;
    let of_file = json!({ "source": place["source"] });
    api.put(AUDIENCE, Some(&etag), &of_file).await?.expect(200)?;
    // Far in the future, so that nothing leaves.
    let schedule = json!({
        "expression": "at(2099-03-02T11:00:00)", "template": "photo-and-video", "audience": "parents",
    });
    api.put(SCHEDULE, None, &schedule).await?.expect(201)?;
    let dry_run = api.post(&format!("{SCHEDULE}/dry-run")).await?.expect(200)?;
    ensure(dry_run["members"] == 2 && dry_run["sendable"] == 2, || {
        format!("the dry run says {dry_run}")
    })?;
    let planned = api.get(SCHEDULE).await?.etag.ok_or("the schedule has no ETag")?;
    api.delete(SCHEDULE, &planned).await?.expect(204)?;
    Ok("the file went to S3 by its presigned address, and a dry run read its two members"
        .to_owned())
}
