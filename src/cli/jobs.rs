//! `childsync jobs`: what a hub does by itself.

use clap::{Args, Subcommand};
use comfy_table::Table;
use serde_json::{Map, Value, json};

use super::operator::{HubLine, answer, say};
use super::status::{instant_text, plain_table};
use crate::domain::job::Job;
use crate::grpc::proto::v1;
use crate::grpc::proto::v1::job_service_client::JobServiceClient;
use crate::grpc::proto::v1::{JobTick, ScheduledJob, TickState};

/// Show, run, pause and resume what a hub does by itself
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync jobs list --hub https://hub:7443 --identity an\n  \
    childsync jobs show backup --hub https://hub:7443 --identity an --limit 5\n  \
    childsync jobs run backup --hub https://hub:7443 --identity an\n  \
    childsync jobs pause forward --hub https://hub:7443 --identity an\n\n\
    The jobs are forward, comparison, purge, certificates and backup. Their schedules stand in the hub's configuration.")]
pub(super) struct Jobs {
    #[command(subcommand)]
    verb: JobsVerb,
}

#[derive(Debug, Subcommand)]
enum JobsVerb {
    List(List),
    Show(Show),
    Run(Run),
    Pause(Pause),
    Resume(Resume),
}

/// List the jobs of a hub with their schedules and their newest ticks
#[derive(Args, Debug)]
struct List {
    #[command(flatten)]
    line: HubLine,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Show the history of a job, the newest tick first
#[derive(Args, Debug)]
struct Show {
    /// The job
    job: Job,
    /// Ticks at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    #[command(flatten)]
    line: HubLine,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Run a job now, whatever its schedule says, also while it is paused
#[derive(Args, Debug)]
struct Run {
    #[command(flatten)]
    order: Order,
}

/// Keep the schedule of a job from beginning ticks; what runs goes on
#[derive(Args, Debug)]
struct Pause {
    #[command(flatten)]
    order: Order,
}

/// End the pause of a job; what was due meanwhile is not made up for
#[derive(Args, Debug)]
struct Resume {
    #[command(flatten)]
    order: Order,
}

#[derive(Args, Debug)]
struct Order {
    /// The job
    job: Job,
    #[command(flatten)]
    line: HubLine,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Jobs {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            JobsVerb::List(list) => list.run().await,
            JobsVerb::Show(show) => show.run().await,
            JobsVerb::Run(run) => run.order.run().await,
            JobsVerb::Pause(pause) => pause.order.pause().await,
            JobsVerb::Resume(resume) => resume.order.resume().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let mut client = JobServiceClient::new(self.line.open()?);
        let jobs = answer(client.list_jobs(v1::ListJobsRequest {})).await?.jobs;
        if self.json {
            let list: Vec<Value> = jobs.iter().map(job_json).collect();
            say(serde_json::to_string_pretty(&list)?);
        } else {
            say(job_table(&jobs));
        }
        Ok(())
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<()> {
        let mut client = JobServiceClient::new(self.line.open()?);
        let request = v1::ListTicksRequest {
            job: self.job.to_string(),
            page_size: self.limit,
            page_token: String::new(),
        };
        let ticks = answer(client.list_ticks(request)).await?.ticks;
        if self.json {
            let list: Vec<Value> = ticks.iter().map(tick_json).collect();
            say(serde_json::to_string_pretty(&list)?);
        } else {
            say(tick_table(&ticks));
        }
        Ok(())
    }
}

impl Order {
    async fn run(self) -> anyhow::Result<()> {
        let mut client = JobServiceClient::new(self.line.open()?);
        let job = self.job.to_string();
        let tick = answer(client.run_job(v1::RunJobRequest { job }))
            .await?
            .tick;
        let tick = tick.unwrap_or_default();
        if self.json {
            say(serde_json::to_string_pretty(&tick_json(&tick))?);
        } else {
            say(format!(
                "{} is asked for. `childsync jobs show {}` says what became of it.",
                self.job, self.job
            ));
        }
        Ok(())
    }

    async fn pause(self) -> anyhow::Result<()> {
        let mut client = JobServiceClient::new(self.line.open()?);
        let job = self.job.to_string();
        answer(client.pause_job(v1::PauseJobRequest { job })).await?;
        self.told("paused")
    }

    async fn resume(self) -> anyhow::Result<()> {
        let mut client = JobServiceClient::new(self.line.open()?);
        let job = self.job.to_string();
        answer(client.resume_job(v1::ResumeJobRequest { job })).await?;
        self.told("resumed")
    }

    fn told(&self, done: &str) -> anyhow::Result<()> {
        if self.json {
            let told = json!({ "job": self.job.as_str(), "done": done });
            say(serde_json::to_string_pretty(&told)?);
        } else {
            say(format!("{} is {done}.", self.job));
        }
        Ok(())
    }
}

fn state(tick: &JobTick) -> &'static str {
    match tick.state() {
        TickState::Unspecified => "unknown",
        TickState::Waiting => "waiting",
        TickState::Running => "running",
        TickState::Succeeded => "succeeded",
        TickState::Failed => "failed",
        TickState::Skipped => "skipped",
    }
}

fn job_json(job: &ScheduledJob) -> Value {
    json!({
        "name": job.name,
        "cron": job.cron,
        "time_zone": job.time_zone,
        "jitter_seconds": job.jitter_seconds,
        "allowed_hours": job.allowed_hours,
        "missed": missed(job),
        "next_due_at": job.next_due_at.map(instant_text),
        "paused_at": job.paused_at.map(instant_text),
        "paused_by": job.paused_by,
        "newest_tick": job.newest_tick.as_ref().map(tick_json),
    })
}

fn missed(job: &ScheduledJob) -> &'static str {
    if job.skips_missed { "skip" } else { "run_once" }
}

fn tick_json(tick: &JobTick) -> Value {
    let counts = tick.counts.iter();
    let counts: Map<String, Value> = counts
        .map(|count| (count.name.clone(), count.figure.into()))
        .collect();
    json!({
        "job": tick.job,
        "due_at": tick.due_at.map(instant_text),
        "state": state(tick),
        "asked_by": tick.asked_by,
        "runner": tick.runner,
        "runners": tick.runners,
        "started_at": tick.started_at.map(instant_text),
        "ended_at": tick.ended_at.map(instant_text),
        "counts": counts,
        "error": tick.error,
    })
}

fn outcome(tick: &JobTick) -> String {
    let counts = tick.counts.iter();
    let mut words: Vec<String> = counts
        .map(|count| format!("{}={}", count.name, count.figure))
        .collect();
    if !tick.error.is_empty() {
        words.push(tick.error.clone());
    }
    words.join(" ")
}

fn job_table(jobs: &[ScheduledJob]) -> Table {
    let mut table = plain_table();
    table.set_header(vec![
        "job",
        "schedule",
        "time zone",
        "hours",
        "missed",
        "next",
        "newest",
        "state",
        "outcome",
    ]);
    for job in jobs {
        let tick = job.newest_tick.clone().unwrap_or_default();
        let is_known = job.newest_tick.is_some();
        let next = if job.paused_by.is_empty() {
            job.next_due_at.map(instant_text).unwrap_or_default()
        } else {
            format!("paused by {}", job.paused_by)
        };
        table.add_row(vec![
            job.name.clone(),
            job.cron.clone(),
            job.time_zone.clone(),
            job.allowed_hours.clone(),
            missed(job).to_owned(),
            next,
            tick.due_at.map(instant_text).unwrap_or_default(),
            if is_known { state(&tick) } else { "never run" }.to_owned(),
            outcome(&tick),
        ]);
    }
    table
}

fn tick_table(ticks: &[JobTick]) -> Table {
    let mut table = plain_table();
    table.set_header(vec![
        "due", "state", "asked by", "runners", "started", "ended", "outcome",
    ]);
    for tick in ticks {
        table.add_row(vec![
            tick.due_at.map(instant_text).unwrap_or_default(),
            state(tick).to_owned(),
            tick.asked_by.clone(),
            tick.runners.to_string(),
            tick.started_at.map(instant_text).unwrap_or_default(),
            tick.ended_at.map(instant_text).unwrap_or_default(),
            outcome(tick),
        ]);
    }
    table
}
