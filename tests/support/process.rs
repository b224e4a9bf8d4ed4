//! A hub as a process of its own, to be killed, stopped and resumed.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::eventually;
use super::hub::{HubOptions, write_config};
use super::pki::Pki;

/// A hub's process. Killed when it is dropped.
pub(crate) struct HubProcess {
    child: Child,
    pub(crate) url: String,
    pub(crate) log: PathBuf,
    config: PathBuf,
    port: u16,
}

impl HubProcess {
    /// Starts a hub and waits until it takes connections.
    pub(crate) async fn start(pki: &Pki, database: &str, options: &HubOptions) -> Self {
        let config = write_config(pki, database, options);
        let log = config.with_extension("log");
        let url = format!("https://127.0.0.1:{}", options.port);
        let child = spawn(&config, &log);
        let mut process = Self {
            child,
            url,
            log,
            config,
            port: options.port,
        };
        process.ready().await;
        process
    }

    /// Starts it again after it was killed.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(&self.config, &self.log);
        self.ready().await;
    }

    /// Starts it again on a disk that is full once a file has this size, in units of 512 bytes.
    pub(crate) async fn start_again_on_full_disk(&mut self, blocks: u32) {
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &limited, env!("CARGO_BIN_EXE_childsync")]);
        self.child = run(command, &self.config, &self.log);
        self.ready().await;
    }

    async fn ready(&mut self) {
        let port = self.port;
        eventually("the hub takes connections", || async move {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
        })
        .await;
        let ended = self.child.try_wait().expect("a status");
        assert!(ended.is_none(), "the hub ended: {}", self.log_text());
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Kills it without warning, as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for its end and gives whether it was clean.
    pub(crate) fn wait(&mut self) -> bool {
        self.child.wait().expect("gone").success()
    }
}

impl Drop for HubProcess {
    fn drop(&mut self) {
        // A process that has ended already cannot be killed: that is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn(config: &std::path::Path, log: &std::path::Path) -> Child {
    run(Command::new(env!("CARGO_BIN_EXE_childsync")), config, log)
}

fn run(mut command: Command, config: &std::path::Path, log: &std::path::Path) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(log)
        .expect("a log");
    command
        .args(["hub", "--config"])
        .arg(config)
        .env_remove("CHILDSYNC_TEST_POSTGRES_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the program starts")
}
