//! Which golden record every source record belongs to.
//!
//! A cluster is all live source records of one identity; a record without an identity is a cluster of
//! its own. So the partition is a function of the records that are there, whatever order they came
//! in: only the name (the golden identity) of a cluster depends on the order.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::identity::Identity;
use crate::domain::golden::GoldenId;

/// All clusters of a hub, without the records in them.
#[derive(Debug, Default)]
pub struct Clusters {
    golden_by_identity: HashMap<Identity, GoldenId>,
    cluster_by_golden: HashMap<GoldenId, Cluster>,
}

#[derive(Clone, Copy, Debug)]
struct Cluster {
    identity: Option<Identity>,
    members: u32,
}

/// A source record's place before and after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The golden record it belonged to, if it was live before.
    pub from: Option<GoldenId>,
    /// The golden record it belongs to now, if it is live now.
    pub to: Option<GoldenId>,
}

impl Clusters {
    /// Takes in a live record as the store has it: used when the index is rebuilt.
    pub fn restore(&mut self, golden: GoldenId, identity: Option<Identity>) {
        match self.cluster_by_golden.entry(golden) {
            Entry::Occupied(mut cluster) => cluster.get_mut().members += 1,
            Entry::Vacant(place) => {
                place.insert(Cluster {
                    identity,
                    members: 1,
                });
                if let Some(identity) = identity {
                    self.golden_by_identity.insert(identity, golden);
                }
            }
        }
    }

    /// How many live records a golden record has.
    pub fn members(&self, golden: GoldenId) -> u32 {
        self.cluster_by_golden
            .get(&golden)
            .map_or(0, |cluster| cluster.members)
    }

    /// Places a record that is live with this identity; `from` is where it was while it was live.
    /// `fresh` names a new golden record if one is needed.
    pub fn place(
        &mut self,
        from: Option<GoldenId>,
        identity: Option<Identity>,
        fresh: impl FnOnce() -> GoldenId,
    ) -> Assignment {
        let home = identity.and_then(|identity| self.golden_by_identity.get(&identity).copied());
        let to = match (home, from) {
            (Some(home), _) => home,
            // Nobody else is in it: the record keeps its golden record under its new identity.
            (None, Some(from)) if self.members(from) == 1 => from,
            (None, _) => fresh(),
        };
        if from != Some(to) {
            self.leave(from);
            let cluster = self.cluster_by_golden.entry(to).or_insert(Cluster {
                identity: None,
                members: 0,
            });
            cluster.members += 1;
        }
        self.rename(to, identity);
        Assignment { from, to: Some(to) }
    }

    /// Takes a withdrawn record out of its golden record.
    pub fn withdraw(&mut self, from: Option<GoldenId>) -> Assignment {
        self.leave(from);
        Assignment { from, to: None }
    }

    fn leave(&mut self, golden: Option<GoldenId>) {
        let Some(golden) = golden else { return };
        let Entry::Occupied(mut place) = self.cluster_by_golden.entry(golden) else {
            return;
        };
        let cluster = place.get_mut();
        cluster.members -= 1;
        if cluster.members == 0 {
            let identity = place.remove().identity;
            self.forget(identity, golden);
        }
    }

    fn rename(&mut self, golden: GoldenId, identity: Option<Identity>) {
        let Some(cluster) = self.cluster_by_golden.get_mut(&golden) else {
            return;
        };
        let before = std::mem::replace(&mut cluster.identity, identity);
        if before != identity {
            self.forget(before, golden);
        }
        if let Some(identity) = identity {
            self.golden_by_identity.insert(identity, golden);
        }
    }

    fn forget(&mut self, identity: Option<Identity>, golden: GoldenId) {
        if let Some(identity) = identity
            && self.golden_by_identity.get(&identity) == Some(&golden)
        {
            self.golden_by_identity.remove(&identity);
        }
    }
}

#[cfg(test)]
mod tests;
