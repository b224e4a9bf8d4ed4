//! `childsync pki`: a private CA, certificates and keys.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{ArgGroup, Args, Subcommand};

use super::operator::say;
use crate::domain::clock::{Clock, SystemClock};
use crate::domain::node::NodeName;
use crate::security::directory::{LISTS_FILE, SIGNING_CERTIFICATE_FILE, write_private};
use crate::security::identity::Identity;
use crate::security::pki::{
    CERTIFICATE_DAYS, CertificateRequest, issue, make_authority, read_certificate, revoke,
};
use crate::security::seal::SealKey;

/// Make a private CA, issue certificates and take them back, make sealing keys
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  childsync pki ca ca\n  \
    childsync pki issue --ca ca --node kien-giang --host hub.example --out kien-giang\n  \
    childsync pki issue --ca ca --operator an --out an\n  \
    childsync pki revoke --ca ca --certificate commune-30742 --into kien-giang\n  \
    childsync pki seal-key seal.key")]
pub(super) struct Pki {
    #[command(subcommand)]
    verb: PkiVerb,
}

#[derive(Debug, Subcommand)]
enum PkiVerb {
    Ca(Ca),
    Issue(Issue),
    Revoke(Revoke),
    SealKey(MakeSealKey),
}

/// Make a CA that lasts ten years
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  childsync pki ca ca --name 'Kien Giang children'")]
struct Ca {
    /// Folder to make it in
    dir: PathBuf,
    /// Name of the CA
    #[arg(long, default_value = "childsync CA")]
    name: String,
}

/// Issue a certificate and make an identity directory of it
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("who").required(true).args(["node", "operator"]))]
#[command(after_help = "Examples:\n  \
    childsync pki issue --ca ca --node commune-30742 --out commune-30742\n  \
    childsync pki issue --ca ca --node kien-giang --host 10.1.2.3 --host hub.example --out kien-giang")]
struct Issue {
    /// Folder of the CA
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// Name of the node: an agent, a hub or other software
    #[arg(long, value_name = "NAME")]
    node: Option<NodeName>,
    /// Name of the operator: a person
    #[arg(long, value_name = "NAME")]
    operator: Option<NodeName>,
    /// Host name or address under which a hub is reached; may be given again
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,
    /// How long the certificate lasts, in days
    #[arg(long, default_value_t = CERTIFICATE_DAYS)]
    days: u32,
    /// Identity directory to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Take certificates back: hubs that get the list cut their owners off within a second
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync pki revoke --ca ca --certificate commune-30742 --into /etc/childsync/identity\n  \
    childsync pki revoke --ca ca --certificate lost.pem --into hub-1 --into hub-2\n\n\
    The list is kept in the CA's folder as crl.pem and holds everything that was revoked before. Copy it\n\
    into the identity directory of every hub, and of every replica: --into does it for those on this\n\
    machine. It counts there without a restart.")]
struct Revoke {
    /// Folder of the CA
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// Certificate, or identity directory that holds it; may be given again; without one the list is only
    /// issued again
    #[arg(long, value_name = "FILE|DIR")]
    certificate: Vec<PathBuf>,
    /// Identity directory to put the list into; may be given again
    #[arg(long, value_name = "DIR")]
    into: Vec<PathBuf>,
}

/// Make a key that seals personal data in a hub's database; keep a copy in a safe place
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  childsync pki seal-key /etc/childsync/seal.key\n\n\
    Without this key nothing in the database can be read."
)]
struct MakeSealKey {
    /// File to make
    file: PathBuf,
}

impl Pki {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self.verb {
            PkiVerb::Ca(ca) => {
                make_authority(&ca.dir, &ca.name, SystemClock.now())?;
                say(format_args!("CA made in {}", ca.dir.display()));
            }
            PkiVerb::Issue(issue) => issue.run()?,
            PkiVerb::Revoke(revoke) => revoke.run()?,
            PkiVerb::SealKey(key) => {
                write_private(&key.file, &SealKey::generate()?)?;
                say(format_args!("Sealing key made in {}", key.file.display()));
            }
        }
        Ok(())
    }
}

impl Issue {
    fn run(self) -> anyhow::Result<()> {
        let identity = match (self.node, self.operator) {
            (Some(node), _) => Identity::Node(node),
            (None, Some(operator)) => Identity::Operator(operator),
            (None, None) => anyhow::bail!("give --node or --operator"),
        };
        let request = CertificateRequest {
            identity,
            hosts: self.host,
            days: self.days,
        };
        issue(&self.ca, &request, &self.out, SystemClock.now())?;
        say(format_args!(
            "{} issued to {}",
            request.identity,
            self.out.display()
        ));
        Ok(())
    }
}

impl Revoke {
    fn run(self) -> anyhow::Result<()> {
        let mut certificates = Vec::new();
        for path in &self.certificate {
            certificates.push(read_certificate(path)?);
            // A hub signs evidence with another key than that of its line.
            let signing = path.join(SIGNING_CERTIFICATE_FILE);
            if signing.exists() {
                certificates.push(read_certificate(&signing)?);
            }
        }
        let folders: Vec<&Path> = self.into.iter().map(PathBuf::as_path).collect();
        let count = revoke(&self.ca, &certificates, &folders, SystemClock.now())
            .with_context(|| format!("--ca {}", self.ca.display()))?;
        say(format_args!(
            "{count} certificates are revoked by {}",
            self.ca.join(LISTS_FILE).display()
        ));
        Ok(())
    }
}
