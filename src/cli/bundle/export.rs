//! At the commune: writing bundles and taking receipts, through the agent of this machine.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{read_letter, refuse_to_replace, with_ending, write_whole};
use crate::agent::http::bundles::{BUNDLE_HEADER, NEXT_HEADER, RECORDS_HEADER};
use crate::cli::agent::port::post;
use crate::cli::operator::say;
use crate::config::{AGENT_CONFIG_FILE, AgentConfig};

/// Write what waits into files that are carried to the hub
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync bundle export --to /media/usb/xa-30742.bundle\n  \
    childsync bundle export --to xa-30742.bundle --config /etc/childsync/agent.toml --json\n\n\
    The agent of this machine must run: it alone may open its database. A bundle holds 10,000 records; what\n\
    is more goes into further files, xa-30742.bundle.2 and so on. No file is ever replaced.")]
pub(super) struct Export {
    /// File to write; it must not be there yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// The agent's configuration file
    #[arg(long, value_name = "FILE", default_value = AGENT_CONFIG_FILE)]
    config: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Take receipts that the hub has written: what it holds leaves the queue
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  \
    childsync bundle receipt /media/usb/xa-30742.bundle.receipt\n\n\
    Taking a receipt twice changes nothing. Records that were changed since the bundle was written wait on.")]
pub(super) struct TakeReceipt {
    /// Receipts
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The agent's configuration file
    #[arg(long, value_name = "FILE", default_value = AGENT_CONFIG_FILE)]
    config: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Export {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let config = AgentConfig::read(&self.config, std::env::vars())?;
        refuse_to_replace(&self.to)?;
        let (mut after, mut written) = (String::new(), Vec::new());
        for part in 1_u32.. {
            let path = match part {
                1 => self.to.clone(),
                part => with_ending(&self.to, &format!(".{part}")),
            };
            let (head, bytes) = post(&config, &format!("/v1/bundles{after}"), Vec::new()).await?;
            write_whole(&path, &bytes)?;
            let told = |name: &str| head.get(name).and_then(|value| value.to_str().ok());
            written.push(self.note(&path, told(BUNDLE_HEADER), told(RECORDS_HEADER)));
            match told(NEXT_HEADER) {
                Some(next) => after = format!("?after={next}"),
                None => break,
            }
        }
        if self.json {
            say(json!({ "bundles": written }));
        } else {
            say(
                "Mang tệp đến tỉnh; hồ sơ vẫn nằm ở máy này cho đến khi có biên nhận / carry the file to the \
                 province; the records stay here until there is a receipt",
            );
        }
        Ok(())
    }

    fn note(&self, path: &Path, bundle: Option<&str>, records: Option<&str>) -> Value {
        let records = records.and_then(|records| records.parse::<u64>().ok());
        if !self.json {
            say(format_args!(
                "{}: {} hồ sơ / records",
                path.display(),
                records.unwrap_or_default()
            ));
        }
        json!({ "file": path.display().to_string(), "bundle_id": bundle, "records": records })
    }
}

impl TakeReceipt {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let config = AgentConfig::read(&self.config, std::env::vars())?;
        let mut taken = Vec::new();
        for file in &self.files {
            let bytes = read_letter(file)?;
            let (_, answer) = post(&config, "/v1/bundles/receipt", bytes).await?;
            let answer: Value = serde_json::from_slice(&answer)?;
            if !self.json {
                say(format_args!("{}: {}", file.display(), words(&answer)));
            }
            taken.push(answer);
        }
        if self.json {
            say(json!({ "receipts": taken }));
        }
        Ok(())
    }
}

fn words(answer: &Value) -> String {
    if answer.get("repeated") == Some(&Value::Bool(true)) {
        return "đã nhận trước đây, không có gì thay đổi / was taken before, nothing has changed"
            .to_owned();
    }
    let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
    format!(
        "{} đã đến tỉnh / at the hub, {} cần sửa / to correct, {} còn chờ gửi / wait on, {} đã gửi qua mạng / \
         were answered before",
        count("taken"),
        count("to_correct"),
        count("waiting"),
        count("answered_before")
    )
}
