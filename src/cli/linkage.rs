//! `childsync linkage`: the model by which a hub decides who is the same child.

mod choice;
mod show;
mod train;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;
use tonic::transport::Channel;

use super::operator::{HubLine, answer, progress, say};
use crate::grpc::proto::v1;
use crate::grpc::proto::v1::linkage_service_client::LinkageServiceClient;
use choice::{Choice, confirm};
use train::Train;

/// How often a verb that waits looks how far the hub is.
const LOOK_MILLISECONDS: u64 = 500;
/// How long a hub may say nothing while it makes a preview: it tells how far it is every second.
const PREVIEW_SILENCE_SECONDS_MAX: u64 = 60;

/// Train the linkage model, see what another one would change, and put it in use
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync linkage show    --hub https://hub:7443 --identity an\n  \
    childsync linkage train   --config hub.toml --out trained.toml\n  \
    childsync linkage preview --model trained.toml --hub https://hub:7443 --identity an\n  \
    childsync linkage use     --model trained.toml --wait --hub https://hub:7443 --identity an\n  \
    childsync linkage use     --number 0 --hub https://hub:7443 --identity an\n\n\
    `train` reads the hub's database, the others ask the hub. A model that is put in use stands above\n\
    the hub's configuration; number 0 goes back to it. The hub goes on taking records while it links\n\
    everything again in the background. What stewards decided stands above every model.")]
pub(super) struct Linkage {
    #[command(subcommand)]
    verb: LinkageVerb,
}

#[derive(Debug, Subcommand)]
enum LinkageVerb {
    Train(Train),
    /// The model in use, and how far linking by it is
    #[command(
        after_help = "Example:\n  childsync linkage show --wait --hub https://hub:7443 --identity an"
    )]
    Show {
        #[command(flatten)]
        asked: Asked,
        /// Print the text of the model instead, to keep or to change it
        #[arg(long, conflicts_with_all = ["wait", "json"])]
        text: bool,
        /// Wait until everything is linked by the model in use
        #[arg(long)]
        wait: bool,
    },
    /// What another model would change; changes nothing
    #[command(
        after_help = "Example:\n  childsync linkage preview --model trained.toml --hub https://hub:7443 --identity an"
    )]
    Preview {
        #[command(flatten)]
        choice: Choice,
        #[command(flatten)]
        asked: Asked,
    },
    /// Put another model in use, after a look at what it would change
    #[command(
        after_help = "Examples:\n  childsync linkage use --model trained.toml --hub https://hub:7443 --identity an\n  \
        childsync linkage use --number 0 --yes --wait --hub https://hub:7443 --identity an"
    )]
    Use {
        #[command(flatten)]
        choice: Choice,
        #[command(flatten)]
        asked: Asked,
        /// Do not ask before it is put in use
        #[arg(long)]
        yes: bool,
        /// Do not look at what it would change: to go back at once
        #[arg(long, requires = "yes")]
        skip_preview: bool,
        /// Wait until everything is linked by it
        #[arg(long)]
        wait: bool,
    },
    /// Which models were put in use, by whom and when, the newest first
    #[command(
        after_help = "Example:\n  childsync linkage history --hub https://hub:7443 --identity an"
    )]
    History {
        #[command(flatten)]
        asked: Asked,
        /// Models to show
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        rows: u32,
        /// Only models with a lower number
        #[arg(long, default_value_t = 0)]
        before: u64,
    },
}

/// Which hub is asked, and how the answer is printed.
#[derive(Args, Debug)]
struct Asked {
    #[command(flatten)]
    line: HubLine,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

type Client = LinkageServiceClient<Channel>;

impl Asked {
    fn open(&self) -> anyhow::Result<Client> {
        Ok(Client::new(self.line.open()?))
    }
}

impl Linkage {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            LinkageVerb::Train(train) => train.run().await,
            LinkageVerb::Show { asked, text, wait } => {
                let mut client = asked.open()?;
                let status = if wait {
                    wait_until_linked(&mut client).await?
                } else {
                    answer(client.get_model(v1::GetModelRequest {})).await?
                };
                if text {
                    say(status.text.trim_end());
                } else {
                    show::status(&status, asked.json);
                }
                Ok(())
            }
            LinkageVerb::Preview { choice, asked } => {
                let preview = preview(&mut asked.open()?, choice.read()?).await?;
                show::preview(&preview, asked.json);
                Ok(())
            }
            LinkageVerb::Use {
                choice,
                asked,
                yes,
                skip_preview,
                wait,
            } => {
                let mut client = asked.open()?;
                let model = choice.read()?;
                put_in_use(&mut client, model, &asked, [yes, skip_preview, wait]).await
            }
            LinkageVerb::History {
                asked,
                rows,
                before,
            } => {
                let request = v1::ListModelsRequest {
                    page_size: rows,
                    before,
                };
                let page = answer(asked.open()?.list_models(request)).await?;
                show::history(&page.models, asked.json);
                Ok(())
            }
        }
    }
}

/// Shows what would change, asks, puts the model in use, and waits if that is wanted.
async fn put_in_use(
    client: &mut Client,
    model: v1::ModelChoice,
    asked: &Asked,
    [yes, skip_preview, wait]: [bool; 3],
) -> anyhow::Result<()> {
    let before = answer(client.get_model(v1::GetModelRequest {})).await?;
    let mut shown = None;
    if !skip_preview {
        let preview = preview(client, model.clone()).await?;
        if !asked.json {
            show::preview(&preview, false);
        }
        shown = Some(show::preview_json(&preview));
    }
    if !yes {
        confirm()?;
    }
    let request = v1::UseModelRequest {
        model: Some(model),
        expected_number: before.model.map(|model| model.number),
    };
    let used = answer(client.use_model(request)).await?;
    let number = used.model.as_ref().map_or(0, |model| model.number);
    if !asked.json {
        say(if used.changed {
            format!("Model {number} is in use. The hub links everything again in the background.")
        } else {
            format!("Nothing was changed: this is model {number}, which is in use.")
        });
    }
    let mut status = None;
    if wait {
        status = Some(wait_until_linked(client).await?);
    }
    if asked.json {
        say(json!({
            "preview": shown,
            "model": used.model.as_ref().map(show::model_json),
            "changed": used.changed,
            "status": status.as_ref().map(show::status_json),
        }));
    } else if let Some(status) = status {
        show::status(&status, false);
    } else {
        say("`childsync linkage show --wait` says when that is done.");
    }
    Ok(())
}

/// Asks a hub what a model would change, and shows how far it is.
async fn preview(client: &mut Client, model: v1::ModelChoice) -> anyhow::Result<v1::ModelPreview> {
    let request = v1::PreviewModelRequest { model: Some(model) };
    let mut steps = answer(client.preview_model(request)).await?;
    let bar = progress("Comparing", 0);
    let silence = std::time::Duration::from_secs(PREVIEW_SILENCE_SECONDS_MAX);
    loop {
        let step = tokio::time::timeout(silence, steps.message());
        let step = step.await.context("the hub says nothing more: try again")?;
        let step = step.map_err(|status| super::operator::explain(&status))?;
        match step.and_then(|step| step.step) {
            Some(v1::preview_model_response::Step::Progress(progress)) => {
                bar.set_length(progress.records * 2);
                bar.set_position(progress.read_records + progress.compared_records);
            }
            Some(v1::preview_model_response::Step::Preview(preview)) => {
                bar.finish_and_clear();
                return Ok(preview);
            }
            None => anyhow::bail!("the hub ended without a preview: try again"),
        }
    }
}

/// Waits until a hub has linked everything by the model in use, and shows how far it is.
async fn wait_until_linked(client: &mut Client) -> anyhow::Result<v1::GetModelResponse> {
    let bar = progress("Linking", 0);
    loop {
        let status = answer(client.get_model(v1::GetModelRequest {})).await?;
        if show::is_linked(&status) {
            bar.finish_and_clear();
            return Ok(status);
        }
        // Reading, comparing and settling each pass every record once.
        bar.set_length(status.records * 3);
        bar.set_position(match &status.building {
            Some(building) => building.read_records + building.compared_records,
            None if status.linked_number == show::number_in_use(&status) => {
                (status.records * 3).saturating_sub(status.unsettled_records)
            }
            None => 0,
        });
        tokio::time::sleep(std::time::Duration::from_millis(LOOK_MILLISECONDS)).await;
    }
}
