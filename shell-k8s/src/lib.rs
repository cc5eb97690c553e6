//! The production shell: the loop around the decision, with the API server and Memgraph behind it. It
//! observes, asks `ha_core::plan`, carries out, and journals; it takes no decision of its own.
