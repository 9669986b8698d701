//! Roots and targets that mean harm.
