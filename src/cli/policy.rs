//! `childsync policy`: what of a record goes upstream.

mod names;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use comfy_table::Table;
use serde_json::{Value, json};

use super::operator::say;
use super::status::plain_table;
use crate::app::policy_without_key;
use crate::config::HubConfig;
use crate::domain::circumstance::CircumstanceGroup;
use crate::domain::policy::{Fate, Policy};
use crate::grpc::forwarded::{PolicyForm, contract_fields, tells};
use names::vietnamese;

/// What of a record goes upstream (những gì được gửi lên cấp trên)
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  childsync policy show --config /etc/childsync/hub.toml")]
pub(super) struct ShowPolicy {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Show(Show),
}

/// Show what becomes of every field and every group of circumstances
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  childsync policy show --config /etc/childsync/hub.toml\n  \
    childsync policy show --json\n\n\
    Without --config the policy is shown that a hub has without [upstream.policy]. A hub reads its policy\n\
    at the start; after a change every record of which another form goes up is sent again."
)]
struct Show {
    /// Configuration file of a hub
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl ShowPolicy {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Verb::Show(show) = self.verb;
        let form = show.form()?;
        if show.json {
            say(serde_json::to_string_pretty(&as_json(&form))?);
        } else {
            say(as_tables(&form));
        }
        Ok(())
    }
}

impl Show {
    fn form(&self) -> anyhow::Result<PolicyForm> {
        let Some(path) = &self.config else {
            return Ok(PolicyForm::new(Policy::default(), None)?);
        };
        let config = HubConfig::read(path, std::env::vars())?;
        let upstream = config.upstream.with_context(|| {
            format!(
                "{}: has no section [upstream]: nothing goes up from this hub",
                path.display()
            )
        })?;
        policy_without_key(&upstream)
    }
}

fn as_json(form: &PolicyForm) -> Value {
    let fields = contract_fields().iter().map(|field| {
        json!({
            "field": field.path,
            "name_vi": vietnamese(&field.path),
            "fate": form.fate(field).word(),
            "stays_with_withheld_circumstances": tells(&field.path),
            "may_be_withheld": !field.is_required,
            "may_be_pseudonymised": field.purpose.is_some(),
        })
    });
    let groups = CircumstanceGroup::ALL.iter().map(|group| {
        json!({
            "group": group.word(),
            "code_2016": group.code(),
            "name_vi": group.vietnamese(),
            "restricted": group.is_restricted(),
            "fate": form.policy().group(*group).word(),
        })
    });
    json!({
        "fields": fields.collect::<Vec<_>>(),
        "circumstances": groups.collect::<Vec<_>>(),
        "unknown_fields": unknown(form).word(),
    })
}

fn unknown(form: &PolicyForm) -> Fate {
    if form.policy().withhold_unknown {
        Fate::Withhold
    } else {
        Fate::Send
    }
}

fn as_tables(form: &PolicyForm) -> String {
    let mut fields = table(["Trường / field", "Tên / name", "Gửi lên / goes up"]);
    for field in contract_fields() {
        let fate = in_words(form.fate(field));
        let fate = if tells(&field.path) && form.fate(field) != Fate::Withhold {
            format!("{fate} *")
        } else {
            fate.to_owned()
        };
        fields.add_row([field.path.clone(), vietnamese(&field.path).to_owned(), fate]);
    }
    let mut groups = table(["Nhóm / group", "Tên / name", "Gửi lên / goes up"]);
    for group in CircumstanceGroup::ALL {
        let fate = in_words(form.policy().group(*group)).to_owned();
        groups.add_row([group.word().to_owned(), group.vietnamese().to_owned(), fate]);
    }
    format!(
        "{fields}\n* Giữ lại khi hồ sơ có hoàn cảnh được giữ lại / stays where a circumstance of the record \
         stays.\n\n{groups}\n\nTrường chưa biết / unknown fields: {}",
        in_words(unknown(form))
    )
}

fn table(header: [&str; 3]) -> Table {
    let mut table = plain_table();
    table.set_header(header);
    table
}

const fn in_words(fate: Fate) -> &'static str {
    match fate {
        Fate::Send => "gửi / send",
        Fate::Withhold => "giữ lại / withhold",
        Fate::Pseudonymise => "mã hóa tên / pseudonymise",
    }
}
