//! A laboratory of hosts in network namespaces, joined by a bridge that is itself in a namespace: no packet reaches the
//! machine's own interfaces, and nothing is left behind, whatever happens.
//!
//! A holder process (`unshare`) owns a network namespace with the bridge and a mount namespace in which the hosts have their names.
//! When its standard input ends, so when the test ends in whatever way, it ends every process on its hosts; with the last
//! of them the kernel takes all of it away.
//!
//! ```text
//!  holder's namespace:        labbr
//!                    labport1   labport2   labport3
//!                       |          |          |           veth pairs
//!                     lab0       lab0       lab0          10.77.0.1/24, fd77::1/64, fe80::…   and lo
//!                    host 1     host 2     host 3
//! ```
//!
//! Needs Linux, `unshare` and `nsenter` (util-linux), `ip` (iproute2), and root or user namespaces.

use crate::program::{Program, SOON};
use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, Ipv6Addr},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
};

/// The bridge's name.
pub const BRIDGE: &str = "labbr";
/// The name of each host's interface.
pub const INTERFACE: &str = "lab0";
/// The bridge's ports are called this and the number of their host.
pub const PORT_PREFIX: &str = "labport";

/// Sets the bridge up, says so, and waits for the end of its input.
const HOLDER: &str = r#"
set -e
mount -t tmpfs lab /run
mkdir /run/netns
ip link set lo up
ip link add labbr type bridge forward_delay 0 mcast_snooping 0
ip link set labbr up
echo ready
cat >/dev/null
for host in $(ip netns list | cut -d ' ' -f 1); do
    for process in $(ip netns pids "$host"); do kill -9 "$process" || true; done
done
"#;

/// Which addresses a host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// IPv4 and IPv6.
    Both,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

/// Hosts joined by a bridge.
#[derive(Debug)]
pub struct Lab {
    inside: Arc<Inside>,
    hosts: Vec<Host>,
}

/// Runs a program in the namespaces of another process.
const ENTER: &str = "nsenter";

/// The way into the holder's namespaces.
#[derive(Debug)]
struct Inside {
    /// The words for [`ENTER`].
    enter: Vec<String>,
    /// Shared only so that hosts can be used from several threads.
    holder: Mutex<Program>,
}

impl Drop for Inside {
    /// The last host is gone: asks the holder to end what still runs, and everything with it.
    fn drop(&mut self) {
        let holder = self.holder.get_mut().unwrap_or_else(PoisonError::into_inner);
        holder.close_input();
        holder.try_ended(SOON);
    }
}

impl Inside {
    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(ENTER);
        command.args(&self.enter).arg(program);
        command
    }

    #[track_caller]
    fn script(&self, script: &str) -> String {
        finish(self.command("sh").args(["-ec", script]))
    }
}

impl Lab {
    /// So many hosts with both kinds of addresses, numbered from 1.
    ///
    /// # Panics
    /// With words, if this machine can't do it.
    #[must_use]
    #[track_caller]
    pub fn new(hosts: usize) -> Self {
        Self::with(&vec![Addresses::Both; hosts])
    }

    /// A host for each of these, numbered from 1.
    ///
    /// # Panics
    /// With words, if this machine can't do it.
    #[must_use]
    #[track_caller]
    pub fn with(hosts: &[Addresses]) -> Self {
        let root = is_root();
        let own_user: &[&str] = if root { &[] } else { &["--map-root-user"] };
        let mut unshare = Command::new("unshare");
        unshare.args(own_user).args(["--net", "--mount", "sh", "-c", HOLDER]);
        let mut holder = Program::start("the holder of the laboratory", &mut unshare);
        let ready = holder.try_wait(SOON, |line| (line.text == "ready").then_some(()));
        if let Err(why) = ready {
            panic!(
                "no laboratory of network namespaces here: {why}. It needs Linux, unshare and nsenter (util-linux), ip \
                 (iproute2), and root or user namespaces.\n{holder:?}"
            );
        }
        let mut enter = vec![format!("--target={}", holder.id())];
        if !root {
            enter.extend(["--user", "--preserve-credentials"].map(str::to_owned));
        }
        enter.extend(["--net", "--mount"].map(str::to_owned));
        let mut lab = Self { inside: Arc::new(Inside { enter, holder: Mutex::new(holder) }), hosts: Vec::new() };
        for addresses in hosts {
            lab.add_host(*addresses);
        }
        lab
    }

    /// Joins one more host to the bridge.
    #[track_caller]
    pub fn add_host(&mut self, addresses: Addresses) -> Host {
        let number = u8::try_from(self.hosts.len() + 1).unwrap_or_else(|_| panic!("too many hosts"));
        let host = Host { number, addresses, inside: Arc::clone(&self.inside) };
        self.inside.script(&host.plan());
        self.hosts.push(host.clone());
        host
    }

    /// The host with this number, from 1.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    #[track_caller]
    pub fn host(&self, number: usize) -> Host {
        match number.checked_sub(1).and_then(|at| self.hosts.get(at)) {
            Some(host) => host.clone(),
            None => panic!("there is no host {number}"),
        }
    }

    /// All hosts.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }
}

/// A host of a [`Lab`], which lives as long as its last host.
#[derive(Debug, Clone)]
pub struct Host {
    number: u8,
    addresses: Addresses,
    inside: Arc<Inside>,
}

impl Host {
    /// From 1.
    #[must_use]
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// Its IPv4 address, if it has one.
    #[must_use]
    pub const fn ipv4(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, self.number)
    }

    /// Its global IPv6 address, if it has one.
    #[must_use]
    pub const fn ipv6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, self.number as u16)
    }

    /// A program to run on this host. The process that is started becomes the program itself, so its id can be signalled.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.inside.command("ip");
        command.args(["netns", "exec", &self.name()]).arg(program);
        command
    }

    /// Runs a shell script on this host to its end and returns what it printed.
    ///
    /// # Panics
    /// If it fails.
    #[track_caller]
    pub fn script(&self, script: &str) -> String {
        finish(self.command("sh").args(["-ec", script]))
    }

    /// Takes the interface down, as when Wi-Fi is switched off.
    #[track_caller]
    pub fn interface_down(&self) {
        self.script(&format!("ip link set {INTERFACE} down"));
    }

    /// Takes the interface up again, with all its addresses.
    #[track_caller]
    pub fn interface_up(&self) {
        // Linux forgets global IPv6 addresses when an interface goes down.
        let again = if self.addresses == Addresses::V4 {
            String::new()
        } else {
            format!("ip addr replace {}/64 dev {INTERFACE} nodad", self.ipv6())
        };
        self.script(&format!("ip link set {INTERFACE} up\n{again}"));
    }

    /// Takes the host off the bridge without its noticing: its interface stays up, as when a switch further away fails.
    #[track_caller]
    pub fn cut_off(&self) {
        self.inside.script(&format!("ip link set {PORT_PREFIX}{} nomaster", self.number));
    }

    /// Joins it to the bridge again.
    #[track_caller]
    pub fn join_again(&self) {
        self.inside.script(&format!("ip link set {PORT_PREFIX}{} master {BRIDGE}", self.number));
    }

    fn name(&self) -> String {
        format!("host{}", self.number)
    }

    /// How this host is made.
    fn plan(&self) -> String {
        let (name, number) = (self.name(), self.number);
        let mut plan = format!(
            "ip netns add {name}\n\
             ip link add {PORT_PREFIX}{number} type veth peer name {INTERFACE} netns {name}\n\
             ip link set {PORT_PREFIX}{number} master {BRIDGE} up\n\
             on() {{ ip netns exec {name} \"$@\"; }}\n\
             on ip link set lo up\n"
        );
        // Addresses are taken at once instead of after looking for doubles for 1 to 2 s.
        let v6 = match self.addresses {
            Addresses::V4 => "for at in all default lab0; do echo 1 >/proc/sys/net/ipv6/conf/$at/disable_ipv6; done",
            _ => "for at in all default lab0; do echo 0 >/proc/sys/net/ipv6/conf/$at/accept_dad; done",
        };
        let _ = writeln!(plan, "on sh -ec '{v6}'");
        if self.addresses != Addresses::V6 {
            let _ = writeln!(plan, "on ip addr add {}/24 dev {INTERFACE}", self.ipv4());
        }
        let _ = writeln!(plan, "on ip link set {INTERFACE} up");
        if self.addresses != Addresses::V4 {
            let _ = writeln!(plan, "on ip addr add {}/64 dev {INTERFACE} nodad", self.ipv6());
        }
        plan
    }
}

/// Whether a command was made by [`Host::command`].
#[must_use]
pub fn is_on_host(command: &Command) -> bool {
    command.get_program() == ENTER && command.get_args().any(|word| word == "netns")
}

#[track_caller]
fn finish(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("can't be run: {command:?}: {error}"));
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "failed: {command:?}\n{words}{errors}");
    words
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    line.and_then(|line| line.split_whitespace().nth(1)) == Some("0")
}
