//! Typed configuration, validated and explained.
