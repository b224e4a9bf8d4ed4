//! The connections that are open, so that those of whom is no longer trusted can be cut.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls_pki_types::{CertificateDer, UnixTime};
use tokio_util::sync::CancellationToken;

use crate::security::authorities::Authorities;

/// Every open connection of a listener.
#[derive(Clone, Default)]
pub(super) struct OpenConnections(Arc<Mutex<Numbered>>);

#[derive(Default)]
struct Numbered {
    newest: u64,
    open: HashMap<u64, Open>,
}

struct Open {
    chain: Arc<[CertificateDer<'static>]>,
    cut: CancellationToken,
}

impl OpenConnections {
    /// Notes a connection until the registration is dropped.
    pub(super) fn add(&self, chain: Arc<[CertificateDer<'static>]>) -> Registration {
        let cut = CancellationToken::new();
        let mut numbered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        numbered.newest += 1;
        let number = numbered.newest;
        let open = Open {
            chain,
            cut: cut.clone(),
        };
        numbered.open.insert(number, open);
        Registration {
            connections: self.clone(),
            number,
            cut,
        }
    }

    /// Cuts the connections whose certificates would not be let in now; gives their number.
    pub(super) fn cut_untrusted(&self, authorities: &Authorities, now: UnixTime) -> usize {
        let open: Vec<_> = {
            let numbered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let all = numbered.open.values();
            all.map(|open| (Arc::clone(&open.chain), open.cut.clone()))
                .collect()
        };
        // Looking at a certificate takes a tenth of a millisecond: nobody waits for the lock meanwhile.
        let untrusted = open
            .into_iter()
            .filter(|(chain, cut)| {
                !cut.is_cancelled() && authorities.verify_client(chain, now).is_err()
            })
            .map(|(_, cut)| cut.cancel());
        untrusted.count()
    }
}

/// One open connection's entry.
pub(super) struct Registration {
    connections: OpenConnections,
    number: u64,
    /// Cancelled when the connection is to be cut.
    pub(super) cut: CancellationToken,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut numbered = self
            .connections
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        numbered.open.remove(&self.number);
    }
}
