//! The functions of the template.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray)]
pub enum Function {
    Enqueue,
    Sender,
    Webhook,
    Console,
    Trigger,
    Planner,
    Sweeper,
    Observer,
}

impl Function {
    /// The function's logical id in the template.
    #[must_use]
    pub const fn logical_id(self) -> &'static str {
        match self {
            Self::Enqueue => "EnqueueFunction",
            Self::Sender => "SenderFunction",
            Self::Webhook => "WebhookFunction",
            Self::Console => "ConsoleFunction",
            Self::Trigger => "TriggerFunction",
            Self::Planner => "PlannerFunction",
            Self::Sweeper => "SweeperFunction",
            Self::Observer => "ObserverFunction",
        }
    }
}
