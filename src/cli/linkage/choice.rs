//! Which model is meant, and whether it is really wanted.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::grpc::proto::v1;

/// The model that is meant.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct Choice {
    /// File of the model
    #[arg(long, value_name = "FILE.toml")]
    model: Option<PathBuf>,
    /// A model that was in use before, as `history` numbers it; 0 is the one of the hub's configuration
    #[arg(long)]
    number: Option<u64>,
}

impl Choice {
    /// The choice with the text of the file.
    pub(super) fn read(self) -> anyhow::Result<v1::ModelChoice> {
        let model = match (self.model, self.number) {
            (Some(path), _) => {
                let text = std::fs::read_to_string(&path);
                let text = text.with_context(|| path.display().to_string());
                v1::model_choice::Model::Text(text.context("--model")?)
            }
            (None, Some(number)) => v1::model_choice::Model::Number(number),
            (None, None) => anyhow::bail!("say --model FILE or --number NUMBER"),
        };
        Ok(v1::ModelChoice { model: Some(model) })
    }
}

/// Asks on the terminal; without one, only `--yes` agrees.
pub(super) fn confirm() -> anyhow::Result<()> {
    let input = std::io::stdin();
    anyhow::ensure!(
        input.is_terminal(),
        "nothing was changed: say --yes to put the model in use"
    );
    let mut terminal = std::io::stderr();
    write!(terminal, "Put this model in use? [y/N] ")?;
    terminal.flush()?;
    let mut said = String::new();
    input.read_line(&mut said)?;
    let agreed = matches!(
        said.trim().to_lowercase().as_str(),
        "y" | "yes" | "c" | "có"
    );
    anyhow::ensure!(agreed, "nothing was changed");
    Ok(())
}
