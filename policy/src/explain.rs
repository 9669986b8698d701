//! What a policy says about one subject, and the lines that decide it.
