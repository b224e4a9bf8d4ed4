//! What a child record is: types that cannot hold nonsense, without I/O, clock or chance.
//!
//! A source hands over a [`draft`], text and numbers as it has them; [`validation`] finds everything
//! that is wrong or odd in it and makes a [`record`] of it. Rules and code lists come from the
//! reference data, compiled in.

pub mod circumstance;
pub mod clock;
pub mod code_list;
pub mod comparison;
pub mod correction;
pub mod date;
pub mod draft;
pub mod golden;
pub mod job;
pub mod legacy_text;
pub mod node;
pub mod pair;
pub mod personal_number;
pub mod policy;
pub mod record;
pub mod relations;
pub mod schedule;
pub mod standing;
pub mod territory;
pub mod text;
pub mod tier_word;
pub mod unit;
pub mod unit_act;
pub mod units_in_use;
pub mod upload;
pub mod validation;
