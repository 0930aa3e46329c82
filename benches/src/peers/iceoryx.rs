//! `iceoryx2`: its request-response between processes, 64 bytes loaned and sent, both sides polling.
//!
//! Its files live in a directory of their own, named to the server, and its shared memory has that
//! directory's name as a prefix. One segment of it is meant to outlive every process; it is removed
//! with the client, so that nothing is left behind.

use std::ffi::OsStr;
use std::path::Path;
use std::{fs, hint};

use anyhow::{Context, Result};
use iceoryx2::port::client::Client;
use iceoryx2::port::server::Server as IceoryxServer;
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::request_response::PortFactory;
use tempfile::TempDir;

use super::Kind;
use crate::remote::{Message, Remote, Responder, Transport};
use crate::server::Server;

/// Where the system's library keeps named shared memory.
const SHARED_MEMORY: &str = "/dev/shm";

const NOT_UTF_8: &str = "a temporary directory whose name is not UTF-8";

type Service = PortFactory<ipc::Service, Message, (), Message, ()>;

/// The client's side.
#[derive(Debug)]
pub struct Iceoryx {
    client: Client<ipc::Service, Message, (), Message, ()>,
    _service: Service,
    _files: Files,
}

/// The directory, removed when dropped together with all shared memory that is named after it.
#[derive(Debug)]
struct Files(TempDir);

impl Drop for Files {
    fn drop(&mut self) {
        let Ok((prefix, segments)) =
            prefix(self.0.path()).and_then(|prefix| Ok((prefix, fs::read_dir(SHARED_MEMORY)?)))
        else {
            return;
        };
        for segment in segments.flatten() {
            if segment.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()) {
                // Gone already if another process of this run was faster.
                let _ = fs::remove_file(segment.path());
            }
        }
    }
}

/// The server's side.
#[derive(Debug)]
pub(super) struct IceoryxResponder {
    server: IceoryxServer<ipc::Service, Message, (), Message, ()>,
    _service: Service,
}

impl Iceoryx {
    /// The client, its server on processor `cpu`.
    ///
    /// # Errors
    /// When the service cannot be created or the server cannot be started.
    pub fn open(cpu: usize) -> Result<Remote<Self>> {
        let files = Files(TempDir::with_prefix("bench-iceoryx2-")?);
        let service = service(files.0.path())?;
        let path = files.0.path().to_str().context(NOT_UTF_8)?;
        let server = Server::spawn(Kind::Iceoryx2, path, cpu, &[])?;
        let client = service.client_builder().create()?;
        let iceoryx = Self { client, _service: service, _files: files };
        Ok(Remote::new(iceoryx, server))
    }
}

impl Transport for Iceoryx {
    fn round_trip(&mut self, number: u64) -> Result<u64> {
        let request = self.client.loan_uninit()?.write_payload([number; 8]);
        let pending = request.send()?;
        loop {
            if let Some(response) = pending.receive()? {
                let [answered, ..] = *response;
                return Ok(answered);
            }
            hint::spin_loop();
        }
    }
}

impl Responder for IceoryxResponder {
    fn answer(&mut self) -> Result<u64> {
        loop {
            if let Some(request) = self.server.receive()? {
                let [number, ..] = *request;
                request.loan_uninit()?.write_payload([number; 8]).send()?;
                return Ok(number);
            }
            hint::spin_loop();
        }
    }
}

/// The server's side, for the client whose files are in `directory`.
pub(super) fn server(directory: &str) -> Result<IceoryxResponder> {
    let service = service(Path::new(directory))?;
    let server = service.server_builder().create()?;
    Ok(IceoryxResponder { server, _service: service })
}

fn service(directory: &Path) -> Result<Service> {
    set_log_level(LogLevel::Error);
    let mut config = Config::default();
    config.global.set_root_path(&directory.to_str().context(NOT_UTF_8)?.try_into()?);
    config.global.prefix = prefix(directory)?.try_into()?;
    let node = NodeBuilder::new().config(&config).create::<ipc::Service>()?;
    let builder = node.service_builder(&"bench".try_into()?);
    Ok(builder.request_response::<Message, Message>().open_or_create()?)
}

/// What the names of all shared memory begin with, if the files are in `directory`.
fn prefix(directory: &Path) -> Result<&str> {
    directory.file_name().and_then(OsStr::to_str).context(NOT_UTF_8)
}
