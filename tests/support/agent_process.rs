//! An agent as a process of its own, to be killed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use childsync::grpc::push_client::PushClient;

use super::agent::{AgentOptions, write_config};
use super::eventually;
use super::hub::TestHub;
use super::pki::Pki;

/// An agent as a process of its own. Killed when it is dropped.
pub(crate) struct AgentProcess {
    child: Child,
    config: PathBuf,
    options: AgentOptions,
}

impl AgentProcess {
    pub(crate) async fn start(pki: &Pki, folder: &Path, options: AgentOptions) -> Self {
        let config = write_config(pki, folder, &options);
        let child = spawn(&config, None);
        let process = Self {
            child,
            config,
            options,
        };
        process.ready().await;
        process
    }

    /// Starts it again after it was killed.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(&self.config, None);
        self.ready().await;
    }

    /// Starts it on a disk where no file may grow beyond so many units of 512 bytes.
    pub(crate) async fn start_again_on_full_disk(&mut self, blocks: u64) {
        self.child = spawn(&self.config, Some(blocks));
        self.ready().await;
    }

    async fn ready(&self) {
        let port = self.options.grpc;
        eventually("the agent takes connections", || async move {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
        })
        .await;
    }

    /// Kills it without warning, as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// Its number among the machine's processes.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log_text(&self) -> String {
        std::fs::read_to_string(self.config.with_extension("log")).unwrap_or_default()
    }

    /// A client of the agent, with its own node's certificate.
    pub(crate) fn pushing(&self, pki: &Pki) -> PushClient {
        let url = format!("https://127.0.0.1:{}", self.options.grpc);
        PushClient::new(TestHub::line_to(&url, &pki.node("commune")))
    }
}

impl Drop for AgentProcess {
    fn drop(&mut self) {
        // A process that has ended already cannot be killed: that is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn(config: &Path, full_at: Option<u64>) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(config.with_extension("log"))
        .expect("a log");
    // The program that a commune installs.
    let program = env!("CARGO_BIN_EXE_childsync-agent");
    let mut command = match full_at {
        None => Command::new(program),
        Some(blocks) => {
            let mut command = Command::new("sh");
            let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
            command.args(["-c", &limited, program]);
            command
        }
    };
    command
        .arg("--config")
        .arg(config)
        .env_remove("CHILDSYNC_TEST_POSTGRES_URL")
        .env("CHILDSYNC_LOG_FILTER", "info")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the program starts")
}
