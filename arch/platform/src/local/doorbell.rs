//! Doorbells between threads. Once rung, a doorbell stays ready, as nobody reads it.

use super::source::{Kind, Source};
use dataplane::Descriptor;
use dataplane::platform::{Doorbell, Doorbells, MemoryError};
use std::sync::Arc;

/// Makes doorbells.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LocalDoorbells;

impl Doorbells for LocalDoorbells {
    fn create(&self) -> Result<Descriptor, MemoryError> {
        Ok(Source::new(Kind::Doorbell))
    }

    fn open(&self, descriptor: &Descriptor) -> Result<Arc<dyn Doorbell>, MemoryError> {
        let source = Source::of(descriptor)?;
        if source.kind() != Kind::Doorbell {
            return Err(MemoryError::WrongDescriptor);
        }
        Ok(Arc::new(LocalDoorbell(source)))
    }
}

/// The side that rings.
struct LocalDoorbell(Arc<Source>);

impl Doorbell for LocalDoorbell {
    fn ring(&self) {
        self.0.raise();
    }
}
