/// The region in `samconfig.toml`.
pub const REGION: &str = "ap-northeast-2";
