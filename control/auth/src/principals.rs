//! Principals: who can log in, and what he may do at most.

use alloc::vec::Vec;
use capability::Rights;
use control::message::PrincipalKind;

use crate::bytes::Reader;
use crate::passwords::Password;

/// A person, a service or an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) kind: PrincipalKind,
    /// The most that it may do with any service.
    pub(crate) rights: Rights,
    /// The user and group that its requests act as; none: as whoever shows its token.
    pub(crate) acts_as: Option<(u32, u32)>,
    /// None: nobody logs in by one.
    pub(crate) password: Option<Password>,
}

impl Principal {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(match self.kind {
            PrincipalKind::User => 0,
            PrincipalKind::Service => 1,
            PrincipalKind::Application => 2,
        });
        out.extend(self.rights.bits().to_le_bytes());
        out.push(u8::from(self.acts_as.is_some()));
        let (uid, gid) = self.acts_as.unwrap_or_default();
        out.extend(uid.to_le_bytes());
        out.extend(gid.to_le_bytes());
        out.push(u8::from(self.password.is_some()));
        if let Some(password) = &self.password {
            password.write(out);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let kind = match reader.byte()? {
            0 => PrincipalKind::User,
            1 => PrincipalKind::Service,
            2 => PrincipalKind::Application,
            _ => return None,
        };
        let rights = Rights::from_bits(reader.u64()?)?;
        let acts = reader.byte()? != 0;
        let who = (reader.u32()?, reader.u32()?);
        let password = match reader.byte()? {
            0 => None,
            _ => Some(Password::read(reader)?),
        };
        Some(Self { kind, rights, acts_as: acts.then_some(who), password })
    }
}
