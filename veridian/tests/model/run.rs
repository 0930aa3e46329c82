//! One sequence on a system, each operation compared with the model.

use crate::common::random;
use crate::differences::{self, Difference};
use crate::generator::Generator;
use crate::model::Model;
use crate::operation::{CLIENTS, Operation, Outcome};
use crate::report::History;
use crate::survey;
use dataplane::Credentials;
use std::collections::BTreeMap;
use std::time::Instant;

const OPERATIONS: &str = "VERIDIAN_OPERATIONS";
const USUAL_OPERATIONS: u64 = 100_000;
const USUAL_SEED: u64 = 1;
/// Operations between two looks at everything.
const SURVEY_EVERY: u64 = 50_000;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) operations: u64,
}

impl Plan {
    pub(crate) fn from_environment() -> Self {
        let seed = random::seed_or(USUAL_SEED);
        let operations = std::env::var(OPERATIONS).map_or(USUAL_OPERATIONS, |text| {
            text.parse().unwrap_or_else(|_| panic!("{OPERATIONS} is no number: {text}"))
        });
        Self { seed, operations }
    }
}

/// Whom the clients act as, and whom files are given to.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    pub(crate) clients: Vec<Credentials>,
    pub(crate) uids: Vec<u32>,
    pub(crate) gids: Vec<u32>,
    /// Whether they are several, and a directory can be the root: both take root.
    pub(crate) are_several: bool,
}

impl Users {
    /// User 0 and two others who have a group in common; without root, this process's own.
    pub(crate) fn of_this_process() -> Self {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let user = |uid, gid, groups| Credentials { uid, gid, groups };
        if uid != 0 {
            let clients = vec![user(uid, gid, vec![]); CLIENTS];
            return Self { clients, uids: vec![uid], gids: vec![gid], are_several: false };
        }
        let (root, one) = (user(0, 0, vec![]), user(1001, 1001, vec![2000]));
        let other = user(1002, 1002, vec![1003, 2000]);
        let clients = (0..CLIENTS).map(|client| match client {
            0 | 1 => root.clone(),
            2..=4 => one.clone(),
            _ => other.clone(),
        });
        Self {
            clients: clients.collect(),
            uids: vec![0, 1001, 1002],
            gids: vec![0, 1001, 1002, 1003, 2000],
            are_several: true,
        }
    }
}

/// What operations are done on.
pub(crate) trait Executor {
    /// Does what a client does.
    fn run(&mut self, client: usize, operation: &Operation) -> Outcome;
}

/// A run.
struct Run<'a> {
    name: &'a str,
    plan: Plan,
    executor: &'a mut dyn Executor,
    model: Model,
    history: History,
    left_out: BTreeMap<Difference, u64>,
    compared: u64,
}

/// Runs the sequence of a plan on a system; `name` is what reports call it.
pub(crate) fn compare(name: &str, plan: Plan, executor: &mut dyn Executor, model: Model) {
    let start = Instant::now();
    let mut generator = Generator::new(plan.seed, model.users.clone());
    let (history, left_out) = (History::new(), BTreeMap::new());
    let mut run = Run { name, plan, executor, model, history, left_out, compared: 0 };
    for number in 1..=plan.operations {
        let (client, operation) = generator.operation();
        run.step(number, client, operation);
        if number % SURVEY_EVERY == 0 || number == plan.operations {
            for operation in survey::operations(&run.model.naive) {
                run.step(number, 0, operation);
            }
            run.model.forget_gone();
        }
    }
    let (seconds, nodes) = (start.elapsed().as_secs_f64(), run.model.naive.nodes.len());
    println!(
        "{name}: {plan:?}: {} outcomes are what the model says, {nodes} files were made, \
         in {seconds:.1} s",
        run.compared
    );
    for (difference, count) in &run.left_out {
        println!("{name}: {count} left out: {difference}");
    }
}

impl Run<'_> {
    fn step(&mut self, number: u64, client: usize, operation: Operation) {
        if let Some(difference) = differences::of(&self.model, client, &operation) {
            *self.left_out.entry(difference).or_default() += 1;
            return;
        }
        let nodes = self.model.nodes(client, &operation);
        let expected = self.model.run(client, &operation);
        let found = self.executor.run(client, &operation);
        if found != expected {
            let who = self.model.who(client);
            let Plan { seed, .. } = self.plan;
            println!("\n{}: seed {seed}: before, on the same names and open files:", self.name);
            self.history.print(&operation, &nodes);
            println!(
                "operation {number} differs: client {client}, {who:?}: {operation:?}, files {nodes:?}"
            );
            println!("  the model: {expected:?}\n  found:     {found:?}");
            panic!("{}: operation {number} is not what the model says; see above", self.name);
        }
        self.compared += 1;
        self.history.add(number, (client, operation), expected, nodes);
    }
}
