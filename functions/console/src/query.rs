//! Parameters of requests' query strings.

use std::str::FromStr;

use alimi::delivery::FieldError;
use alimi::domain::channel::is_name;
use alimi::http::Problem;
use axum::extract::{Query, Request};

/// The parameters of one request, each of them known to its route.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads them; `known` are those that the route takes.
    pub(crate) fn of(request: &Request, known: &[&str]) -> Result<Self, Problem> {
        let Query(parameters) = Query::<Vec<(String, String)>>::try_from_uri(request.uri())
            .map_err(|_| Problem::malformed(FieldError::new("query", "must be name=value&…")))?;
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in &parameters {
            if !known.contains(&name.as_str()) {
                let must = match known {
                    [] => "is not known: there are no parameters here".to_owned(),
                    known => format!("is not known: must be one of {}", known.join(", ")),
                };
                return Err(Problem::malformed(FieldError::new(name, must)));
            }
            if seen.contains(&name.as_str()) {
                return Err(Problem::malformed(FieldError::new(name, "must be there only once")));
            }
            seen.push(name);
        }
        Ok(Self(parameters))
    }

    /// A parameter's text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of another type.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str, must: &str) -> Result<Option<T>, Problem> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| Problem::malformed(FieldError::new(name, must))))
            .transpose()
    }

    /// How many items are wanted.
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        const MUST: &str = "must be 1 to 500";
        let limit = self.parsed("limit", MUST)?.unwrap_or(100);
        if (1..=500).contains(&limit) {
            Ok(limit)
        } else {
            Err(Problem::malformed(FieldError::new("limit", MUST)))
        }
    }

    /// The name after which a page starts.
    pub(crate) fn after(&self) -> Result<Option<&str>, Problem> {
        match self.text("after") {
            Some(after) if !is_name(after) => {
                let must = "must be the name that the page before ended with";
                Err(Problem::malformed(FieldError::new("after", must)))
            }
            after => Ok(after),
        }
    }
}
