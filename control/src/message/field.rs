//! How bodies are built: fields of fixed size, records of fields, sequences of bodies.
//!
//! A [`Field`] has a fixed layout, a [`Body`] a largest size. [`record!`] makes a public struct
//! and the layout that it travels in, with an assertion for each offset; [`sequence!`] makes one
//! whose parts follow one another because some have no fixed size.

use alloc::vec::Vec;

use capability::{Handle, Rights};
use dataplane::entry::Errno;
use dataplane::{SessionId, WaitMode, entry};
use zerocopy::little_endian::{I32, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::error::Fault;

/// The largest error number, as on Linux.
const MAX_ERRNO: i32 = 4095;

/// The part of a body that is still to be read.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes a value off the front.
    pub(crate) fn take<W: FromBytes>(&mut self) -> Result<W, Fault> {
        let (value, rest) = W::read_from_prefix(self.0).map_err(|_| Fault::Length)?;
        self.0 = rest;
        Ok(value)
    }

    /// Takes `count` bytes off the front.
    pub(crate) fn take_bytes(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(Fault::Length)?;
        self.0 = rest;
        Ok(bytes)
    }
}

/// A value with one layout.
pub(crate) trait Field: Sized {
    type Layout: FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned;

    fn to_layout(&self) -> Self::Layout;

    fn from_layout(layout: Self::Layout) -> Result<Self, Fault>;
}

/// A value that is written after another one.
pub(crate) trait Body: Sized {
    const MAX_BYTES: usize;

    fn write(&self, out: &mut Vec<u8>);

    fn read(input: &mut Input<'_>) -> Result<Self, Fault>;
}

impl<T: Field> Body for T {
    const MAX_BYTES: usize = size_of::<T::Layout>();

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.to_layout().as_bytes());
    }

    fn read(input: &mut Input<'_>) -> Result<Self, Fault> {
        T::from_layout(input.take()?)
    }
}

/// Makes numbers fields, in little-endian byte order.
macro_rules! numbers {
    ($($number:ty as $layout:ty,)*) => {
        $(impl Field for $number {
            type Layout = $layout;

            fn to_layout(&self) -> $layout {
                (*self).into()
            }

            fn from_layout(layout: $layout) -> Result<Self, Fault> {
                Ok(layout.get())
            }
        })*
    };
}

numbers! {
    i32 as I32,
    u16 as U16,
    u32 as U32,
    u64 as U64,
}

impl Field for u8 {
    type Layout = Self;

    fn to_layout(&self) -> Self {
        *self
    }

    fn from_layout(layout: Self) -> Result<Self, Fault> {
        Ok(layout)
    }
}

impl Field for SessionId {
    type Layout = U64;

    fn to_layout(&self) -> U64 {
        self.0.into()
    }

    fn from_layout(layout: U64) -> Result<Self, Fault> {
        Ok(Self(layout.get()))
    }
}

impl Field for Handle {
    type Layout = U64;

    fn to_layout(&self) -> U64 {
        self.to_word().into()
    }

    fn from_layout(layout: U64) -> Result<Self, Fault> {
        let word = layout.get();
        Self::from_word(word).ok_or(Fault::Handle { word })
    }
}

impl Field for Rights {
    type Layout = U64;

    fn to_layout(&self) -> U64 {
        self.bits().into()
    }

    fn from_layout(layout: U64) -> Result<Self, Fault> {
        let bits = layout.get();
        Self::from_bits(bits).ok_or(Fault::Rights { bits })
    }
}

/// An object's handle on the data plane, which only the session's service can judge.
impl Field for entry::Handle {
    type Layout = U64;

    fn to_layout(&self) -> U64 {
        self.to_word().into()
    }

    fn from_layout(layout: U64) -> Result<Self, Fault> {
        let word = layout.get();
        Self::from_word(word).ok_or(Fault::Handle { word })
    }
}

impl Field for WaitMode {
    type Layout = U16;

    fn to_layout(&self) -> U16 {
        let value: u16 = match self {
            Self::Adaptive => 0,
            Self::Polling => 1,
            Self::Sleeping => 2,
        };
        value.into()
    }

    fn from_layout(layout: U16) -> Result<Self, Fault> {
        match layout.get() {
            0 => Ok(Self::Adaptive),
            1 => Ok(Self::Polling),
            2 => Ok(Self::Sleeping),
            value => Err(Fault::Choice { value }),
        }
    }
}

/// A number out of range, which the type allows, is written as EIO.
impl Field for Errno {
    type Layout = I32;

    fn to_layout(&self) -> I32 {
        let in_range = (1..=MAX_ERRNO).contains(&self.0);
        if in_range { self.0.into() } else { Self::EIO.0.into() }
    }

    fn from_layout(layout: I32) -> Result<Self, Fault> {
        match layout.get() {
            value @ 1..=MAX_ERRNO => Ok(Self(value)),
            value => Err(Fault::Errno { value }),
        }
    }
}

/// 0 is none.
impl Field for Option<Errno> {
    type Layout = I32;

    fn to_layout(&self) -> I32 {
        self.map_or(0.into(), |errno| errno.to_layout())
    }

    fn from_layout(layout: I32) -> Result<Self, Fault> {
        if layout == 0 { Ok(None) } else { Errno::from_layout(layout).map(Some) }
    }
}

/// Makes a struct of fields, `offset => name: type`, and its layout.
macro_rules! record {
    (
        $(#[$attribute:meta])*
        $name:ident, $bytes:literal bytes {
            $($(#[$field_attribute:meta])* $offset:literal => $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_attribute])* pub $field: $type,)*
        }

        const _: () = {
            use $crate::message::{Fault, field::Field};

            #[derive(
                zerocopy::FromBytes,
                zerocopy::IntoBytes,
                zerocopy::Immutable,
                zerocopy::KnownLayout,
                zerocopy::Unaligned,
            )]
            #[repr(C)]
            pub(crate) struct Layout {
                $($field: <$type as Field>::Layout,)*
            }

            static_assertions::const_assert_eq!(size_of::<Layout>(), $bytes);
            $(static_assertions::const_assert_eq!(
                core::mem::offset_of!(Layout, $field),
                $offset
            );)*

            impl Field for $name {
                type Layout = Layout;

                fn to_layout(&self) -> Layout {
                    Layout { $($field: self.$field.to_layout(),)* }
                }

                fn from_layout(layout: Layout) -> Result<Self, Fault> {
                    Ok(Self { $($field: <$type as Field>::from_layout(layout.$field)?,)* })
                }
            }
        };
    };
}
pub(crate) use record;

/// Makes a struct of bodies that follow one another.
macro_rules! sequence {
    (
        $(#[$attribute:meta])*
        $name:ident {
            $($(#[$part_attribute:meta])* $part:ident: $type:ty,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$part_attribute])* pub $part: $type,)*
        }

        impl $crate::message::field::Body for $name {
            const MAX_BYTES: usize = 0 $(+ <$type as $crate::message::field::Body>::MAX_BYTES)*;

            fn write(&self, out: &mut alloc::vec::Vec<u8>) {
                $($crate::message::field::Body::write(&self.$part, out);)*
            }

            fn read(
                input: &mut $crate::message::field::Input<'_>,
            ) -> Result<Self, $crate::message::Fault> {
                Ok(Self { $($part: $crate::message::field::Body::read(input)?,)* })
            }
        }
    };
}
pub(crate) use sequence;
