use std::process::{Command, Stdio};

/// Where the relay is, whichever way leads there.
const RELAY: &str = "10.77.0.1";

/// A client's host and a relay's, network namespaces of Linux, with two wires between them. Both go with this value.
pub struct Network {
    client: String,
    relay: String,
}

/// A wire, and the interface on the client's side.
#[derive(Clone, Copy, Debug)]
pub enum Wire {
    A,
    B,
}

impl Network {
    /// Both wires are down. `None` where there is no `ip`, or no right to make hosts.
    pub fn new() -> Option<Self> {
        let name = |end: &str| format!("glasslink-{end}-{}", std::process::id());
        let network = Self { client: name("client"), relay: name("relay") };
        for host in [&network.client, &network.relay] {
            if !ip(&["netns", "add", host]) {
                return None;
            }
            set(host, &["link", "set", "lo", "up"]);
        }
        set(&network.relay, &["address", "add", &format!("{RELAY}/32"), "dev", "lo"]);
        for wire in [Wire::A, Wire::B] {
            let (near, far) = (wire.name(), format!("{}-far", wire.name()));
            let ends =
                ["netns", &network.client, "type", "veth", "peer", "name", &far, "netns", &network.relay];
            assert!(ip(&[&["link", "add", "name", near], ends.as_slice()].concat()), "no pair of interfaces");
            set(&network.client, &["address", "add", &wire.address(2), "dev", near]);
            set(&network.relay, &["address", "add", &wire.address(1), "dev", &far]);
            set(&network.relay, &["link", "set", &far, "up"]);
        }
        Some(network)
    }

    pub fn relay_address(&self) -> &'static str {
        RELAY
    }

    /// The interface comes up, and the way to the relay with it.
    pub fn up(&self, wire: Wire) {
        let gateway = wire.address(1);
        let gateway = gateway.trim_end_matches("/24");
        set(&self.client, &["link", "set", wire.name(), "up"]);
        set(&self.client, &["route", "replace", RELAY, "via", gateway, "dev", wire.name()]);
    }

    /// The interface goes down, and the way with it.
    pub fn down(&self, wire: Wire) {
        set(&self.client, &["link", "set", wire.name(), "down"]);
    }

    /// A command on the client's host.
    pub fn on_client(&self, program: &std::path::Path) -> Command {
        on(&self.client, program)
    }

    /// A command on the relay's host.
    pub fn on_relay(&self, program: &std::path::Path) -> Command {
        on(&self.relay, program)
    }
}

impl Wire {
    fn name(self) -> &'static str {
        match self {
            Self::A => "wire-a",
            Self::B => "wire-b",
        }
    }

    fn address(self, end: u8) -> String {
        format!("10.77.{}.{end}/24", self as u8 + 1)
    }
}

fn on(host: &str, program: &std::path::Path) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", host]).arg(program);
    command
}

fn set(host: &str, arguments: &[&str]) {
    assert!(ip(&[&["-n", host], arguments].concat()), "ip -n {host} {arguments:?}");
}

fn ip(arguments: &[&str]) -> bool {
    let run = Command::new("ip").args(arguments).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in [&self.client, &self.relay] {
            ip(&["netns", "del", host]);
        }
    }
}
