//! Hints to the processor's caches.
#![expect(unsafe_code, reason = "the instruction takes an address; it does not access it")]

use dataplane::Region;

const CACHE_LINE: usize = 64;

/// Begins to bring a part of a region into the caches; what is not inside the region is left out.
pub(crate) fn prefetch(region: &Region, offset: usize, len: usize) {
    let start = offset / CACHE_LINE * CACHE_LINE;
    let end = offset.saturating_add(len).min(region.len());
    let Ok(first) = region.word(start) else { return };
    let first: *const i8 = first.address().as_ptr().cast_const().cast();
    for line in (0..end.saturating_sub(start)).step_by(CACHE_LINE) {
        prefetch_line(first.wrapping_add(line));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn prefetch_line(address: *const i8) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch never faults and changes nothing that a program can see.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) };
}

#[cfg(target_arch = "aarch64")]
#[inline]
fn prefetch_line(address: *const i8) {
    // SAFETY: a prefetch never faults and changes nothing that a program can see.
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, readonly));
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn prefetch_line(_: *const i8) {}
