//! The domains of AWS's regions.

/// The domain of the endpoints of a region's services.
pub(super) fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else if region.starts_with("eusc-") {
        "amazonaws.eu"
    } else {
        "amazonaws.com"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn china_and_the_european_sovereign_cloud_have_domains_of_their_own() {
        assert_eq!(domain("ap-northeast-2"), "amazonaws.com");
        assert_eq!(domain("us-gov-west-1"), "amazonaws.com");
        assert_eq!(domain("cn-north-1"), "amazonaws.com.cn");
        assert_eq!(domain("eusc-de-east-1"), "amazonaws.eu");
    }
}
