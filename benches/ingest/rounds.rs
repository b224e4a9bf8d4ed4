//! Uploads against `Push`, in turn in one run: what else the machine does slows both alike.

use crate::chain::{measure_ingest_alone, measure_uploads};
use crate::report::Rate;
use crate::site::Bench;
use crate::{Engine, progress};

/// What each round was measured at.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Rounds {
    push: Vec<Rate>,
    uploads: Vec<Rate>,
}

/// Measures both in turn, so many times.
pub(crate) async fn measure(bench: &Bench, engine: Engine, rounds: u32) -> anyhow::Result<Rounds> {
    let mut measured = Rounds::default();
    for round in 1..=rounds {
        progress(format_args!("round {round} of {rounds}"));
        measured
            .push
            .push(measure_ingest_alone(bench, engine).await?);
        measured.uploads.push(measure_uploads(bench, engine).await?);
    }
    Ok(measured)
}

impl Rounds {
    /// The rounds one by one, then the middle ones and their ratio.
    pub(crate) fn as_text(&self) -> String {
        let mut lines: Vec<String> = self
            .push
            .iter()
            .zip(&self.uploads)
            .map(|(push, uploads)| format!("Push {}\nuploads {}", line(push), line(uploads)))
            .collect();
        let (push, uploads) = (middle(&self.push), middle(&self.uploads));
        let ratio = uploads / push;
        lines.push(format!(
            "in the middle: Push {push:.0}/s, uploads {uploads:.0}/s, ratio {ratio:.2}"
        ));
        lines.join("\n")
    }
}

fn line(rate: &Rate) -> String {
    let (per_second, cpu) = (rate.per_second, &rate.cpu_seconds);
    let hub: f64 = cpu.hubs.iter().sum();
    format!(
        "{per_second:.0}/s; CPU: hub {hub:.2} s, client {:.2} s, PostgreSQL {:.2} s, others {:.2} s",
        cpu.client, cpu.postgres, cpu.others
    )
}

fn middle(rates: &[Rate]) -> f64 {
    let mut sorted: Vec<f64> = rates.iter().map(|rate| rate.per_second).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
