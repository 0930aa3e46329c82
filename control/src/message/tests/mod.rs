//! Messages survive the way to bytes and back, and nothing else is taken for one.
//!
//! `values` makes any message; `codec` holds what is true of all of them; `layout` pins bytes that
//! peers built from another source must agree on.

mod codec;
mod layout;
mod values;
