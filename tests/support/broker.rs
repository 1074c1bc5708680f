//! Real Kafka clusters for tests.
//!
//! Every node is a process of its own under the supervisor `tests/kafka/broker.sh` ([`Supervised`]): no test can leave a
//! broker behind.
//!
//! Failures panic: a test has nothing better to do with them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{self, DeliveryResult, Message, OwnedHeaders};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::supervised::Supervised;

/// Long enough for three brokers on a busy machine of two cores.
const DEADLINE: Duration = Duration::from_secs(90);
/// For a single request of those that are tried again.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const RETRY_PAUSE: Duration = Duration::from_millis(50);

const UNPOISONED: &str = "no code that holds this lock panics";

/// The cluster of one node that the tests of this binary share. Topic names keep them apart.
pub fn shared_cluster() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start(1))
}

/// A running cluster. Nodes count from 1; node 1 is a broker like the others.
pub struct Cluster {
    // Fields are dropped in this order: first the nodes go, then the directory they write to.
    nodes: Mutex<BTreeMap<i32, Node>>,
    admin: AdminClient<DefaultClientContext>,
    /// Kept because a new idempotent producer needs half a second before its first record.
    idle_producers: Mutex<Vec<Producer>>,
    layout: Layout,
}

impl Cluster {
    /// Starts a cluster of so many nodes and returns when all of them serve.
    pub fn start(nodes: usize) -> Cluster {
        Cluster::start_with(nodes, &[])
    }

    /// The same with further lines in the configuration of every node.
    pub fn start_with(nodes: usize, config: &[(&str, &str)]) -> Cluster {
        let config: String = config.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        Cluster::start_configured(nodes, |_, _| Extras { config: config.clone(), scram_users: String::new() })
    }

    /// The same with extras that know the nodes' ports, in the order of [`Layout::ports`], and the directory that goes
    /// when the last node does.
    pub fn start_configured(nodes: usize, mut extras: impl FnMut(&[u16], &Path) -> Extras) -> Cluster {
        for _ in 0..3 {
            let layout = Layout::new(nodes, &mut extras);
            let running = (1..=layout.node_count()).map(|node| (node, Node::start(&layout, node))).collect();
            let admin = client(&layout.bootstrap_servers()).create().expect("an admin client");
            let cluster = Cluster { nodes: Mutex::new(running), admin, idle_producers: Mutex::default(), layout };
            match cluster.wait_until_ready() {
                Ok(()) => return cluster,
                // Another process took a port after we found it free.
                Err(failure) if failure.contains("Address already in use") => continue,
                Err(failure) => panic!("{failure}"),
            }
        }
        panic!("three times in a row a port was taken before the broker could bind it");
    }

    pub fn bootstrap_servers(&self) -> String {
        self.layout.bootstrap_servers()
    }

    /// Creates a topic and returns when every partition of it has a leader.
    pub fn create_topic(&self, name: &str, partitions: i32, replication: i32, config: &[(&str, &str)]) {
        self.create(NewTopic::new(name, partitions, TopicReplication::Fixed(replication)), config);
    }

    /// Creates a topic of one partition on these nodes; the first of them leads it.
    pub fn create_topic_on(&self, name: &str, nodes: &[i32], config: &[(&str, &str)]) {
        self.create(NewTopic::new(name, 1, TopicReplication::Variable(&[nodes])), config);
    }

    fn create<'a>(&self, mut topic: NewTopic<'a>, config: &[(&'a str, &'a str)]) {
        let (name, partitions) = (topic.name, topic.num_partitions);
        topic.config.extend_from_slice(config);
        let results = block_on(self.admin.create_topics([&topic], &admin_options()));
        for result in results.unwrap_or_else(|error| panic!("cannot create topic {name}: {error}")) {
            result.unwrap_or_else(|(_, code)| panic!("cannot create topic {name}: {code}"));
        }
        for partition in 0..partitions {
            self.leader(name, partition);
        }
        self.await_on_all_nodes(name);
    }

    /// Returns when every node has heard of a topic. One that has not says that there is none.
    fn await_on_all_nodes(&self, topic: &str) {
        let nodes: Vec<i32> = self.nodes.lock().expect(UNPOISONED).keys().copied().collect();
        if nodes.len() == 1 {
            return;
        }
        for node in nodes {
            eventually(|| {
                // A new one each time: it knows no other node to ask.
                let asker: BaseConsumer = client(&self.layout.address(node)).create().expect("a client");
                let metadata = asker.fetch_metadata(Some(topic), REQUEST_TIMEOUT).map_err(|error| error.to_string())?;
                // It hears of the others while it asks, and may take one of them; it calls the one it began with -1 at
                // first.
                if ![node, -1].contains(&metadata.orig_broker_id()) {
                    return Err(format!("node {node} has not been asked about {topic}"));
                }
                let has_all = |topic: &MetadataTopic| !topic.partitions().is_empty() && topic.error().is_none();
                let is_known = metadata.topics().first().is_some_and(has_all);
                is_known.then_some(()).ok_or_else(|| format!("node {node} has not heard of {topic}"))
            });
        }
    }

    /// Gives a topic more partitions, so many in all, and returns when every one of them has a leader.
    pub fn grow_topic(&self, name: &str, partitions: usize) {
        let results = block_on(self.admin.create_partitions([&NewPartitions::new(name, partitions)], &admin_options()));
        for result in results.unwrap_or_else(|error| panic!("cannot give {name} more partitions: {error}")) {
            result.unwrap_or_else(|(_, code)| panic!("cannot give {name} more partitions: {code}"));
        }
        for partition in 0..i32::try_from(partitions).expect("a topic has few partitions") {
            self.leader(name, partition);
        }
    }

    /// Deletes a topic, and returns when it is gone.
    pub fn delete_topic(&self, name: &str) {
        let results = block_on(self.admin.delete_topics(&[name], &admin_options()));
        for result in results.unwrap_or_else(|error| panic!("cannot delete topic {name}: {error}")) {
            result.unwrap_or_else(|(_, code)| panic!("cannot delete topic {name}: {code}"));
        }
        eventually(|| match self.partition(name, 0, MetadataPartition::leader) {
            Ok(_) => Err(format!("topic {name} is still there")),
            Err(_) => Ok(()),
        });
    }

    /// Commits offsets for a group that nobody is a member of.
    pub fn commit(&self, group: &str, topic: &str, offsets: &[(i32, i64)]) {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset)).expect("offsets are not negative");
        }
        self.group_client(group).commit(&list, CommitMode::Sync).expect("a group without members takes offsets");
    }

    /// What a group has committed for partitions 0 and up.
    pub fn committed(&self, group: &str, topic: &str, partitions: i32) -> Vec<Option<i64>> {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions - 1);
        let committed = self.group_client(group).committed_offsets(list, DEADLINE).expect("the group can be asked");
        let offset_of = |partition| match committed.find_partition(topic, partition).map(|found| found.offset()) {
            Some(Offset::Offset(offset)) => Some(offset),
            _ => None,
        };
        (0..partitions).map(offset_of).collect()
    }

    fn group_client(&self, group: &str) -> BaseConsumer {
        client(&self.bootstrap_servers()).set("group.id", group).create().expect("a consumer")
    }

    /// A producer of transactions.
    pub fn transactions(&self, id: &str) -> Transactions {
        let inner: BaseProducer =
            client(&self.bootstrap_servers()).set("transactional.id", id).create().expect("a producer");
        inner.init_transactions(DEADLINE).expect("transactions can be begun");
        Transactions { inner }
    }

    /// Deletes the records of a partition whose offset is lower.
    pub fn delete_records(&self, topic: &str, partition: i32, before_offset: i64) {
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(topic, partition, Offset::Offset(before_offset))
            .unwrap_or_else(|error| panic!("cannot delete records before {before_offset}: {error}"));
        block_on(self.admin.delete_records(&offsets, &admin_options()))
            .and_then(|results| results.elements().iter().try_for_each(|element| element.error()))
            .unwrap_or_else(|error| {
                panic!("cannot delete records of {topic}[{partition}] before {before_offset}: {error}")
            });
    }

    /// Kills a node as a power cut would.
    pub fn kill_broker(&self, node: i32) {
        self.end_node(node, "kill");
    }

    /// Stops a node cleanly: it hands over its partitions first, if another node can take them.
    pub fn stop_broker(&self, node: i32) {
        self.end_node(node, "stop");
    }

    /// Starts a node that was killed or stopped, on the data it has left, and returns when it serves:
    /// when a majority of the nodes runs.
    pub fn start_broker(&self, node: i32) {
        let earlier = self.nodes.lock().expect(UNPOISONED).insert(node, Node::start(&self.layout, node));
        assert!(earlier.is_none(), "node {node} was running already");
        self.wait_until_ready().unwrap_or_else(|failure| panic!("{failure}"));
    }

    /// The node that leads a partition. Waits for there to be one.
    pub fn leader(&self, topic: &str, partition: i32) -> i32 {
        eventually(|| match self.partition(topic, partition, MetadataPartition::leader)? {
            -1 => Err(format!("{topic}[{partition}] has no leader")),
            leader => Ok(leader),
        })
    }

    /// Makes another replica of a partition its leader, while both nodes go on running.
    pub fn move_leader(&self, topic: &str, partition: i32, to_node: i32) {
        let replicas = || self.partition(topic, partition, |partition| partition.replicas().to_vec());
        // The first replica is the preferred leader, so the replicas are put in a new order before the election.
        let mut order = eventually(replicas);
        assert!(order.contains(&to_node), "{topic}[{partition}] has replicas {order:?}, none on node {to_node}");
        order.sort_by_key(|&node| node != to_node);

        let plan = self.layout.run_dir.path().join(format!("move-{topic}-{partition}.json"));
        let text = format!(
            r#"{{"version": 1, "partitions": [{{"topic": "{topic}", "partition": {partition}, "replicas": {order:?}}}]}}"#
        );
        fs::write(&plan, text).expect("the run directory can be written to");
        let plan = plan.to_str().expect("paths of temporary files are UTF-8");
        self.run_tool(
            "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
            &["--execute", "--reassignment-json-file", plan],
        );
        eventually(|| match replicas()? {
            now if now == order => Ok(()),
            now => Err(format!("{topic}[{partition}] has replicas {now:?}, not yet {order:?}")),
        });

        self.run_tool(
            "org.apache.kafka.tools.LeaderElectionCommand",
            &["--election-type", "preferred", "--topic", topic, "--partition", &partition.to_string()],
        );
        self.await_leader(topic, partition, to_node);
    }

    /// Waits until a partition is led by this node.
    pub fn await_leader(&self, topic: &str, partition: i32, node: i32) {
        eventually(|| match self.leader(topic, partition) {
            leader if leader == node => Ok(()),
            leader => Err(format!("{topic}[{partition}] is led by {leader}, not yet by {node}")),
        });
    }

    /// Takes away every right on consumer groups. The cluster needs an authorizer.
    pub fn deny_groups(&self) {
        self.change_rights(&["--add", "--deny-principal", "User:*", "--operation", "All", "--group", "*"]);
    }

    /// Takes away every right on a topic from all but super users. The cluster needs an authorizer.
    pub fn deny_topic(&self, topic: &str) {
        self.change_rights(&["--add", "--deny-principal", "User:*", "--operation", "All", "--topic", topic]);
    }

    /// Leaves only the right to see that a topic is there: where there is any rule, there has to be one that allows.
    pub fn deny_reading(&self, topic: &str) {
        self.change_rights(&["--add", "--allow-principal", "User:*", "--operation", "Describe", "--topic", topic]);
    }

    /// Undoes [`Cluster::deny_topic`] and [`Cluster::deny_reading`].
    pub fn allow_topic(&self, topic: &str) {
        self.change_rights(&["--remove", "--topic", topic]);
    }

    fn change_rights(&self, arguments: &[&str]) {
        self.run_tool("org.apache.kafka.tools.AclCommand", &[arguments, &["--force"]].concat());
    }

    /// A new producer. [`Cluster::produce`] does for most tests.
    pub fn producer(&self) -> Producer {
        Producer::new(&self.bootstrap_servers())
    }

    /// [`Producer::produce`] with one of the cluster's own producers.
    pub fn produce<'a>(&self, topic: &str, partition: i32, records: impl IntoIterator<Item = Record<'a>>) -> Vec<i64> {
        let idle = self.idle_producers.lock().expect(UNPOISONED).pop();
        let mut producer = idle.unwrap_or_else(|| self.producer());
        let offsets = producer.produce(topic, partition, records);
        self.idle_producers.lock().expect(UNPOISONED).push(producer);
        offsets
    }

    fn end_node(&self, node: i32, command: &str) {
        let running = self.nodes.lock().expect(UNPOISONED).remove(&node);
        running.unwrap_or_else(|| panic!("node {node} is not running")).0.end(command);
    }

    /// What the cluster says about a partition now.
    fn partition<T>(&self, topic: &str, partition: i32, read: impl Fn(&MetadataPartition) -> T) -> Result<T, String> {
        let metadata =
            self.admin.inner().fetch_metadata(Some(topic), REQUEST_TIMEOUT).map_err(|error| error.to_string())?;
        let mut partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
        let found = partitions.find(|candidate| candidate.id() == partition);
        found.map(read).ok_or_else(|| format!("there is no {topic}[{partition}]"))
    }

    /// Runs one of Kafka's own command line tools. They give up on their own after a minute.
    fn run_tool(&self, class: &str, arguments: &[&str]) {
        let java = std::env::var_os("JAVA_HOME").map_or("java".into(), |home| Path::new(&home).join("bin/java"));
        let output = Command::new(java)
            .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true", "-cp"])
            .arg(self.layout.lib_dir.join("*"))
            .arg(class)
            .args(["--bootstrap-server", &self.bootstrap_servers()])
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("java can be run, since the brokers run in it");
        assert!(
            output.status.success(),
            "{class} failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Waits until each running node, asked alone, lists all running nodes: then they serve, they know one
    /// another, and there is a controller.
    fn wait_until_ready(&self) -> Result<(), String> {
        let mut nodes = self.nodes.lock().expect(UNPOISONED);
        let ids: Vec<i32> = nodes.keys().copied().collect();
        let end = Instant::now() + DEADLINE;
        for &id in &ids {
            // A client of its own, as one that knows other brokers would ask them.
            let probe = client(&self.layout.address(id)).create().expect("an admin client");
            while !lists_brokers(&probe, &ids) {
                if let Some(gone) = nodes.iter_mut().find_map(|(&node, process)| process.0.has_gone().then_some(node)) {
                    return Err(format!("node {gone} has gone\n{}", self.layout.log_tail(gone)));
                }
                if Instant::now() > end {
                    let log = self.layout.log_tail(id);
                    return Err(format!("node {id} of {ids:?} does not serve after {DEADLINE:?}\n{log}"));
                }
                thread::sleep(RETRY_PAUSE);
            }
        }
        Ok(())
    }
}

fn lists_brokers(admin: &AdminClient<DefaultClientContext>, ids: &[i32]) -> bool {
    let Ok(metadata) = admin.inner().fetch_metadata(None, Duration::from_secs(1)) else { return false };
    ids.iter().all(|&id| metadata.brokers().iter().any(|broker| broker.id() == id))
}

/// What nodes have beside the template.
pub struct Extras {
    /// Further lines of configuration; they win over lines of the template.
    pub config: String,
    /// One line for each user and mechanism, as Kafka's storage tool takes them.
    pub scram_users: String,
}

/// What the nodes of a cluster have to agree on.
struct Layout {
    run_dir: tempfile::TempDir,
    lib_dir: PathBuf,
    /// The broker port and the controller port of each node in turn.
    ports: Vec<u16>,
    extras: Extras,
}

impl Layout {
    fn new(nodes: usize, extras: &mut dyn FnMut(&[u16], &Path) -> Extras) -> Layout {
        let lib_dir = std::env::var_os("KARROW_KAFKA_LIB").unwrap_or_else(|| {
            panic!(
                "KARROW_KAFKA_LIB is not set. Run the tests with `cmake --workflow --preset test`, or set it to a \
                 directory of Kafka's jars, which this command makes: mvn -f tests/kafka/pom.xml \
                 dependency:copy-dependencies -DoutputDirectory=DIRECTORY"
            )
        });
        let ports: Vec<u16> = (0..2 * nodes).map(|_| free_port()).collect();
        let run_dir = tempfile::Builder::new().prefix("karrow-kafka-").tempdir().expect("a temporary directory");
        Layout { extras: extras(&ports, run_dir.path()), run_dir, lib_dir: lib_dir.into(), ports }
    }

    fn node_count(&self) -> i32 {
        i32::try_from(self.ports.len() / 2).expect("a cluster has few nodes")
    }

    fn address(&self, node: i32) -> String {
        let index = usize::try_from(node - 1).expect("nodes count from 1");
        format!("127.0.0.1:{}", self.ports[2 * index])
    }

    fn bootstrap_servers(&self) -> String {
        (1..=self.node_count()).map(|node| self.address(node)).collect::<Vec<_>>().join(",")
    }

    fn log_tail(&self, node: i32) -> String {
        let path = self.run_dir.path().join(format!("node-{node}/broker.log"));
        let log = fs::read(&path).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        format!("the end of {}:\n{}", path.display(), lines[lines.len().saturating_sub(40)..].join("\n"))
    }
}

/// A port that nobody listens on, below the range the system takes the ports of outgoing connections from.
/// No port is handed out twice, and processes begin at different ones, so that clusters started at the same
/// time do not meet.
pub fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
        let process = u16::try_from(std::process::id() % 1_000).expect("a number below 1000");
        AtomicU16::new(process * (COUNT / 1_000))
    });
    (0..COUNT)
        .map(|_| FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT)
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .expect("one of so many ports is free")
}

/// A running node. Dropping it kills the broker and gives up its data.
struct Node(Supervised);

impl Node {
    fn start(layout: &Layout, node: i32) -> Node {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/broker.sh");
        let supervisor = Supervised::start(
            Command::new(script)
                .arg(&layout.lib_dir)
                .arg(layout.run_dir.path())
                .args([node, layout.node_count()].map(|number| number.to_string()))
                .args(layout.ports.iter().map(|port| port.to_string()))
                .env("KARROW_BROKER_CONFIG", &layout.extras.config)
                .env("KARROW_BROKER_SCRAM", &layout.extras.scram_users),
        );
        Node(supervisor)
    }
}

/// A record to produce. Absent keys and values are nulls.
#[derive(Clone, Debug, Default)]
pub struct Record<'a> {
    pub key: Option<Cow<'a, [u8]>>,
    pub value: Option<Cow<'a, [u8]>>,
    /// Now, if there is none.
    pub timestamp_ms: Option<i64>,
    pub headers: Vec<Header<'a>>,
}

/// A header's name and value, which may be null. Names may repeat.
pub type Header<'a> = (Cow<'a, str>, Option<Cow<'a, [u8]>>);

/// A producer whose every record is acknowledged, in order, exactly once.
pub struct Producer {
    inner: BaseProducer<Deliveries>,
}

impl Producer {
    fn new(bootstrap_servers: &str) -> Producer {
        let inner = client(bootstrap_servers)
            .set("enable.idempotence", "true")
            .set("linger.ms", "1")
            .set("queue.buffering.max.messages", "200000")
            .set("delivery.timeout.ms", DEADLINE.as_millis().to_string())
            .create_with_context(Deliveries::default())
            .expect("a producer");
        Producer { inner }
    }

    /// Writes records to a partition and returns the offset of each of them. Panics unless all were acknowledged.
    pub fn produce<'a>(
        &mut self,
        topic: &str,
        partition: i32,
        records: impl IntoIterator<Item = Record<'a>>,
    ) -> Vec<i64> {
        let mut sent = 0;
        for record in records {
            self.send(topic, partition, &record);
            sent += 1;
        }
        // Not `flush`, which waits for at least 100 ms. It is bounded: each record is reported on within
        // `delivery.timeout.ms`.
        while self.inner.in_flight_count() > 0 {
            self.inner.poll(Duration::from_millis(1));
        }
        let deliveries = std::mem::take(&mut *self.inner.context().results.lock().expect(UNPOISONED));
        let offsets: Vec<i64> = deliveries
            .into_iter()
            .map(|delivery| delivery.unwrap_or_else(|error| panic!("{topic}[{partition}] lost a record: {error}")))
            .collect();
        assert_eq!(offsets.len(), sent, "each record has one report");
        assert!(offsets.is_sorted_by(|earlier, later| earlier < later), "records were written in another order");
        offsets
    }

    fn send(&self, topic: &str, partition: i32, record: &Record) {
        let mut unsent = BaseRecord::to(topic).partition(partition);
        unsent.key = record.key.as_deref();
        unsent.payload = record.value.as_deref();
        unsent.timestamp = record.timestamp_ms;
        if !record.headers.is_empty() {
            let headers = record.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
                headers.insert(message::Header { key, value: value.as_deref() })
            });
            unsent.headers = Some(headers);
        }
        loop {
            match self.inner.send(unsent) {
                Ok(()) => return,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), returned)) => {
                    unsent = returned;
                    // Room comes with the delivery reports.
                    self.inner.poll(Duration::from_millis(5));
                }
                Err((error, _)) => panic!("cannot produce to {topic}[{partition}]: {error}"),
            }
        }
    }
}

/// A producer that writes in transactions.
pub struct Transactions {
    inner: BaseProducer,
}

impl Transactions {
    /// Begins a transaction and writes records; they are in the log when it returns.
    pub fn write<'a>(&self, topic: &str, partition: i32, records: impl IntoIterator<Item = Record<'a>>) {
        self.inner.begin_transaction().expect("no transaction is open");
        for record in records {
            let mut unsent = BaseRecord::<[u8], [u8]>::to(topic).partition(partition);
            unsent.key = record.key.as_deref();
            unsent.payload = record.value.as_deref();
            unsent.timestamp = record.timestamp_ms;
            self.inner.send(unsent).map_err(|(error, _)| error).expect("the producer's queue has room");
        }
        self.inner.flush(DEADLINE).expect("the records are written");
    }

    pub fn commit(&self) {
        self.inner.commit_transaction(DEADLINE).expect("the transaction is committed");
    }

    pub fn abort(&self) {
        self.inner.abort_transaction(DEADLINE).expect("the transaction is aborted");
    }
}

/// Collects the delivery reports of a producer in the order they come: the order of the records, since there is
/// one partition at a time and the producer is idempotent.
#[derive(Default)]
struct Deliveries {
    results: Mutex<Vec<Result<i64, KafkaError>>>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        let result = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.clone()),
        };
        self.results.lock().expect(UNPOISONED).push(result);
    }
}

fn client(bootstrap_servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap_servers)
        // A broker that comes back is to be found at once.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "200");
    config
}

fn admin_options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(DEADLINE))
}

/// Repeats an attempt until it succeeds; panics when the deadline has passed.
fn eventually<T>(mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(reason) if Instant::now() > end => panic!("{reason} after {DEADLINE:?}"),
            Err(_) => thread::sleep(RETRY_PAUSE),
        }
    }
}

/// Runs one of the admin client's futures, which have their own time-out. They are the only futures here,
/// which is why there is no runtime to run them.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
