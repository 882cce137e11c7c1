//! A domain name of the user's own, which outlives the stack.

use super::reading::{either, named, named_attribute, resources, substituted, template};

#[test]
fn the_domain_name_leads_to_the_api_and_stays_when_the_stack_goes() {
    let template = template();
    let one = |kind: &str, name: &str, condition: &str| {
        let resource = resources(template, kind)[name].clone();
        assert_eq!(resource["Condition"].as_str(), Some(condition), "{name}");
        // Another stack may use it by then.
        assert_eq!(resource["DeletionPolicy"].as_str(), Some("RetainExceptOnCreate"), "{name}");
        assert_eq!(resource["UpdateReplacePolicy"].as_str(), Some("Retain"), "{name}");
        resource["Properties"].clone()
    };
    let domain = one("AWS::ApiGatewayV2::DomainName", "ApiDomain", "HasDomain");
    assert_eq!(named(&domain["DomainName"]), Some("DomainName"));
    let configuration = &domain["DomainNameConfigurations"][0];
    let certificate = substituted(&configuration["CertificateArn"]).expect("a certificate");
    assert!(certificate.ends_with(":certificate/${CertificateId}"), "{certificate}");
    assert_eq!(configuration["SecurityPolicy"].as_str(), Some("TLS_1_2"));

    let mapping = one("AWS::ApiGatewayV2::ApiMapping", "ApiDomainMapping", "HasDomain");
    assert_eq!(named(&mapping["ApiId"]), Some("Api"));
    assert_eq!(named(&mapping["DomainName"]), Some("ApiDomain"));
    // With a key of its own, the webhook would have another path than at the API's address.
    assert!(mapping["ApiMappingKey"].is_null());

    let record = one("AWS::Route53::RecordSet", "ApiDomainRecord", "HasDomainRecord");
    assert_eq!(named(&record["HostedZoneId"]), Some("HostedZoneId"));
    let target = &record["AliasTarget"];
    assert_eq!(named_attribute(&target["DNSName"]), Some("ApiDomain.RegionalDomainName"));
    assert_eq!(named_attribute(&target["HostedZoneId"]), Some("ApiDomain.RegionalHostedZoneId"));
}

#[test]
fn the_webhooks_address_has_the_domain_name_if_there_is_one() {
    let pattern = &template()["Outputs"]["WebhookUrlPattern"]["Value"];
    let (own, apis) = either(pattern, "HasDomain");
    assert_eq!(substituted(own), Some("https://${DomainName}/webhooks/{channel}/{secret}"));
    assert_eq!(substituted(apis), Some("${Api.ApiEndpoint}/webhooks/{channel}/{secret}"));
}
