//! Messages to bytes and back.
//!
//! Decoding checks the header first, then reads the body that the kind announces, and takes
//! exactly the bytes that encoding would have written. [`messages!`] makes the enum of a direction.

use alloc::vec::Vec;

use capability::Handle;
use zerocopy::{FromBytes, IntoBytes};

use super::error::{DecodeError, Fault};
use super::field::Input;
use super::header::{Header, MAGIC, MAX_MESSAGE_BYTES, RawHeader, VERSION};

/// The messages of one direction.
pub trait Message: Sized {
    /// How many descriptors accompany the message. Who receives it must compare with how many
    /// arrived.
    fn descriptors(&self) -> usize;

    /// The message's bytes.
    #[must_use]
    fn encode(&self, header: Header) -> Vec<u8>;

    /// Reads a message that occupies all of `bytes`.
    ///
    /// # Errors
    /// What is wrong first, for any bytes that [`encode`](Self::encode) does not write.
    fn decode(bytes: &[u8]) -> Result<(Header, Self), DecodeError>;
}

/// How a direction's messages are written; made by [`messages!`].
pub(crate) trait Bodies: Sized {
    /// The kind, and how many descriptors accompany it.
    fn kind(&self) -> (u16, u16);

    fn write(&self, out: &mut Vec<u8>);

    /// Reads the body of a message of this `kind`; `None` if the direction has no such kind.
    fn read(kind: u16, input: &mut Input<'_>) -> Result<Option<Self>, Fault>;
}

impl<M: Bodies> Message for M {
    fn descriptors(&self) -> usize {
        usize::from(self.kind().1)
    }

    fn encode(&self, header: Header) -> Vec<u8> {
        let mut body = Vec::new();
        self.write(&mut body);
        let (kind, descriptors) = self.kind();
        let raw = RawHeader {
            magic: MAGIC.into(),
            version: VERSION.into(),
            kind: kind.into(),
            // Bodies fit the message by construction (static assertions in `messages!`).
            body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX).into(),
            descriptors: descriptors.into(),
            reserved: 0.into(),
            request: header.request.into(),
            capability: header.capability.map_or(0, Handle::to_word).into(),
        };
        let mut bytes = raw.as_bytes().to_vec();
        bytes.append(&mut body);
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<(Header, Self), DecodeError> {
        let size = DecodeError::Size { bytes: bytes.len() };
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(size);
        }
        let (raw, body) = RawHeader::read_from_prefix(bytes).map_err(|_| size)?;
        if raw.magic != MAGIC {
            return Err(DecodeError::Magic { magic: raw.magic.get() });
        }
        if raw.version != VERSION {
            return Err(DecodeError::Version { version: raw.version.get() });
        }
        let (kind, request) = (raw.kind.get(), raw.request.get());
        let malformed = |fault| DecodeError::Malformed { kind, request, fault };
        let header = check(&raw, body).map_err(malformed)?;
        let mut input = Input::new(body);
        let message = M::read(kind, &mut input)
            .map_err(malformed)?
            .ok_or(DecodeError::Unknown { kind, request })?;
        if !input.is_empty() {
            return Err(malformed(Fault::Length));
        }
        let count = raw.descriptors.get();
        if count != message.kind().1 {
            return Err(malformed(Fault::Descriptors { count }));
        }
        Ok((header, message))
    }
}

/// Checks what holds for the header of every kind.
fn check(raw: &RawHeader, body: &[u8]) -> Result<Header, Fault> {
    if raw.reserved != 0 {
        return Err(Fault::Reserved);
    }
    if usize::try_from(raw.body_bytes.get()) != Ok(body.len()) {
        return Err(Fault::Length);
    }
    let capability = match raw.capability.get() {
        0 => None,
        word => Some(Handle::from_word(word).ok_or(Fault::Handle { word })?),
    };
    Ok(Header { request: raw.request.get(), capability })
}

/// Makes the enum of a direction from its kinds: `kind + descriptors => Variant(body: Type)`.
macro_rules! messages {
    (
        $(#[$attribute:meta])*
        $name:ident {
            $(
                $(#[$variant_attribute:meta])*
                $kind:literal + $descriptors:literal => $variant:ident $(($body:ident: $type:ty))?,
            )*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_attribute])* $variant $(($type))?,)*
        }

        impl $crate::message::codec::Bodies for $name {
            fn kind(&self) -> (u16, u16) {
                match self {
                    $(Self::$variant { .. } => ($kind, $descriptors),)*
                }
            }

            fn write(&self, out: &mut alloc::vec::Vec<u8>) {
                match self {
                    $(Self::$variant $(($body))? => {
                        $($crate::message::field::Body::write($body, out);)?
                    })*
                }
            }

            fn read(
                kind: u16,
                input: &mut $crate::message::field::Input<'_>,
            ) -> Result<Option<Self>, $crate::message::Fault> {
                Ok(Some(match kind {
                    $($kind => Self::$variant $((
                        <$type as $crate::message::field::Body>::read(input)?
                    ))?,)*
                    _ => return Ok(None),
                }))
            }
        }

        $(
            static_assertions::const_assert!(
                $crate::message::header::MAX_DESCRIPTORS + 1 > $descriptors
            );
            $(static_assertions::const_assert!(
                size_of::<$crate::message::header::RawHeader>()
                    + <$type as $crate::message::field::Body>::MAX_BYTES
                    <= $crate::message::header::MAX_MESSAGE_BYTES
            );)?
        )*
    };
}
pub(crate) use messages;
