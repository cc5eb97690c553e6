//! The machine against the reference, two or three instances and a tiny network at a time.
