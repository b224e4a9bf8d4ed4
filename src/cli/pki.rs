//! `childsync pki`: a private CA, certificates and keys.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::operator::say;
use crate::domain::clock::{Clock, SystemClock};
use crate::domain::node::NodeName;
use crate::security::directory::write_private;
use crate::security::identity::Identity;
use crate::security::pki::{CERTIFICATE_DAYS, CertificateRequest, issue, make_authority};
use crate::security::seal::SealKey;

/// Make a private CA, issue certificates, make sealing keys
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  childsync pki ca ca\n  \
    childsync pki issue --ca ca --node kien-giang --host hub.example --out kien-giang\n  \
    childsync pki issue --ca ca --operator an --out an\n  \
    childsync pki seal-key seal.key")]
pub(super) struct Pki {
    #[command(subcommand)]
    verb: PkiVerb,
}

#[derive(Debug, Subcommand)]
enum PkiVerb {
    Ca(Ca),
    Issue(Issue),
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
