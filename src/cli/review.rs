//! `childsync review`: a steward decides who is the same child.

mod golden;
mod pair;
mod show;
mod words;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use tonic::transport::Channel;

use super::operator::{HubLine, answer, say};
use crate::domain::unit::UnitReference;
use crate::grpc::proto::v1;
use crate::grpc::proto::v1::review_service_client::ReviewServiceClient;
use crate::grpc::unit_message;

/// Decide about records that may be the same child, and undo links
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync review list --hub https://hub:7443 --identity an\n  \
    childsync review show commune-30742/0197… commune-30901/0197… --hub https://hub:7443 --identity an\n  \
    childsync review decide commune-30742/0197… commune-30901/0197… same --hub … --identity an\n\n\
    A record is NODE/RECORD-ID. These verbs show children's data: look, decide, and do not keep it.")]
pub(super) struct Review {
    #[command(subcommand)]
    verb: ReviewVerb,
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
enum ReviewVerb {
    /// Pairs that wait for a decision
    List {
        /// The likeliest first, or the oldest first
        #[arg(long, value_enum, default_value = "score")]
        order: Order,
        /// Only pairs with a record of a node of this unit
        #[arg(long, value_name = "SCHEME:CODE")]
        unit: Option<UnitReference>,
        /// Pairs to show
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        rows: u32,
        /// From the line that the last page ended with
        #[arg(long, value_name = "TOKEN", default_value = "")]
        page: String,
        #[command(flatten)]
        asking: Asking,
    },
    /// Two records side by side, with the evidence in bits
    Show {
        /// NODE/RECORD-ID
        one: String,
        /// NODE/RECORD-ID
        other: String,
        #[command(flatten)]
        asking: Asking,
    },
    /// Say what a pair is; it stands above every score until it is undone
    Decide {
        /// NODE/RECORD-ID
        one: String,
        /// NODE/RECORD-ID
        other: String,
        /// One child, two children, or nobody can say yet
        verdict: Verdict,
        #[command(flatten)]
        asking: Asking,
    },
    /// Take a decision back; the evidence decides again
    Undo {
        /// Number of the decision
        decision: u64,
        #[command(flatten)]
        asking: Asking,
    },
    /// Who decided what, the newest first
    Decisions {
        /// Decisions to show
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        rows: u32,
        /// Only decisions with a lower number
        #[arg(long, default_value_t = 0)]
        before: u64,
        #[command(flatten)]
        asking: Asking,
    },
    /// A golden record: its source records, its history, and what became of it
    Golden {
        /// Its UUID
        golden_id: String,
        #[command(flatten)]
        asking: Asking,
    },
    /// Take one record out of its golden record
    Unlink {
        /// NODE/RECORD-ID
        record: String,
        #[command(flatten)]
        asking: Asking,
    },
    /// Take several records of one golden record out as another child
    Split {
        /// NODE/RECORD-ID
        #[arg(required = true)]
        records: Vec<String>,
        #[command(flatten)]
        asking: Asking,
    },
    /// Say that two golden records are one child
    Merge {
        /// UUID of the one
        one: String,
        /// UUID of the other
        other: String,
        #[command(flatten)]
        asking: Asking,
    },
    /// Golden records whose source records contradict each other
    Conflicts {
        /// Golden records to show
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        rows: u32,
        /// From the line that the last page ended with
        #[arg(long, value_name = "TOKEN", default_value = "")]
        page: String,
        #[command(flatten)]
        asking: Asking,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    Score,
    Age,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Verdict {
    Same,
    Different,
    Later,
}

type Client = ReviewServiceClient<Channel>;

impl Review {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let asking = self.verb.asking();
        let (mut client, json) = (Client::new(asking.line.open()?), asking.json);
        match self.verb {
            verb @ (ReviewVerb::Decide { .. }
            | ReviewVerb::Undo { .. }
            | ReviewVerb::Unlink { .. }
            | ReviewVerb::Split { .. }
            | ReviewVerb::Merge { .. }) => {
                let decisions = verb.act(&mut client).await?;
                decided(&decisions, json);
                Ok(())
            }
            verb @ (ReviewVerb::List { .. }
            | ReviewVerb::Show { .. }
            | ReviewVerb::Decisions { .. }
            | ReviewVerb::Golden { .. }
            | ReviewVerb::Conflicts { .. }) => verb.look(&mut client, json).await,
        }
    }
}

impl ReviewVerb {
    const fn asking(&self) -> &Asking {
        match self {
            Self::List { asking, .. }
            | Self::Show { asking, .. }
            | Self::Decide { asking, .. }
            | Self::Undo { asking, .. }
            | Self::Decisions { asking, .. }
            | Self::Golden { asking, .. }
            | Self::Unlink { asking, .. }
            | Self::Split { asking, .. }
            | Self::Merge { asking, .. }
            | Self::Conflicts { asking, .. } => asking,
        }
    }

    /// Does what changes something and gives the numbers of the decisions.
    async fn act(self, client: &mut Client) -> anyhow::Result<Vec<u64>> {
        match self {
            Self::Decide {
                one,
                other,
                verdict,
                ..
            } => {
                let request = v1::DecideRequest {
                    one: Some(read_record(&one)?),
                    other: Some(read_record(&other)?),
                    verdict: match verdict {
                        Verdict::Same => v1::Verdict::Same.into(),
                        Verdict::Different => v1::Verdict::Different.into(),
                        Verdict::Later => v1::Verdict::Later.into(),
                    },
                };
                Ok(vec![answer(client.decide(request)).await?.decision])
            }
            Self::Undo { decision, .. } => {
                let request = v1::UndoDecisionRequest { decision };
                Ok(vec![answer(client.undo_decision(request)).await?.decision])
            }
            Self::Unlink { record, .. } => split(client, &[record]).await,
            Self::Split { records, .. } => split(client, &records).await,
            Self::Merge { one, other, .. } => {
                let request = v1::MergeRequest {
                    one_golden_id: one,
                    other_golden_id: other,
                };
                Ok(vec![answer(client.merge(request)).await?.decision])
            }
            Self::List { .. }
            | Self::Show { .. }
            | Self::Decisions { .. }
            | Self::Golden { .. }
            | Self::Conflicts { .. } => Ok(Vec::new()),
        }
    }

    /// Shows what was asked for.
    async fn look(self, client: &mut Client, json: bool) -> anyhow::Result<()> {
        match self {
            Self::List {
                order,
                unit,
                rows,
                page,
                ..
            } => {
                let request = v1::ListReviewsRequest {
                    order: match order {
                        Order::Score => v1::ReviewOrder::Score.into(),
                        Order::Age => v1::ReviewOrder::Age.into(),
                    },
                    unit: unit.map(unit_message),
                    page_size: rows,
                    page_token: page,
                };
                show::reviews(&answer(client.list_reviews(request)).await?, json);
            }
            Self::Show { one, other, .. } => {
                let request = v1::ExplainPairRequest {
                    one: Some(read_record(&one)?),
                    other: Some(read_record(&other)?),
                };
                pair::show(&answer(client.explain_pair(request)).await?, json)?;
            }
            Self::Decisions { rows, before, .. } => {
                let request = v1::ListDecisionsRequest {
                    page_size: rows,
                    before,
                };
                show::decisions(&answer(client.list_decisions(request)).await?, json);
            }
            Self::Golden { golden_id, .. } => {
                let request = v1::GetGoldenRecordRequest { golden_id };
                golden::show(&answer(client.get_golden_record(request)).await?, json)?;
            }
            Self::Conflicts { rows, page, .. } => {
                let request = v1::ListConflictsRequest {
                    page_size: rows,
                    page_token: page,
                };
                show::conflicts(&answer(client.list_conflicts(request)).await?, json);
            }
            Self::Decide { .. }
            | Self::Undo { .. }
            | Self::Unlink { .. }
            | Self::Split { .. }
            | Self::Merge { .. } => {}
        }
        Ok(())
    }
}

async fn split(client: &mut Client, records: &[String]) -> anyhow::Result<Vec<u64>> {
    let records: anyhow::Result<Vec<_>> =
        records.iter().map(|record| read_record(record)).collect();
    let request = v1::SplitRequest { records: records? };
    Ok(answer(client.split(request)).await?.decisions)
}

fn decided(numbers: &[u64], json: bool) {
    if json {
        say(serde_json::json!({ "decisions": numbers }));
        return;
    }
    for number in numbers {
        say(format_args!(
            "Decision {number} is made. `childsync review undo {number}` takes it back."
        ));
    }
}

/// Reads NODE/RECORD-ID.
fn read_record(text: &str) -> anyhow::Result<v1::RecordReference> {
    let (node, record_id) = text.split_once('/').with_context(|| {
        format!("{text}: a record is NODE/RECORD-ID, as `review list` shows it")
    })?;
    Ok(v1::RecordReference {
        node: node.to_owned(),
        record_id: record_id.to_owned(),
    })
}
