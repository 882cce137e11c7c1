//! Functions crash, freeze and overlap. Still nothing is sent twice, and no notification is lost.

mod sender;
mod sequences;
mod successors;
mod webhook_and_enqueue;
mod work;
