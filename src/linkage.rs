//! Who is the same child: pure decisions, without I/O, clock or chance.

pub mod blocking;
pub mod compare;
pub mod decisions;
pub mod details;
pub mod evaluation;
pub mod features;
pub mod index;
pub mod levels;
pub mod model;
pub mod normalise;
mod places;
pub mod survivorship;
pub mod training;
mod words;
