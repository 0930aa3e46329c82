//! `libveridian.so` and `libveridian.a`: the functions of [`capi`], and nothing else.

pub use capi::*;
