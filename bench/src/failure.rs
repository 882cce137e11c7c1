/// Any error ends the measurement with its text.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
