//! The composition root: start, drain, stop.
