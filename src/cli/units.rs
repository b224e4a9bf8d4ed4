//! `childsync units`: communes merge, split and are renamed; a tier vanishes.

mod show;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};

use super::operator::{HubLine, answer, say};
use crate::domain::unit::UnitReference;
use crate::domain::unit_act::Example;
use crate::grpc::proto::v1;
use crate::grpc::proto::v1::unit_service_client::UnitServiceClient;
use crate::grpc::unit_message;
use crate::sync::units::PLACED_RECORDS_MAX;

/// Rows asked for at a time.
const PAGE_ROWS: u32 = 500;

/// Follow acts that merge, split, rename or abolish administrative units
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync units example reform-2025 > reform-2025.toml\n  \
    childsync units apply reform-2025.toml --dry-run --hub https://hub:7443 --identity an\n  \
    childsync units apply reform-2025.toml --hub https://hub:7443 --identity an\n  \
    childsync units status --hub https://hub:7443 --identity an\n  \
    childsync units tasks --unit GSO_PRE2025:30334 --hub https://hub:7443 --identity an\n  \
    childsync units place GOLDEN-ID… --unit GSO_2025:30316 --hub https://hub:7443 --identity an\n  \
    childsync units place --all-of GSO_PRE2025:30334 --unit GSO_2025:30325 --hub … --identity an\n\n\
    An act is a file; `units example` shows its form. From its day on records, nodes and territories are \
    those of the new units. Nothing that was recorded is rewritten, and what still comes under an old code \
    is taken. Give the same file to the hub of every tier; the order does not matter.")]
pub(super) struct Units {
    #[command(subcommand)]
    verb: UnitsVerb,
}

/// Which hub is asked, and how its answer is shown.
#[derive(Args, Debug)]
struct Asking {
    #[command(flatten)]
    line: HubLine,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum UnitsVerb {
    /// Write an act that ships with the program, as an example or to apply it
    Example {
        /// Which one
        #[arg(value_enum)]
        name: ExampleName,
    },
    /// Give an act to a hub; it holds from its day on, and the same file again changes nothing
    Apply {
        /// The act's file
        file: PathBuf,
        /// Only say what it would do
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        asking: Asking,
    },
    /// Which acts were given, by whom, and since when they hold
    Acts {
        #[command(flatten)]
        asking: Asking,
    },
    /// How far records were moved
    Status {
        #[command(flatten)]
        asking: Asking,
    },
    /// In which unit each node stands now, and what its territory has gained
    Nodes {
        /// Also nodes of which nothing changed
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        asking: Asking,
    },
    /// Records of units that were split, of which nobody has said into which part they belong
    Tasks {
        /// Only records of this unit
        #[arg(long, value_name = "SCHEME:CODE")]
        unit: Option<UnitReference>,
        /// Records to show
        #[arg(long, default_value_t = 500)]
        limit: usize,
        #[command(flatten)]
        asking: Asking,
    },
    /// Say into which part of their unit records belong
    Place {
        /// Golden records, as `units tasks` lists them
        #[arg(
            required_unless_present = "all_of",
            conflicts_with = "all_of",
            value_name = "GOLDEN-ID"
        )]
        golden_ids: Vec<String>,
        /// All records that still wait in this unit
        #[arg(long, value_name = "SCHEME:CODE")]
        all_of: Option<UnitReference>,
        /// The unit that the part went into
        #[arg(long, value_name = "SCHEME:CODE")]
        unit: UnitReference,
        #[command(flatten)]
        asking: Asking,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ExampleName {
    /// What the codes of March 2017 stood for before July 2025
    #[value(name = "codes-2017")]
    Codes2017,
    /// All units before July 2025 and what became of them
    #[value(name = "reform-2025")]
    Reform2025,
    /// Units that were renamed in April 2026
    #[value(name = "changes-2026")]
    Changes2026,
}

impl Units {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            UnitsVerb::Example { name } => {
                let example = match name {
                    ExampleName::Codes2017 => Example::Codes2017,
                    ExampleName::Reform2025 => Example::Reform2025,
                    ExampleName::Changes2026 => Example::Changes2026,
                };
                say(example.act().text().trim_end());
                Ok(())
            }
            UnitsVerb::Apply {
                file,
                dry_run,
                asking,
            } => asking.apply(&file, dry_run).await,
            UnitsVerb::Acts { asking } => asking.acts().await,
            UnitsVerb::Status { asking } => asking.status().await,
            UnitsVerb::Nodes { all, asking } => asking.nodes(all).await,
            UnitsVerb::Tasks {
                unit,
                limit,
                asking,
            } => asking.tasks(unit, limit).await,
            UnitsVerb::Place {
                golden_ids,
                all_of,
                unit,
                asking,
            } => asking.place(golden_ids, all_of, unit).await,
        }
    }
}

type Client = UnitServiceClient<tonic::transport::Channel>;

impl Asking {
    fn client(&self) -> anyhow::Result<Client> {
        Ok(UnitServiceClient::new(self.line.open()?))
    }

    async fn apply(&self, file: &std::path::Path, dry_run: bool) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let request = v1::ApplyUnitActRequest { text, dry_run };
        let applied = answer(self.client()?.apply_unit_act(request)).await?;
        show::applied(&applied, dry_run, self.json);
        Ok(())
    }

    async fn acts(&self) -> anyhow::Result<()> {
        let (mut client, mut acts, mut page_token) = (self.client()?, Vec::new(), String::new());
        loop {
            let page_size = PAGE_ROWS;
            let request = v1::ListUnitActsRequest {
                page_size,
                page_token,
            };
            let page = answer(client.list_unit_acts(request)).await?;
            acts.extend(page.acts);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        show::acts(&acts, self.json);
        Ok(())
    }

    async fn status(&self) -> anyhow::Result<()> {
        let request = v1::GetUnitStatusRequest {};
        let status = answer(self.client()?.get_unit_status(request)).await?;
        show::status(&status, self.json);
        Ok(())
    }

    async fn nodes(&self, all: bool) -> anyhow::Result<()> {
        let (mut client, mut nodes, mut page_token) = (self.client()?, Vec::new(), String::new());
        loop {
            let page_size = PAGE_ROWS;
            let request = v1::ListUnitNodesRequest {
                page_size,
                page_token,
            };
            let page = answer(client.list_unit_nodes(request)).await?;
            nodes.extend(page.nodes);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        nodes.retain(|node| all || node.unit != node.registered_unit || !node.gained.is_empty());
        show::nodes(&nodes, self.json);
        Ok(())
    }

    async fn read_tasks(
        &self,
        unit: Option<UnitReference>,
        limit: usize,
    ) -> anyhow::Result<Vec<v1::PlacementTask>> {
        let (mut client, mut tasks) = (self.client()?, Vec::new());
        // Tasks come in the order of their units, so those of one begin right behind its name.
        let wanted = unit.map(unit_message);
        let mut page_token = unit.map_or(String::new(), |unit| {
            format!("{unit}/{}", uuid::Uuid::nil())
        });
        while tasks.len() < limit {
            let page_size = PAGE_ROWS;
            let request = v1::ListPlacementTasksRequest {
                page_size,
                page_token,
            };
            let page = answer(client.list_placement_tasks(request)).await?;
            let of_unit = |task: &v1::PlacementTask| wanted.is_none() || task.unit == wanted;
            let went_past = page.tasks.last().is_some_and(|task| !of_unit(task));
            tasks.extend(page.tasks.into_iter().filter(of_unit));
            page_token = page.next_page_token;
            if page_token.is_empty() || went_past {
                break;
            }
        }
        tasks.truncate(limit);
        Ok(tasks)
    }

    async fn tasks(&self, unit: Option<UnitReference>, limit: usize) -> anyhow::Result<()> {
        let tasks = self.read_tasks(unit, limit).await?;
        show::tasks(&tasks, self.json);
        Ok(())
    }

    async fn place(
        &self,
        golden_ids: Vec<String>,
        all_of: Option<UnitReference>,
        unit: UnitReference,
    ) -> anyhow::Result<()> {
        let golden_ids = if all_of.is_some() {
            let tasks = self.read_tasks(all_of, usize::MAX).await?;
            tasks.into_iter().map(|task| task.golden_id).collect()
        } else {
            golden_ids
        };
        let mut client = self.client()?;
        for golden_ids in golden_ids.chunks(PLACED_RECORDS_MAX) {
            let request = v1::PlaceRecordsRequest {
                golden_ids: golden_ids.to_vec(),
                unit: Some(unit_message(unit)),
            };
            answer(client.place_records(request)).await?;
        }
        show::placed(golden_ids.len(), unit, self.json);
        Ok(())
    }
}
