//! Places for connections: in total, of an address, and of whom the certificate names.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::security::identity::Identity;

/// Connections in total.
pub const CONNECTIONS_MAX: usize = 4_096;
/// Connections of one address: a province's communes may share one behind a router.
pub const CONNECTIONS_OF_ADDRESS_MAX: usize = 1_024;
/// Connections of one participant: a hub's lanes, feed and comparisons, several replicas of it, and
/// connections that are gone but not known to be.
pub const CONNECTIONS_OF_IDENTITY_MAX: usize = 64;

/// Who takes a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holder {
    Address(IpAddr),
    Identity(Identity),
}

/// Counts connections.
#[derive(Clone, Default)]
pub(super) struct Places(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    total: usize,
    of_holder: HashMap<Holder, usize>,
}

impl Places {
    /// A place for a socket, before anything is known but where it comes from.
    pub(super) fn of_address(&self, address: IpAddr) -> Option<Place> {
        let holder = Holder::Address(address);
        self.take(holder, CONNECTIONS_OF_ADDRESS_MAX, CONNECTIONS_MAX)
    }

    /// A place for a participant, beside the one of its address.
    pub(super) fn of_identity(&self, identity: Identity) -> Option<Place> {
        let holder = Holder::Identity(identity);
        self.take(holder, CONNECTIONS_OF_IDENTITY_MAX, usize::MAX)
    }

    fn take(&self, holder: Holder, of_holder_max: usize, total_max: usize) -> Option<Place> {
        // A panic while counting leaves the counts as they are, which is right.
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_holder = taken.of_holder.get(&holder).copied().unwrap_or_default();
        if taken.total >= total_max || of_holder >= of_holder_max {
            return None;
        }
        taken.of_holder.insert(holder.clone(), of_holder + 1);
        taken.total += usize::from(matches!(holder, Holder::Address(_)));
        Some(Place {
            places: self.clone(),
            holder,
        })
    }
}

/// One place, given back when it is dropped.
pub(super) struct Place {
    places: Places,
    holder: Holder,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total -= usize::from(matches!(self.holder, Holder::Address(_)));
        if let Some(of_holder) = taken.of_holder.get_mut(&self.holder) {
            *of_holder -= 1;
            if *of_holder == 0 {
                taken.of_holder.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_end_for_each_address_and_each_participant_and_come_back() {
        let places = Places::default();
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let identity: Identity = "childsync://node/a".parse().expect("an identity");

        let mut of_here: Vec<_> = (0..CONNECTIONS_OF_ADDRESS_MAX)
            .map_while(|_| places.of_address(here))
            .collect();
        let of_node: Vec<_> = (0..CONNECTIONS_OF_IDENTITY_MAX)
            .map_while(|_| places.of_identity(identity.clone()))
            .collect();

        assert_eq!(of_here.len(), CONNECTIONS_OF_ADDRESS_MAX);
        assert_eq!(of_node.len(), CONNECTIONS_OF_IDENTITY_MAX);
        assert!(places.of_address(here).is_none());
        assert!(places.of_address(there).is_some());
        assert!(places.of_identity(identity.clone()).is_none());
        of_here.pop();
        drop(of_node);
        assert!(places.of_address(here).is_some());
        assert!(places.of_identity(identity).is_some());
    }
}
