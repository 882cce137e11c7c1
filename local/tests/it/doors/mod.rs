//! Who may pass the doors of the API, and how often: API keys, quotas and rates, and every route with
//! each kind of credential.

mod fixture;
mod guesses;
mod keys;
mod quotas;
mod rates;
mod routes;
