//! What services have done for their sessions: asked of the service, told with whose sessions they
//! are.

use crate::commands::Refused;
use crate::init::Init;
use crate::needs::Used;
use crate::services::Awaited;
use alloc::vec::Vec;
use control::message::{
    BrokerReply, ClientIdentity, ClientStatistics, Page, ServiceCommand, SessionNamed,
    SessionStatistics,
};
use dataplane::SessionId;

impl Init {
    pub(crate) fn statistics(
        &mut self,
        id: u64,
        request: u64,
        used: Used,
        from: SessionNamed,
    ) -> Result<(), Refused> {
        let service = self.running(used.service()?)?;
        let awaited = Awaited::Statistics { client: id, request };
        service.ask(&ServiceCommand::Statistics(from), Vec::new(), awaited);
        Ok(())
    }

    /// A service has answered; a client's question waits for it.
    pub(crate) fn statistics_known(
        &mut self,
        place: usize,
        (client, request): (u64, u64),
        page: Page<SessionStatistics>,
    ) {
        let next = page.next();
        let known = page.into_vec().into_iter().filter_map(|statistics| {
            let client = self.whose(place, statistics.work.session)?;
            Some(ClientStatistics { client, statistics })
        });
        let page = Page::new(known).followed_by(next);
        self.reply(client, request, &BrokerReply::Statistics(page));
    }

    /// Whose session of a service it is; none if it is not a session of this service.
    fn whose(&self, place: usize, session: SessionId) -> Option<ClientIdentity> {
        if session == SessionId::default() {
            return Some(ClientIdentity::default());
        }
        let record = self.sessions.get(&session).filter(|record| record.service() == place)?;
        let peer = &self.clients.get(&record.client)?.peer;
        Some(ClientIdentity { pid: peer.pid, uid: peer.uid })
    }
}
