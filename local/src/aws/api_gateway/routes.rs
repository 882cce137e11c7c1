//! The routes of the HTTP APIs in template.yaml.

use std::time::Duration;

use serde_yaml_ng::Value as Yaml;

use crate::aws::embedded::{self, EmbeddedError};

/// How a route knows its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// It takes every request.
    Open,
    /// IAM checks the request's signature.
    Signature,
    /// The authorizer checks the request's API key.
    Key,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The logical id of the API.
    pub api: String,
    /// The method, or `ANY`.
    pub method: String,
    /// With `{name}` for any segment, and `{name+}` for all that follow.
    pub path: String,
    /// The logical id of the function.
    pub function: String,
    pub authorization: Authorization,
}

impl Route {
    /// How well a request fits: the segments that are equal, in order. `None` if it does not fit.
    pub(super) fn fit(&self, method: &str, path: &str) -> Option<Vec<bool>> {
        if self.method != "ANY" && self.method != method {
            return None;
        }
        let mut fit = Vec::new();
        let mut given = path.split('/');
        for wanted in self.path.split('/') {
            let segment = given.next()?;
            if wanted.ends_with("+}") {
                return (!segment.is_empty()).then_some(fit);
            }
            let is_any = wanted.starts_with('{') && !segment.is_empty();
            if !is_any && wanted != segment {
                return None;
            }
            fit.push(!is_any);
        }
        given.next().is_none().then_some(fit)
    }
}

/// The routes of all APIs of the template.
///
/// # Errors
/// [`EmbeddedError::Template`] when a route is not as this module expects.
pub fn routes() -> Result<Vec<Route>, EmbeddedError> {
    let template = embedded::template()?;
    let mut routes = Vec::new();
    for (function, resource) in template["Resources"].as_mapping().into_iter().flatten() {
        let events = resource["Properties"]["Events"].as_mapping();
        for (name, event) in events.into_iter().flatten() {
            if event["Type"].as_str() != Some("HttpApi") {
                continue;
            }
            let route = read_route(template, &event["Properties"]).zip(function.as_str());
            let (route, function) = route.ok_or_else(|| {
                EmbeddedError::Template(format!("the route {name:?} is not understood"))
            })?;
            routes.push(Route { function: function.to_owned(), ..route });
        }
    }
    Ok(routes)
}

fn read_route(template: &Yaml, event: &Yaml) -> Option<Route> {
    let Yaml::Tagged(api) = &event["ApiId"] else { return None };
    let api = api.value.as_str()?;
    let auth = &template["Resources"][api]["Properties"]["Auth"];
    let own = event["Auth"]["Authorizer"].as_str();
    let authorization = match own.or_else(|| auth["DefaultAuthorizer"].as_str())? {
        "NONE" => Authorization::Open,
        "AWS_IAM" => Authorization::Signature,
        name if !auth["Authorizers"][name].is_null() => Authorization::Key,
        _ => return None,
    };
    let text = |name: &str| event[name].as_str().map(str::to_owned);
    Some(Route {
        api: api.to_owned(),
        method: text("Method")?,
        path: text("Path")?,
        function: String::new(),
        authorization,
    })
}

/// For how long the API for keys uses an answer of its authorizer.
///
/// # Errors
/// [`EmbeddedError::Template`] when the template does not say it.
pub fn authorizer_answers_hold() -> Result<Duration, EmbeddedError> {
    let authorizers =
        &embedded::template()?["Resources"]["KeyApi"]["Properties"]["Auth"]["Authorizers"];
    let seconds = authorizers["ApiKey"]["Identity"]["ReauthorizeEvery"].as_u64();
    seconds.map(Duration::from_secs).ok_or_else(|| {
        EmbeddedError::Template("KeyApi does not say how long an answer of ApiKey holds".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &str, path: &str) -> Route {
        Route {
            api: "Api".into(),
            method: method.into(),
            path: path.into(),
            function: "F".into(),
            authorization: Authorization::Open,
        }
    }

    #[test]
    fn a_route_fits_its_own_method_and_path_only() {
        let fits = |method: &str, path: &str, given: (&str, &str)| {
            route(method, path).fit(given.0, given.1).is_some()
        };
        assert!(fits("GET", "/v1/notifications/{id}", ("GET", "/v1/notifications/7")));
        assert!(!fits("GET", "/v1/notifications/{id}", ("POST", "/v1/notifications/7")));
        assert!(!fits("GET", "/v1/notifications/{id}", ("GET", "/v1/notifications")));
        assert!(!fits("GET", "/v1/notifications/{id}", ("GET", "/v1/notifications/7/cancel")));
        assert!(!fits("GET", "/v1/notifications/{id}", ("GET", "/v1/notifications/")));
        assert!(fits("ANY", "/v1/ops/{proxy+}", ("PUT", "/v1/ops/notifications/7")));
        assert!(!fits("ANY", "/v1/ops/{proxy+}", ("GET", "/v1/ops")));
    }

    #[test]
    fn every_route_of_the_template_is_read() {
        let template = include_str!("../../../../template.yaml");
        let routes = routes().expect("the routes");
        assert_eq!(routes.len(), template.matches("Type: HttpApi\n").count());
        assert!(routes.iter().any(|route| route.authorization == Authorization::Key));
    }
}
