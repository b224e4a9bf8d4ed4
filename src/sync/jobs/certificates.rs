//! The certificate job: says in time when certificates end.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Finished, HeldTick, Work, WorkError};
use crate::domain::clock::Timestamp;
use crate::domain::job::Counts;
use crate::observability::metrics::Metrics;
use crate::security::live::LiveIdentity;

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// Counts the days that the hub's certificates and its CAs are still valid, and warns when they are few.
pub struct CertificateCheck {
    /// The identities of the hub: its own, and the one for its upstream.
    pub identities: Vec<Arc<LiveIdentity>>,
    /// Fewer days than these are a warning.
    pub warn_days: u32,
    /// Where the days are shown.
    pub metrics: Arc<Metrics>,
}

impl Work for CertificateCheck {
    fn run<'a>(&'a self, tick: &'a HeldTick) -> BoxFuture<'a, Result<Finished, WorkError>> {
        Box::pin(self.check(tick))
    }
}

impl CertificateCheck {
    async fn check(&self, tick: &HeldTick) -> Result<Finished, WorkError> {
        let left =
            |end: Timestamp| (end.as_micros() - tick.now().as_micros()).div_euclid(DAY_MICROS);
        let (mut own, mut authorities) = (i64::MAX, i64::MAX);
        for identity in &self.identities {
            let ends = identity.current().ends().ok_or_else(|| {
                WorkError::Failed("CERTIFICATE: a certificate cannot be read".to_owned())
            })?;
            own = own.min(left(ends.own));
            authorities = authorities.min(left(ends.authorities));
        }
        self.metrics.certificates_checked(own, authorities);
        if own.min(authorities) < i64::from(self.warn_days) {
            tracing::warn!(
                certificate.days = own,
                authority.days = authorities,
                "Certificates end soon: issue new ones with `childsync pki`, they count without a restart"
            );
        }
        Ok(Finished {
            transaction: tick.begin().await?,
            counts: Counts::of(&[("own_days", own), ("authority_days", authorities)]),
        })
    }
}
