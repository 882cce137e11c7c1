//! Files that operators upload straight to S3, one for each upload.

use super::file::AudienceFormat;

/// The beginning of the keys of these files. The functions' policies in template.yaml name it too.
pub const UPLOADED_FILES: &str = "alimi-uploads/";

/// The beginning of the versions, which tells them apart from uploads that the database keeps.
const VERSION_START: &str = "file-";

/// One uploaded file. Its name is new for each upload, so that a run reads its file to the end although
/// another file replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileUpload {
    pub audience: String,
    /// The upload's name beside the audience's other uploads.
    pub version: String,
}

impl FileUpload {
    /// A new upload. `random` tells it apart from the audience's other uploads.
    #[must_use]
    pub fn new(audience: &str, format: AudienceFormat, random: u64) -> Self {
        let version = format!("{VERSION_START}{random:016x}.{}", format.as_str());
        Self { audience: audience.to_owned(), version }
    }

    /// The upload of this version; `None` when the database keeps the version's members.
    #[must_use]
    pub fn of_version(audience: &str, version: &str) -> Option<Self> {
        version
            .starts_with(VERSION_START)
            .then(|| Self { audience: audience.to_owned(), version: version.to_owned() })
    }

    /// The upload whose file has this key; `None` for a file that came to S3 in another way.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        let (audience, version) = key.strip_prefix(UPLOADED_FILES)?.split_once('/')?;
        Self::of_version(audience, version)
    }

    /// The file's key.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{UPLOADED_FILES}{}/{}", self.audience, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_file_names_its_audience_and_its_upload() {
        let upload = FileUpload::new("teachers", AudienceFormat::Csv, 255);
        assert_eq!(upload.key(), "alimi-uploads/teachers/file-00000000000000ff.csv");
        assert_eq!(FileUpload::of_key(&upload.key()).as_ref(), Some(&upload));
        assert_eq!(FileUpload::of_version("teachers", &upload.version), Some(upload));
    }

    #[test]
    fn other_files_and_uploads_in_the_database_are_no_uploaded_files() {
        for key in ["teachers.csv", "alimi-uploads/teachers", "alimi-uploads/teachers/all.csv"] {
            assert_eq!(FileUpload::of_key(key), None, "{key}");
        }
        for version in ["csv-0f1e2d3c4b5a6978", "upload-file-1"] {
            assert_eq!(FileUpload::of_version("teachers", version), None, "{version}");
        }
    }
}
