//! How far the review of closed window classes has come, between the rounds of a slice.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::domain::WindowClass;
use crate::ports::ReviewPosition;

/// So many messages in a row are checked in one slice without one that moves. Each costs a read.
const WALK_MAX: usize = 10_000;

/// A part of a class that has not been walked through.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub(super) class: WindowClass,
    pub(super) partition: String,
    pub(super) from: Option<String>,
    pub(super) until: Option<String>,
}

/// How far the review has come in this slice.
pub(super) struct Review {
    pub(super) next_look_at: Instant,
    /// The number of the class with which the look goes on.
    pub(super) next_class: usize,
    pub(super) has_looked_at_all: bool,
    pub(super) next_walk_at: Instant,
    /// What is left of the walk.
    pub(super) walk: VecDeque<Stretch>,
    /// Whether the walk has been planned. Before that, it has only classes in which messages move.
    pub(super) is_planned: bool,
    /// Whether messages of the last page moved.
    pub(super) is_moving: bool,
    /// Messages in a row that stayed where they are.
    pub(super) unmoved: usize,
    /// The place that was stored when the walk was planned.
    pub(super) stored: Option<ReviewPosition>,
}

impl Review {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next_look_at: now,
            next_class: 0,
            has_looked_at_all: false,
            next_walk_at: now,
            walk: VecDeque::new(),
            is_planned: false,
            is_moving: false,
            unmoved: 0,
            stored: None,
        }
    }

    /// Reviews everything from the start: the hours of the channel have changed.
    pub(super) fn restart(&mut self) {
        *self = Self::new(Instant::now());
    }

    /// When the review goes on.
    pub(super) fn next_at(&self) -> Instant {
        if self.may_walk() { self.next_look_at.min(self.next_walk_at) } else { self.next_look_at }
    }

    /// Whether the review has done what one slice does.
    pub(super) fn has_ended(&self) -> bool {
        self.has_looked_at_all && !self.may_walk()
    }

    pub(super) fn may_walk(&self) -> bool {
        !self.walk.is_empty() && self.unmoved < WALK_MAX
    }

    /// Walks through a class at once: messages at its beginning move.
    pub(super) fn walk_at_once(&mut self, class: WindowClass, partition: String) {
        self.walk.push_front(Stretch { class, partition, from: None, until: None });
        self.next_walk_at = Instant::now();
        self.is_moving = true;
    }

    /// Plans to walk through these classes, from the stored place to the end and then from the
    /// beginning to that place.
    pub(super) fn plan(&mut self, classes: Vec<(WindowClass, String)>) {
        let whole = |(class, partition)| Stretch { class, partition, from: None, until: None };
        let mut walk: VecDeque<Stretch> = classes.into_iter().map(whole).collect();
        let place = self.stored.as_ref().and_then(|stored| {
            let place = walk.iter().position(|stretch| stretch.class == stored.class)?;
            Some((place, stored.from.clone()))
        });
        if let Some((place, from)) = place {
            walk.rotate_left(place);
            if from.is_some()
                && let Some(first) = walk.pop_front()
            {
                walk.push_back(Stretch { until: from.clone(), ..first.clone() });
                walk.push_front(Stretch { from, ..first });
            }
        }
        self.walk.extend(walk);
        self.is_planned = true;
    }

    /// Where the next slice goes on; `None` when everything was walked through.
    pub(super) fn position(&self) -> Option<ReviewPosition> {
        let next = self.walk.front()?;
        Some(ReviewPosition { class: next.class.clone(), from: next.from.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> WindowClass {
        text.parse().expect("a window class")
    }

    fn long(texts: &[&str]) -> Vec<(WindowClass, String)> {
        texts.iter().map(|text| (class(text), (*text).to_owned())).collect()
    }

    const EARLY: &str = "0800-0900@Asia/Seoul";
    const LATE: &str = "1800-1900@Asia/Seoul";

    #[test]
    fn a_walk_begins_at_the_stored_place_and_ends_there() {
        let mut review = Review::new(Instant::now());
        review.stored = Some(ReviewPosition { class: class(LATE), from: Some("m~".to_owned()) });
        review.plan(long(&[EARLY, LATE]));
        let stretches: Vec<_> = review
            .walk
            .iter()
            .map(|s| (s.partition.as_str(), s.from.as_deref(), s.until.as_deref()))
            .collect();
        let expected = [(LATE, Some("m~"), None), (EARLY, None, None), (LATE, None, Some("m~"))];
        assert_eq!(stretches, expected);
        assert_eq!(review.position(), review.stored);
    }

    #[test]
    fn a_walk_begins_at_the_first_class_when_the_stored_one_has_opened() {
        let mut review = Review::new(Instant::now());
        review.stored = Some(ReviewPosition { class: class(LATE), from: None });
        review.plan(long(&[EARLY]));
        assert_eq!(review.position(), Some(ReviewPosition { class: class(EARLY), from: None }));
        assert!(!review.has_ended(), "nothing was looked at");
    }

    #[test]
    fn a_class_in_which_messages_move_comes_first() {
        let mut review = Review::new(Instant::now());
        review.plan(long(&[EARLY]));
        review.walk_at_once(class(LATE), LATE.to_owned());
        assert_eq!(review.walk[0].class, class(LATE));
        assert!(review.next_at() <= Instant::now());
    }
}
