//! How the lines to the hub are doing, for whoever looks.

use std::sync::{Mutex, PoisonError};

use crate::domain::clock::Timestamp;
use crate::sync::forward::UpstreamError;

/// How one line is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineHealth {
    /// Why the last attempt failed, as a stable word; empty after a success.
    pub last_error: String,
    /// Failed attempts since the last success.
    pub failed_attempts: u32,
    /// When the hub last answered, by this machine's clock.
    pub last_answer_at: Option<Timestamp>,
}

/// A [`LineHealth`] that one part writes and others read.
#[derive(Debug, Default)]
pub struct Line(Mutex<LineHealth>);

impl Line {
    /// How it is doing now.
    pub fn health(&self) -> LineHealth {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The hub has answered.
    pub fn answered(&self, now: Timestamp) {
        let mut health = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *health = LineHealth {
            last_answer_at: Some(now),
            ..LineHealth::default()
        };
    }

    /// An attempt failed.
    pub fn failed(&self, word: String, attempts: u32) {
        let mut health = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        health.last_error = word;
        health.failed_attempts = attempts;
    }
}

/// How long a hub asks to be left alone.
pub fn asked_wait(error: &UpstreamError) -> std::time::Duration {
    match error {
        UpstreamError::Refused { retry_after, .. } => retry_after.unwrap_or_default(),
        UpstreamError::Unreachable(_) | UpstreamError::Nonsense(_) | UpstreamError::TimedOut => {
            std::time::Duration::ZERO
        }
    }
}
