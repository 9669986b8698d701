//! How launches end.
