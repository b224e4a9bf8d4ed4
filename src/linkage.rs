//! Who is the same child: pure decisions, without I/O, clock or chance.
//!
//! Two source records belong to one golden record when they share a valid personal identity number
//! and agree on sex and birth year ([`identity`]). [`clusters`] keeps which golden record each
//! identity stands for, and [`survivorship`] chooses the fields of a golden record from its source
//! records. Probabilistic linkage will replace `identity` and `clusters`; their callers only see
//! [`clusters::Assignment`].

pub mod clusters;
pub mod identity;
pub mod survivorship;
