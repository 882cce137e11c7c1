//! A server that answers as a test wants, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) struct ScriptedApi {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    answers: VecDeque<Answer>,
    asked: Vec<Asked>,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// The method and the path.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl ScriptedApi {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let router = Router::new().fallback(move |request: Request| answer(shared, request));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// The next answer.
    pub(crate) fn then(&self, status: u16, body: &Value) {
        self.then_with(status, vec![], body.to_string());
    }

    pub(crate) fn then_with(
        &self,
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    ) {
        let mut state = self.state.lock().expect("the state");
        state.answers.push_back(Answer { status, headers, body });
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().expect("the state").asked.clone()
    }
}

async fn answer(state: Arc<Mutex<State>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let mut state = state.lock().expect("the state");
    state.asked.push(Asked {
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    });
    let unexpected = Answer {
        status: 418,
        headers: vec![],
        body: json!({ "title": "the test expects no such request" }).to_string(),
    };
    let Answer { status, headers, body } = state.answers.pop_front().unwrap_or(unexpected);
    let status = StatusCode::from_u16(status).expect("a status");
    let mut response = (status, body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().expect("a header"));
    }
    response
}
