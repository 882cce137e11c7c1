//! Parameters in query strings.

use std::str::FromStr;

use axum::extract::Request;
use percent_encoding::percent_decode_str;

use super::json_error::TWICE;
use super::problem::Problem;
use crate::domain::FieldError;
use crate::domain::name::is_name;
use crate::domain::shown::shown;

/// The parameters of one request. Each is one that the route takes, and is there once.
#[derive(Debug)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads the parameters. `known` are the parameters that the route takes.
    ///
    /// # Errors
    /// The problem names the first parameter that is unknown or repeated, or the field `query`.
    pub fn of(request: &Request, known: &[&str]) -> Result<Self, Problem> {
        Self::read(request.uri().query().unwrap_or_default(), known).map_err(Problem::malformed)
    }

    fn read(query: &str, known: &[&str]) -> Result<Self, FieldError> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            if !known.contains(&name.as_str()) {
                let must = match known {
                    [] => "is unknown; this route takes no parameters".to_owned(),
                    known => format!("is unknown; must be one of {}", known.join(", ")),
                };
                return Err(FieldError::new(shown(&name), must));
            }
            if parameters.iter().any(|(earlier, _)| *earlier == name) {
                return Err(FieldError::new(name, TWICE));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// # Errors
    /// The problem names the parameter, and says what it must be.
    pub fn parsed<T: FromStr>(&self, name: &str, must: &str) -> Result<Option<T>, Problem> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| Problem::malformed(FieldError::new(name, must))))
            .transpose()
    }

    /// The only one of these parameters that the request has, with its value.
    ///
    /// # Errors
    /// There is none of them, or more than one.
    pub fn exactly_one(&self, names: &[&'static str]) -> Result<(&'static str, &str), Problem> {
        let mut given = names.iter().filter_map(|name| self.text(name).map(|value| (*name, value)));
        let list = names.join(", ");
        let Some(first) = given.next() else {
            let detail = format!("has none of the parameters {list}; must have exactly one");
            return Err(Problem::malformed(FieldError::new("query", detail)));
        };
        match given.next() {
            None => Ok(first),
            Some((second, _)) => {
                let detail =
                    format!("is given beside {}; must have exactly one of {list}", first.0);
                Err(Problem::malformed(FieldError::new(second, detail)))
            }
        }
    }

    /// A value by its name.
    ///
    /// # Errors
    /// The problem names the parameter, and has the names of all values.
    pub fn one_of<T: Copy>(
        &self,
        name: &str,
        values: &[T],
        as_str: fn(T) -> &'static str,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let found = values.iter().copied().find(|value| as_str(*value) == text);
        found.map(Some).ok_or_else(|| {
            let names: Vec<&str> = values.iter().map(|value| as_str(*value)).collect();
            let detail = format!("is {:?}; must be one of {}", shown(text), names.join(", "));
            Problem::malformed(FieldError::new(name, detail))
        })
    }

    /// The most items of a page.
    ///
    /// # Errors
    /// The problem names the parameter `limit`.
    pub fn limit(&self) -> Result<usize, Problem> {
        const MUST: &str = "must be 1 to 500";
        let limit = self.parsed("limit", MUST)?.unwrap_or(100);
        if (1..=500).contains(&limit) {
            Ok(limit)
        } else {
            Err(Problem::malformed(FieldError::new("limit", MUST)))
        }
    }

    /// The page starts after this name.
    ///
    /// # Errors
    /// The problem names the parameter `after`.
    pub fn after(&self) -> Result<Option<&str>, Problem> {
        match self.text("after") {
            Some(after) if !is_name(after) => {
                let must = "must be the value of `next` in the previous page";
                Err(Problem::malformed(FieldError::new("after", must)))
            }
            after => Ok(after),
        }
    }
}

/// A name or a value as its sender meant it. `+` is a space.
fn decoded(text: &str) -> Result<String, FieldError> {
    let has_bad_escape = text.split('%').skip(1).any(|after| {
        let digits = after.as_bytes().get(..2);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if has_bad_escape {
        let must = "has a % without two hexadecimal digits; must have %25 for the character %";
        return Err(FieldError::new("query", must));
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    let must = "has a name or a value that is not UTF-8; must be UTF-8";
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| FieldError::new("query", must))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Vec<(String, String)>, String> {
        let read = Parameters::read(query, &["after", "limit"]);
        read.map(|parameters| parameters.0).map_err(|error| error.to_string())
    }

    #[test]
    fn parameters_are_decoded() {
        let parameters = read("after=a%2Bb+%EA%B0%80&limit=").expect("parameters");
        let expected = [("after", "a+b 가"), ("limit", "")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parameters, expected);
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("&limit=1&"), Ok(vec![("limit".to_owned(), "1".to_owned())]));
    }

    #[test]
    fn one_of_several_parameters_is_asked_for_and_no_second_one() {
        let of = |query| {
            let parameters = Parameters(read(query).expect("parameters"));
            let found = parameters.exactly_one(&["after", "limit"]);
            found
                .map(|(name, value)| format!("{name} {value}"))
                .map_err(|problem| problem.field().map(str::to_owned))
        };
        assert_eq!(of("limit=7"), Ok("limit 7".to_owned()));
        assert_eq!(of(""), Err(Some("query".to_owned())));
        assert_eq!(of("limit=7&after=a"), Err(Some("limit".to_owned())));
    }

    #[test]
    fn a_value_is_found_by_its_name() {
        let of = |query| {
            let parameters = Parameters(read(query).expect("parameters"));
            let found = parameters.one_of("after", &[1, 2], |n| if n == 1 { "one" } else { "two" });
            found.map_err(|problem| problem.into_errors().remove(0).to_string())
        };
        assert_eq!(of("after=two"), Ok(Some(2)));
        assert_eq!(of("limit=two"), Ok(None));
        let error = "after: is \"three\"; must be one of one, two".to_owned();
        assert_eq!(of("after=three"), Err(error));
    }

    #[test]
    fn an_unknown_and_a_repeated_parameter_are_refused_by_their_names() {
        for (query, expected) in [
            ("limt=1", "limt: is unknown; must be one of after, limit"),
            ("limit", "limit"),
            ("Limit=1", "Limit: is unknown"),
            ("limit=1&limit=1", "limit: is given twice; must be given once"),
            ("limit=1&%6Cimit=2", "limit: is given twice"),
            ("limit=%FF", "query: has a name or a value that is not UTF-8"),
            ("limit=%4", "query: has a % without two hexadecimal digits"),
            ("limit=100%", "query: has a % without two hexadecimal digits"),
            ("limit=%zz", "query: has a % without two hexadecimal digits"),
        ] {
            match read(query) {
                Ok(parameters) => assert_eq!(parameters[0].0, expected, "{query}"),
                Err(error) => assert!(error.starts_with(expected), "{query}: {error}"),
            }
        }
        let none = Parameters::read("a=1", &[]).expect_err("refused").to_string();
        assert_eq!(none, "a: is unknown; this route takes no parameters");
    }
}
