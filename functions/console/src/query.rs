//! Parameters in query strings.

use std::str::FromStr;

use alimi::domain::FieldError;
use alimi::domain::name::is_name;
use alimi::http::Problem;
use axum::extract::{Query, Request};

/// The parameters of one request. Each is one that the route takes.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads the parameters. `known` are the parameters that the route takes.
    pub(crate) fn of(request: &Request, known: &[&str]) -> Result<Self, Problem> {
        let Query(parameters) = Query::<Vec<(String, String)>>::try_from_uri(request.uri())
            .map_err(|_| {
                Problem::malformed(FieldError::new("query", "must be name=value pairs"))
            })?;
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in &parameters {
            if !known.contains(&name.as_str()) {
                let must = match known {
                    [] => "is unknown; this route takes no parameters".to_owned(),
                    known => format!("is unknown; must be one of {}", known.join(", ")),
                };
                return Err(Problem::malformed(FieldError::new(name, must)));
            }
            if seen.contains(&name.as_str()) {
                return Err(Problem::malformed(FieldError::new(name, "must be sent only once")));
            }
            seen.push(name);
        }
        Ok(Self(parameters))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn parsed<T: FromStr>(&self, name: &str, must: &str) -> Result<Option<T>, Problem> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| Problem::malformed(FieldError::new(name, must))))
            .transpose()
    }

    /// The most items of a page.
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        const MUST: &str = "must be 1 to 500";
        let limit = self.parsed("limit", MUST)?.unwrap_or(100);
        if (1..=500).contains(&limit) {
            Ok(limit)
        } else {
            Err(Problem::malformed(FieldError::new("limit", MUST)))
        }
    }

    /// The page starts after this name.
    pub(crate) fn after(&self) -> Result<Option<&str>, Problem> {
        match self.text("after") {
            Some(after) if !is_name(after) => {
                let must = "must be the value of `next` in the previous page";
                Err(Problem::malformed(FieldError::new("after", must)))
            }
            after => Ok(after),
        }
    }
}
