//! Leases: who leads, and the fencing token that stops a leader who slept.

use sqlx::{query, query_as, query_scalar};

use super::{StoreError, Transaction, on_conn, sql};
use crate::domain::clock::Timestamp;

/// What a hub has exactly one leader for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseName {
    /// Turns the log into golden records.
    Reconciler,
    /// Sends golden records upstream.
    Forwarder,
    /// Takes uploads in and removes those that were given up.
    Uploads,
    /// Reads what the hub above says of golden records.
    UpstreamFollower,
}

impl LeaseName {
    /// The name as it stands in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reconciler => "reconciler",
            Self::Forwarder => "forwarder",
            Self::Uploads => "uploads",
            Self::UpstreamFollower => "upstream_follower",
        }
    }
}

/// A lease as the table holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds or held it; empty before the first owner.
    pub owner: String,
    /// Until when; a lease past its deadline may be taken by anybody.
    pub deadline: Timestamp,
    /// Rises with every change of owner.
    pub token: i64,
}

impl Transaction {
    /// Takes or extends a lease and gives its fencing token, or `None` while somebody else holds it.
    ///
    /// The clock decides only who tries; the token decides whose writes count.
    pub async fn take_lease(
        &mut self,
        name: LeaseName,
        owner: &str,
        now: Timestamp,
        deadline: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::TAKE_LEASE)
                .bind(name.as_str())
                .bind(owner.to_owned())
                .bind(now.as_micros())
                .bind(deadline.as_micros())
                .fetch_optional(conn)
                .await?
        }))
    }

    /// Fails with [`StoreError::Fenced`] unless the token is still the lease's; if it is, it stays so
    /// until this transaction has ended.
    pub async fn check_fence(&mut self, name: LeaseName, token: i64) -> Result<(), StoreError> {
        let text = self.text(sql::CHECK_FENCE);
        let held: i64 = on_conn!(self, |conn| {
            query_scalar(text)
                .bind(name.as_str())
                .fetch_one(conn)
                .await?
        });
        if held == token {
            Ok(())
        } else {
            Err(StoreError::Fenced(name.as_str()))
        }
    }

    /// Lets the next owner in at once; nothing happens if somebody else holds the lease.
    pub async fn release_lease(&mut self, name: LeaseName, owner: &str) -> Result<(), StoreError> {
        on_conn!(self, |conn| {
            query(sql::RELEASE_LEASE)
                .bind(name.as_str())
                .bind(owner.to_owned())
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// The lease as it stands.
    pub async fn read_lease(&mut self, name: LeaseName) -> Result<Lease, StoreError> {
        let (owner, deadline, token): (String, i64, i64) = on_conn!(self, |conn| {
            query_as(sql::READ_LEASE)
                .bind(name.as_str())
                .fetch_one(conn)
                .await?
        });
        Ok(Lease {
            owner,
            deadline: Timestamp::from_micros(deadline),
            token,
        })
    }
}
