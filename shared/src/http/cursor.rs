//! Cursors: where the next page of a list begins, as a text that only its own list takes.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::problem::Problem;
use crate::domain::FieldError;
use crate::domain::id::digest_of;

/// The length of the digest at the front of a cursor, in bytes.
const DIGEST_BYTES: usize = 30;

/// One list as one caller asks for it: its route, its caller, and every parameter that decides what is
/// in it.
///
/// A cursor holds a place in the list's index, after a digest of the list and the place. A cursor of
/// another list or of another caller is refused, so a mistake is noticed. The digest is no secret, and
/// keeps nobody out: whatever a cursor says, the list has the caller's own notifications only.
#[derive(Clone, Copy, Debug)]
pub struct CursorScope<'a>(pub &'a [&'a str]);

impl CursorScope<'_> {
    /// The cursor of a place.
    #[must_use]
    pub fn seal(&self, place: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}{place}", self.digest(place)))
    }

    /// The place of a cursor, which is in the query parameter `cursor`.
    ///
    /// # Errors
    /// The cursor was changed, or belongs to another list or to another caller.
    pub fn open(&self, cursor: &str) -> Result<String, Problem> {
        self.place(cursor).ok_or_else(|| {
            let detail = "does not belong to this list as you ask for it; must be the value of \
                          `next` in the previous answer to you, with all other parameters as they \
                          were there but limit. Leave cursor out to begin with the first page";
            Problem::invalid(FieldError::new("cursor", detail))
        })
    }

    fn place(&self, cursor: &str) -> Option<String> {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (digest, place) = text.split_at_checked(DIGEST_BYTES)?;
        (digest == self.digest(place)).then(|| place.to_owned())
    }

    fn digest(&self, place: &str) -> String {
        let parts: Vec<&str> = self.0.iter().copied().chain([place]).collect();
        digest_of(&parts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCOPE: CursorScope<'_> = CursorScope(&["notifications", "shop", "tag", "spring"]);

    #[test]
    fn a_cursor_leads_back_to_its_place_in_its_own_list_only() {
        let cursor = SCOPE.seal("1772413200000#29698ed96c0fc24da63deffce69aa3");
        let place = SCOPE.open(&cursor).ok();
        assert_eq!(place.as_deref(), Some("1772413200000#29698ed96c0fc24da63deffce69aa3"));
        for other in [
            ["notifications", "bank", "tag", "spring"],
            ["notifications", "shop", "event", "spring"],
            ["notifications", "shop", "tag", "autumn"],
            ["notifications", "shopt", "ag", "spring"],
        ] {
            assert!(CursorScope(&other).open(&cursor).is_err(), "{other:?}");
        }
    }

    #[test]
    fn a_changed_cursor_is_refused() {
        let cursor = SCOPE.seal("1772413200000#a");
        let moved = BASE64_URL_SAFE_NO_PAD.decode(&cursor).expect("base64");
        let moved = String::from_utf8(moved).expect("a text").replace("1772", "1773");
        let moved = BASE64_URL_SAFE_NO_PAD.encode(moved);
        let cut = &cursor[..20];
        for changed in ["", "%", "한글", cut, moved.as_str(), &format!("{cursor}=")] {
            let problem = SCOPE.open(changed).expect_err(changed);
            assert_eq!(problem.status(), 422, "{changed}");
        }
    }

    proptest! {
        #[test]
        fn every_place_comes_back_and_no_text_panics(place in ".*", text in ".*") {
            prop_assert_eq!(SCOPE.open(&SCOPE.seal(&place)).ok(), Some(place));
            let _opened = SCOPE.open(&text);
        }
    }
}
