//! `kernel-tmpfs` and `kernel-ext4`: opening and closing files of the kernel's file systems.

use std::ffi::CString;
use std::os::fd::OwnedFd;

use anyhow::Result;
use rustix::fs::{Mode, OFlags, open, openat};

use crate::block::Block;
use crate::contender::Contender;
use crate::env::Env;
use crate::fixtures::{Volume, tree_paths};

/// A contender whose step is one open and one close of a random file of the tree.
#[derive(Debug)]
pub struct OpenClose {
    root: OwnedFd,
    paths: Vec<CString>,
    random: fastrand::Rng,
}

impl OpenClose {
    /// Opens the tree on this volume, once, so that all of it is cached.
    ///
    /// # Errors
    /// When the machine has no such volume or it cannot be written.
    pub fn open(env: &Env, volume: Volume) -> Result<Self> {
        let root = open(
            env.fixtures.tree(volume)?,
            OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY,
            Mode::empty(),
        )?;
        let paths = tree_paths().map(CString::new).collect::<Result<Vec<_>, _>>()?;
        for path in &paths {
            openat(&root, path, OFlags::CLOEXEC | OFlags::RDONLY, Mode::empty())?;
        }
        Ok(Self { root, paths, random: fastrand::Rng::with_seed(env.seed) })
    }
}

impl Contender for OpenClose {
    fn run(&mut self, block: &mut Block) -> Result<()> {
        block.time(|| {
            let path = self.random.choice(&self.paths).map(CString::as_c_str).unwrap_or_default();
            let file = openat(&self.root, path, OFlags::CLOEXEC | OFlags::RDONLY, Mode::empty())?;
            drop(file);
            Ok(())
        })
    }
}
