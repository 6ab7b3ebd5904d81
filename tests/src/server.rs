//! Running processes of the binary.

use crate::{Answer, Client, Deployment, Fan, Method, Operator, PATIENCE, Performance, Show, eventually};
use futures_util::future::join_all;
use std::{
    fmt,
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};
use tokio::sync::oneshot;

/// A `frontrow serve` that is ready, or several that one calls as if they were one. When the value goes, the processes
/// are killed; when that happens because a test fails, what they wrote to stderr is shown.
pub struct Server {
    client: Client,
    processes: Vec<Process>,
    deployment: Deployment,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server {} at {}", self.process_id(), self.client.base())
    }
}

impl Server {
    pub(crate) async fn start(deployment: Deployment, instances: usize) -> Self {
        let started = join_all((0..instances).map(|_| Process::listening(deployment.command(&["serve"])))).await;
        let (processes, addresses): (Vec<_>, Vec<_>) = started.into_iter().unzip();
        let server = Self {
            client: Client::new(addresses),
            processes,
            deployment,
        };
        for instance in server.client.apart() {
            let ready = async || (instance.try_get("/health/ready").await? == 200).then_some(());
            eventually("/health/ready answers 200", ready).await;
        }
        server
    }

    /// The deployment it belongs to.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Where it listens, as `http://address:port`.
    #[must_use]
    pub fn base(&self) -> &str {
        self.client.base()
    }

    /// The id of its process; of the first if there are several.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.processes[0].child.id()
    }

    /// A client without any credential.
    #[must_use]
    pub fn anonymous(&self) -> Client {
        self.client.clone()
    }

    /// A client with this bearer credential.
    #[must_use]
    pub fn bearer(&self, credential: &str) -> Client {
        self.client.with_bearer(credential)
    }

    /// The operator who may do everything.
    #[must_use]
    pub fn operator(&self) -> Operator {
        Operator::new(self.bearer(self.deployment.operator_key()))
    }

    /// A fan, signed up by the operator.
    pub async fn fan(&self, name: &str) -> Fan {
        let answer = self.operator().sign_up(name).await.expect(201);
        Fan::new(&self.client, &answer)
    }

    /// A fan with this much in the wallet.
    pub async fn fan_with(&self, name: &str, money: i64) -> Fan {
        let fan = self.fan(name).await;
        fan.charge(money).await.expect(201);
        fan
    }

    /// A new concert with this performance.
    pub async fn stage(&self, performance: &Performance) -> Show {
        let operator = self.operator();
        let concert_id = operator.concert("Love Poem").await;
        operator.schedule(&concert_id, performance).await
    }

    /// What it wrote to stderr so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.processes.iter().map(Process::stderr).collect()
    }

    /// Sends SIGTERM and waits for the end; the status tells of a failure if there was one.
    pub async fn stop(mut self) -> ExitStatus {
        self.end().await
    }

    async fn end(&mut self) -> ExitStatus {
        self.signal("TERM");
        let mut all = ExitStatus::default();
        for process in &mut self.processes {
            let ended = eventually("the server ends after SIGTERM", async || process.ended()).await;
            if all.success() {
                all = ended;
            }
        }
        all
    }

    /// Sends SIGKILL and reaps the process.
    pub fn kill(mut self) {
        self.processes.iter_mut().for_each(Process::kill);
    }

    /// Sends SIGSTOP: the process stands still until [`Self::thaw`], and its sockets stay open.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Sends SIGCONT.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        self.processes.iter().for_each(|process| process.signal(signal));
    }

    /// Stops it gracefully and starts it again on the same storage, at another address.
    ///
    /// # Panics
    ///
    /// When it does not stop with exit code 0.
    pub async fn restart(self) -> Self {
        let deployment = self.deployment.clone();
        let stopped = self.stop().await;
        assert!(stopped.success(), "the server stopped with {stopped}");
        deployment.start().await
    }

    /// The end of a story: the audit is clean and the server stops with exit code 0.
    ///
    /// # Panics
    ///
    /// When it is not so.
    pub async fn finish(mut self) {
        self.operator().assert_clean_audit().await;
        let stopped = self.end().await;
        assert!(stopped.success(), "the server stopped with {stopped}");
    }

    /// A call without any credential.
    pub async fn get(&self, path: &str) -> Answer {
        self.client.call(Method::GET, path).await
    }
}

/// A child process whose output is read as it comes.
struct Process {
    child: Child,
    stderr: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts the command and waits until it says where it listens.
    async fn listening(command: Command) -> (Self, String) {
        let (mut process, address) = Self::start(command);
        match tokio::time::timeout(PATIENCE, address).await {
            Ok(Ok(address)) => (process, address),
            Ok(Err(_)) => {
                let status = process.child.wait().expect("a child can be awaited");
                panic!("the server ended ({status}) before it was listening");
            }
            Err(_) => panic!("the server was not listening after {PATIENCE:?}"),
        }
    }

    /// Starts the command; the receiver gets the address once the process says that it is listening.
    fn start(mut command: Command) -> (Self, oneshot::Receiver<String>) {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stderr = Arc::new(Mutex::new(String::new()));
        let (announce, address) = oneshot::channel();
        let out = child.stdout.take().expect("stdout is piped");
        let err = child.stderr.take().expect("stderr is piped");
        let kept = Arc::clone(&stderr);
        let readers = vec![
            std::thread::spawn(move || read_address(out, announce)),
            std::thread::spawn(move || keep_lines(err, &kept)),
        ];
        let process = Self { child, stderr, readers };
        (process, address)
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &self.child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{signal} can be sent");
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be awaited")
    }

    fn kill(&mut self) {
        // An error means that it has ended already; waiting tells either way.
        let _ = self.child.kill();
        self.child.wait().expect("a child can be awaited");
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }

    fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- stderr of server {} ---\n{}---", self.child.id(), self.stderr());
        }
    }
}

fn read_address(out: impl Read, announce: oneshot::Sender<String>) {
    let mut announce = Some(announce);
    for line in BufReader::new(out).lines().map_while(Result::ok) {
        let address = line
            .strip_prefix("listening on ")
            .filter(|address| address.starts_with("http://"));
        if let Some(address) = address
            && let Some(announce) = announce.take()
        {
            // Nobody waits any more when the test has failed meanwhile.
            let _ = announce.send(address.to_owned());
        }
    }
}

fn keep_lines(err: impl Read, kept: &Mutex<String>) {
    for line in BufReader::new(err).lines().map_while(Result::ok) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_str(&line);
        kept.push('\n');
    }
}
