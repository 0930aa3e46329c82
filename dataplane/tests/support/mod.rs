//! What the data plane's tests share: memory, a machine and a service that punish misuse, and the
//! shared memory of a session.
//!
//! Only `dataplane`, `rings` and `std` are used, so that fuzz targets can include these files.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod machine;
pub(crate) mod memory;
pub(crate) mod service;
pub(crate) mod session;
