//! The commands, one file each; `files` and `attributes` are what those that touch files
//! share.

pub(crate) mod attach;
mod attributes;
pub(crate) mod auth;
mod background;
pub(crate) mod bench;
pub(crate) mod caps;
pub(crate) mod cat;
pub(crate) mod change;
pub(crate) mod config;
mod confinement;
pub(crate) mod cp;
pub(crate) mod down;
mod files;
pub(crate) mod find;
pub(crate) mod logs;
pub(crate) mod ls;
pub(crate) mod metrics;
pub(crate) mod mkdir;
pub(crate) mod mount;
pub(crate) mod mv;
mod progress;
pub(crate) mod rm;
pub(crate) mod run;
pub(crate) mod space;
pub(crate) mod stat;
pub(crate) mod status;
pub(crate) mod supervise;
pub(crate) mod top;
pub(crate) mod up;
mod walk;
pub(crate) mod watch;
