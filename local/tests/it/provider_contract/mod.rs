//! What Alimi relies on in every provider's adapter: one suite of checks, which the adapter and its
//! client pass against the provider's simulator.
//!
//! A provider implements [`ContractFixture`](fixture::ContractFixture) in a file of its own, and
//! calls `provider_contract!`. The macro makes one test of each check, so a failure names the
//! behaviour.
//!
//! - `fixture.rs`: what the suite has to know of a provider.
//! - `connected.rs`: a provider that is connected with its simulator; `network.rs` and `stubs.rs`
//!   are the ports between them.
//! - the other files: the checks.

mod answers;
mod connected;
mod declarations;
mod fixture;
mod harmless;
mod limits;
mod network;
mod no_answers;
mod over_tcp;
mod receipts;
mod secrecy;
mod stubs;
mod tokens;

macro_rules! provider_contract {
    (paused $fixture:expr => $($area:ident::$check:ident,)+) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $check() {
                $crate::provider_contract::$area::$check(&$fixture).await;
            }
        )+
    };
    (real_time $fixture:expr => $($area:ident::$check:ident,)+) => {
        $(
            #[tokio::test]
            async fn $check() {
                $crate::provider_contract::$area::$check(&$fixture).await;
            }
        )+
    };
    (sync $fixture:expr => $($area:ident::$check:ident,)+) => {
        $(
            #[test]
            fn $check() {
                $crate::provider_contract::$area::$check(&$fixture);
            }
        )+
    };
    ($fixture:expr) => {
        provider_contract! { paused $fixture =>
            answers::an_accepted_message_appears_once_on_the_phone,
            answers::the_longest_texts_arrive_whole,
            answers::a_message_that_is_refused_for_good_is_rejected,
            answers::a_refusal_with_a_time_slows_the_channel_down_for_that_time,
            answers::a_refusal_without_a_time_slows_the_channel_down_briefly,
            answers::requests_above_the_limit_are_throttled,
            answers::an_account_that_is_down_opens_the_circuit,
            answers::wrong_credentials_open_the_circuit,
            answers::an_address_that_is_gone_is_recognised_where_the_provider_tells_it,
            no_answers::a_connection_that_cannot_be_opened_is_unreachable,
            no_answers::without_a_free_socket_a_message_is_unsent_and_the_channel_waits_briefly,
            no_answers::a_slow_answer_counts,
            no_answers::a_time_out_is_uncertain,
            no_answers::a_connection_that_is_reset_is_uncertain,
            no_answers::a_server_error_is_uncertain,
            no_answers::an_answer_that_cannot_be_read_is_uncertain,
            receipts::a_receipt_before_the_answer_names_its_attempt,
            receipts::a_late_receipt_names_its_attempt,
            receipts::a_doubled_receipt_is_read_twice_alike,
            receipts::a_fallback_is_told_apart_from_the_first_choice,
            receipts::an_undelivered_message_is_recognised,
            receipts::receipts_out_of_order_keep_their_meaning,
            receipts::an_uncertain_receipt_is_inconclusive,
            receipts::a_message_may_have_no_receipt,
            tokens::a_token_is_renewed_before_it_expires,
            tokens::a_token_that_was_revoked_is_replaced,
            tokens::without_a_token_a_message_is_unsent,
            tokens::a_new_token_that_is_refused_too_opens_the_circuit,
            tokens::a_token_of_a_probe_that_is_refused_opens_the_circuit,
            tokens::senders_share_a_token,
            harmless::a_probe_sends_nothing,
            harmless::a_probe_finds_what_keeps_messages_from_leaving,
            harmless::asking_sends_nothing_to_the_recipient,
            harmless::asking_in_vain_says_so,
            secrecy::no_log_error_or_debug_output_contains_a_secret,
        }
        provider_contract! { sync $fixture =>
            declarations::the_fixture_agrees_with_the_adapter,
            limits::the_longest_text_passes_and_a_longer_one_is_refused_by_its_field,
            limits::contents_that_the_channel_does_not_send_are_refused,
            limits::numbers_abroad_are_refused_where_the_provider_does_not_send_there,
            receipts::each_verdict_is_read_from_its_receipt,
            receipts::a_receipt_of_another_system_names_no_attempt,
            receipts::a_malformed_receipt_is_refused_by_its_field_and_not_quoted,
            receipts::every_receipt_of_a_batch_is_read,
            receipts::a_receipt_without_its_signature_is_refused,
        }
        provider_contract! { real_time $fixture =>
            over_tcp::over_tcp_answers_resets_and_closed_ports_are_told_apart,
        }
    };
}

mod bizppurio;
