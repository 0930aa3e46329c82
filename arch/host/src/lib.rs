//! What only Linux has, behind the seams of the data plane.

pub mod hostfs;
