//! One file per verb.

mod agent;
mod batches;
mod bundle;
mod check_config;
mod compare;
mod corrections;
mod demo;
pub mod evaluate;
mod generate;
mod hub;
mod import;
mod jobs;
mod linkage;
mod node;
mod operator;
mod pki;
mod policy;
mod review;
mod status;
mod trace;
mod units;
mod upload;
mod uploads;
mod upstream;

use clap::{Parser, Subcommand};

/// Sends every commune's child records upward, once each, through province to nation.
#[derive(Debug, Parser)]
#[command(name = "childsync", version, about, arg_required_else_help = true)]
#[command(
    after_help = "Example:\n  childsync demo\n\nEvery verb has examples: childsync VERB --help"
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Demo(demo::Demo),
    Hub(hub::RunHub),
    Agent(agent::Agent),
    Corrections(corrections::ShowCorrections),
    Batches(batches::Batches),
    Bundle(bundle::Bundle),
    CheckConfig(check_config::CheckConfig),
    Compare(compare::Compare),
    Pki(pki::Pki),
    Policy(policy::ShowPolicy),
    Review(review::Review),
    Linkage(linkage::Linkage),
    Node(node::Node),
    Import(import::Import),
    Upload(upload::Upload),
    Uploads(uploads::Uploads),
    Upstream(upstream::DescribeUpstream),
    Units(units::Units),
    Jobs(jobs::Jobs),
    Generate(generate::Generate),
    Evaluate(evaluate::Evaluate),
    Status(status::ShowStatus),
    Trace(trace::Trace),
}

/// Reads the arguments, runs the verb, and gives the exit code: 0 if it succeeded.
pub fn run() -> std::process::ExitCode {
    end(Arguments::parse().verb.run())
}

/// Runs an agent until it is told to stop, in a program that has nothing else in it: of the verbs that
/// [`run`] knows it links none, so that it needs little memory.
pub fn run_agent() -> std::process::ExitCode {
    end(agent::AgentAlone::parse().run())
}

fn end(ran: anyhow::Result<()>) -> std::process::ExitCode {
    match ran {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            operator::complain(&error);
            std::process::ExitCode::FAILURE
        }
    }
}

impl Verb {
    fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Demo(verb) => operator::block_on(verb.run()),
            Self::Hub(verb) => operator::block_on(verb.run()),
            Self::Agent(verb) => verb.run(),
            Self::Batches(verb) => operator::block_on(verb.run()),
            Self::Bundle(verb) => operator::block_on(verb.run()),
            Self::Corrections(verb) => operator::block_on(verb.run()),
            Self::CheckConfig(verb) => verb.run(),
            Self::Compare(verb) => operator::block_on(verb.run()),
            Self::Pki(verb) => verb.run(),
            Self::Policy(verb) => verb.run(),
            Self::Linkage(verb) => operator::block_on(verb.run()),
            Self::Review(verb) => operator::block_on(verb.run()),
            Self::Node(verb) => operator::block_on(verb.run()),
            Self::Import(verb) => operator::block_on(verb.run()),
            Self::Upload(verb) => operator::block_on(verb.run()),
            Self::Uploads(verb) => operator::block_on(verb.run()),
            Self::Jobs(verb) => operator::block_on(verb.run()),
            Self::Units(verb) => operator::block_on(verb.run()),
            Self::Upstream(verb) => verb.run(),
            Self::Generate(verb) => verb.run(),
            Self::Evaluate(verb) => verb.run(),
            Self::Status(verb) => operator::block_on(verb.run()),
            Self::Trace(verb) => operator::block_on(verb.run()),
        }
    }
}
