//! The list of system calls as a program for the kernel.

use super::calls::{When, groups};
use super::profile::Profile;
use super::refusals;
use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};
use std::collections::BTreeMap;

/// How the C library starts threads, if it can. What it asks for is in memory, where no filter sees
/// it; told that the kernel has no such call, it takes `clone`.
const UNSEEN: c_long = libc::SYS_clone3;

/// Why the list is not in force.
#[derive(Debug)]
pub(super) enum FilterError {
    /// It cannot be said to the kernel.
    Build,
    /// The kernel does not take it.
    Refused,
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// From now on this thread, and all that it starts, makes no other calls than those that the
/// profile needs, less `without`.
pub(super) fn install(profile: &Profile, without: &[c_long]) -> Result<(), FilterError> {
    let programs = programs(profile, without).map_err(|_| FilterError::Build)?;
    refusals::listen().map_err(|_| FilterError::Refused)?;
    for program in &programs {
        seccompiler::apply_filter(program).map_err(|_| FilterError::Refused)?;
    }
    Ok(())
}

/// The kernel does what the strictest of them says.
fn programs(profile: &Profile, without: &[c_long]) -> Result<[BpfProgram; 2], BackendError> {
    let mut rules = Rules::new();
    rules.insert(UNSEEN, Vec::new());
    for (call, when) in groups(profile).flat_map(|group| group.calls) {
        if !without.contains(call) {
            rules.insert(*call, alternatives(*when)?);
        }
    }
    let absent = Rules::from([(UNSEEN, Vec::new())]);
    let no_such_call = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    // The last takes effect before the others are there.
    Ok([
        program(absent, SeccompAction::Allow, no_such_call)?,
        program(rules, SeccompAction::Trap, SeccompAction::Allow)?,
    ])
}

fn program(
    rules: Rules,
    others: SeccompAction,
    these: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    let machine: TargetArch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, others, these, machine)?.try_into()
}

/// A call passes if one of them holds; if there are none, always.
fn alternatives(when: When) -> Result<Vec<SeccompRule>, BackendError> {
    use SeccompCmpOp::Eq;
    match when {
        When::Always => Ok(Vec::new()),
        When::OneOf(argument, values) => {
            values.iter().map(|value| rule(argument, Eq, *value)).collect()
        }
        When::Masked(argument, bits, values) => {
            values.iter().map(|value| rule(argument, masked(bits), *value)).collect()
        }
        When::Without(argument, bits) => Ok(vec![rule(argument, masked(bits), 0)?]),
        When::With(argument, bits) => Ok(vec![rule(argument, masked(bits), bits)?]),
        When::FromDescriptor(argument) => Ok(vec![SeccompRule::new(vec![opened(argument)?])?]),
        When::FromDescriptors(one, other) => {
            Ok(vec![SeccompRule::new(vec![opened(one)?, opened(other)?])?])
        }
        When::Itself(argument) => {
            let own = rustix::process::getpid().as_raw_nonzero().get();
            Ok(vec![rule(argument, Eq, i64::from(own))?])
        }
        When::ZeroAndNull(number, pointer) => {
            let null = SeccompCondition::new(pointer, SeccompCmpArgLen::Qword, Eq, 0)?;
            Ok(vec![SeccompRule::new(vec![condition(number, Eq, 0)?, null])?])
        }
    }
}

fn masked(bits: i64) -> SeccompCmpOp {
    SeccompCmpOp::MaskedEq(word(bits))
}

/// Numbers in arguments are 32 bits wide, whatever the caller leaves in the others.
const fn word(value: i64) -> u64 {
    value.cast_unsigned() & 0xffff_ffff
}

/// A descriptor that is open, and not the working directory.
fn opened(argument: u8) -> Result<SeccompCondition, BackendError> {
    condition(argument, SeccompCmpOp::Ne, i64::from(libc::AT_FDCWD))
}

fn rule(argument: u8, operation: SeccompCmpOp, value: i64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![condition(argument, operation, value)?])
}

fn condition(
    argument: u8,
    operation: SeccompCmpOp,
    value: i64,
) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operation, word(value))
}
