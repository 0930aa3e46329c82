//! Passwords: what is kept of them, and how one is checked.
//!
//! argon2id takes tens of milliseconds and megabytes, so it is computed on threads that the service is
//! given. Whether there is such a principal makes no difference to the time that an answer takes.

use alloc::boxed::Box;
use alloc::vec::Vec;
use argon2::{Algorithm, Argon2, Params, Version};
use control::message::Secret;
use control::service::LocalFuture;
use dataplane::entry::Errno;
use subtle::ConstantTimeEq;

use crate::bytes::Reader;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// What computing a hash takes: RFC 9106 calls it memory, passes and lanes; there is one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for HashCost {
    /// What OWASP's cheat sheet on storing passwords recommends at least.
    fn default() -> Self {
        Self { memory_kib: 19 << 10, passes: 2 }
    }
}

/// A hash to be computed. Takes long; may be sent to another thread.
pub struct HashJob {
    password: Secret,
    salt: [u8; SALT_BYTES],
    cost: HashCost,
}

impl HashJob {
    /// Computes it.
    ///
    /// # Errors
    /// ENOMEM; EINVAL for a cost that argon2 does not know.
    pub fn run(self) -> Result<[u8; HASH_BYTES], Errno> {
        let HashCost { memory_kib, passes } = self.cost;
        let params = Params::new(memory_kib, passes, 1, Some(HASH_BYTES));
        let params = params.map_err(|_| Errno::EINVAL)?;
        // What argon2 itself allocates aborts when there is no memory.
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(params.block_count()).map_err(|_| Errno::ENOMEM)?;
        blocks.resize(params.block_count(), argon2::Block::default());
        let mut hash = [0; HASH_BYTES];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2
            .hash_password_into_with_memory(
                self.password.bytes(),
                &self.salt,
                &mut hash,
                blocks.as_mut_slice(),
            )
            .map_err(|_| Errno::EINVAL)?;
        Ok(hash)
    }
}

/// Threads that compute hashes.
pub trait Hashing {
    /// Has [`HashJob::run`] run elsewhere.
    fn hash(&self, job: HashJob) -> LocalFuture<'static, Result<[u8; HASH_BYTES], Errno>>;
}

/// Runs each at once, on the thread of who asks: for tests.
impl Hashing for () {
    fn hash(&self, job: HashJob) -> LocalFuture<'static, Result<[u8; HASH_BYTES], Errno>> {
        Box::pin(async { job.run() })
    }
}

/// What is kept of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Password {
    cost: HashCost,
    salt: [u8; SALT_BYTES],
    hash: [u8; HASH_BYTES],
}

impl Password {
    /// What is to be kept of a new one.
    pub(crate) async fn new(
        hashing: &dyn Hashing,
        cost: HashCost,
        salt: [u8; SALT_BYTES],
        password: Secret,
    ) -> Result<Self, Errno> {
        let hash = hashing.hash(HashJob { password, salt, cost }).await?;
        Ok(Self { cost, salt, hash })
    }

    /// Of nobody: checking it takes as long as any, and fails.
    pub(crate) fn of_nobody(cost: HashCost) -> Self {
        Self { cost, salt: [0; SALT_BYTES], hash: [0; HASH_BYTES] }
    }

    /// Whether it is this one.
    pub(crate) async fn is(&self, hashing: &dyn Hashing, password: Secret) -> Result<bool, Errno> {
        let job = HashJob { password, salt: self.salt, cost: self.cost };
        let hash = hashing.hash(job).await?;
        Ok(hash.ct_eq(&self.hash).into())
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.cost.memory_kib.to_le_bytes());
        out.extend(self.cost.passes.to_le_bytes());
        out.extend(self.salt);
        out.extend(self.hash);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let cost = HashCost { memory_kib: reader.u32()?, passes: reader.u32()? };
        Some(Self { cost, salt: reader.array()?, hash: reader.array()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the cost and the salt as they are said, in memory of our own.
    #[test]
    fn it_is_argon2id_with_this_cost() {
        let password = Secret::new(b"password".to_vec()).unwrap();
        let mut salt = [0; SALT_BYTES];
        salt.copy_from_slice(b"somesaltsomesalt");
        let hash = |cost| HashJob { password: password.clone(), salt, cost }.run();
        let reference = |cost: HashCost| {
            let params = Params::new(cost.memory_kib, cost.passes, 1, Some(32)).unwrap();
            let mut out = [0; 32];
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into(b"password", &salt, &mut out)
                .unwrap();
            out
        };
        let cost = HashCost { memory_kib: 64, passes: 1 };
        assert_eq!(hash(cost), Ok(reference(cost)));
        assert_ne!(hash(HashCost { passes: 2, ..cost }), hash(cost));
        assert_eq!(hash(HashCost { memory_kib: 0, passes: 1 }), Err(Errno::EINVAL));
    }
}
