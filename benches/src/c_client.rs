//! A session through the C interface, as a program in C has it: its functions are called by
//! addresses that the compiler does not see through, so nothing of them is inlined here.

#![expect(unsafe_code, reason = "calling the functions of the C interface")]

use std::ffi::CStr;
use std::hint::black_box;
use std::ptr;

use anyhow::{Result, bail};
use capi::{HandleWord, Options, Session};

use crate::contender::Mode;

type Nop = unsafe extern "C" fn(*mut Session) -> i32;
type SubmitClose = unsafe extern "C" fn(*mut Session, HandleWord) -> i32;
type Open = unsafe extern "C" fn(
    *mut Session,
    HandleWord,
    *const std::ffi::c_char,
    u32,
    u32,
    *mut HandleWord,
) -> i32;

/// A session of the C interface.
#[derive(Debug)]
pub struct CSession {
    session: *mut Session,
    root: HandleWord,
    nop: Nop,
    open: Open,
    submit_close: SubmitClose,
}

impl CSession {
    /// Connects to a system. Polling is the default policy, as for our own client.
    ///
    /// # Errors
    /// What the library answers.
    pub fn connect(address: &CStr, mode: Mode) -> Result<Self> {
        let options = Options {
            size: u32::try_from(size_of::<Options>())?,
            waiting: match mode {
                Mode::Polling => capi::VERIDIAN_WAIT_ADAPTIVE,
                Mode::Sleeping => capi::VERIDIAN_WAIT_SLEEPING,
            },
            ..Options::default()
        };
        let mut session = ptr::null_mut();
        // SAFETY: the address ends in a 0, the options are as long as they say, and the session
        // has a place to go to.
        let connected = unsafe {
            capi::veridian_connect(address.as_ptr(), &raw const options, &raw mut session)
        };
        done("connect", connected)?;
        let mut opened = Self {
            session,
            root: 0,
            nop: black_box(capi::veridian_nop),
            open: black_box(capi::veridian_open),
            submit_close: black_box(capi::veridian_submit_close),
        };
        // SAFETY: the session is one, and nobody else uses it; the root has a place to go to.
        done("root", unsafe { capi::veridian_root(session, &raw mut opened.root) })?;
        Ok(opened)
    }

    /// One round trip.
    ///
    /// # Errors
    /// What the library answers.
    pub fn nop(&mut self) -> Result<()> {
        // SAFETY: the session is one until `self` is dropped, and `self` is its only user.
        done("nop", unsafe { (self.nop)(self.session) })
    }

    /// Opens a file for reading and lets go of it.
    ///
    /// # Errors
    /// What the library answers.
    pub fn open_and_close(&mut self, path: &CStr) -> Result<()> {
        let mut handle = 0;
        // SAFETY: as in `nop`; the path ends in a 0, and the handle has a place to go to.
        let opened =
            unsafe { (self.open)(self.session, self.root, path.as_ptr(), 0, 0, &raw mut handle) };
        done("open", opened)?;
        // SAFETY: as in `nop`.
        done("close", unsafe { (self.submit_close)(self.session, handle) })
    }
}

impl Drop for CSession {
    fn drop(&mut self) {
        // SAFETY: it was made by connecting, and is not used again. A system that is gone already
        // has ended it.
        let _ = unsafe { capi::veridian_disconnect(self.session) };
    }
}

fn done(what: &str, answer: i32) -> Result<()> {
    if answer < 0 {
        bail!("the C interface: {what} is {answer}");
    }
    Ok(())
}
