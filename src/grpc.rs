//! The only room that names tonic and prost.
