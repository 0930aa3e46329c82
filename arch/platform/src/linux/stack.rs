//! Where a service is that gives no sign of life: a signal makes it say so itself.
//!
//! The handler only walks the stack, copies, and sends one message on the control channel, which is
//! allowed at any point of a program. A service that is stopped, or that waits in the kernel for
//! something that no signal interrupts, does not answer.
#![expect(unsafe_code, reason = "signal handlers, and what may be called in one")]

use super::process::CONTROL_FD;
use control::message::{Header, Message, ServiceMessage, Stack};
use std::io;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

/// The signal: one that a program without a handler for it does not notice.
pub(crate) const SIGNAL: libc::c_int = libc::SIGURG;

/// The message without its frames, which are its last bytes, and where the program is loaded.
static PREPARED: OnceLock<(Vec<u8>, u64)> = OnceLock::new();

/// Bytes of the frames.
const FRAMES_BYTES: usize = Stack::MOST * 8;
/// More than the message has.
const MESSAGE_BYTES: usize = FRAMES_BYTES + 128;
/// Size of what precedes the program headers.
const ELF_HEADER_BYTES: u64 = 64;

/// From now on the process tells init where it is when it is asked by the signal.
///
/// # Errors
/// The system's.
pub fn answer_where() -> io::Result<()> {
    let frames = vec![0; Stack::MOST].try_into().unwrap_or_default();
    let message = ServiceMessage::Stack(Stack { frames }).encode(Header::new(0));
    PREPARED.get_or_init(|| (message, base()));
    // SAFETY: all zeros are a valid action: the default one, with an empty mask.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = tell as *const () as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the handler does only what a handler may; the action is initialized.
    let outcome = unsafe { libc::sigaction(SIGNAL, &raw const action, std::ptr::null_mut()) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Where the program is loaded.
fn base() -> u64 {
    // SAFETY: reads what the kernel has told the process.
    let headers = unsafe { libc::getauxval(libc::AT_PHDR) };
    headers.saturating_sub(ELF_HEADER_BYTES)
}

extern "C" fn tell(_: libc::c_int) {
    let Some((prepared, base)) = PREPARED.get() else { return };
    let mut message = [0; MESSAGE_BYTES];
    let Some(message) = message.get_mut(..prepared.len()) else { return };
    message.copy_from_slice(prepared);
    let frames = message.len().saturating_sub(FRAMES_BYTES);
    let mut places = message.get_mut(frames..).unwrap_or_default().chunks_exact_mut(8);
    let note = |frame: &backtrace::Frame| {
        let Some(place) = places.next() else { return false };
        place.copy_from_slice(&(frame.ip() as u64).saturating_sub(*base).to_le_bytes());
        true
    };
    // SAFETY: it may run only in one thread at a time: the signal is blocked in its handler, and
    // the kernel gives one that is for a process to one thread.
    unsafe { backtrace::trace_unsynchronized(note) };
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: reads as many bytes as the message has. If the number is not the channel, it fails.
    unsafe { libc::send(CONTROL_FD, message.as_ptr().cast(), message.len(), flags) };
}

/// The frames of this program by their functions, one a line, with their offsets.
pub(crate) fn describe(frames: &[u64]) -> String {
    let base = base();
    let mut text = String::new();
    for offset in frames.iter().filter(|offset| **offset != 0) {
        // Several, where functions were inlined: the innermost first.
        let mut names = Vec::new();
        // A return address is one behind the call.
        let address = base.wrapping_add(*offset).wrapping_sub(1);
        backtrace::resolve(address as *mut std::ffi::c_void, |symbol| {
            names.extend(symbol.name().map(|name| name.to_string()));
        });
        let names = if names.is_empty() { "?".to_owned() } else { names.join(" in ") };
        text += &format!("{offset:#x} {names}\n");
    }
    text
}
