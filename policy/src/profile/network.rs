//! `network` and `lsm`.

use crate::diagnostic::Flaw;
use crate::lattice::network::Protocol;
use crate::origin::At;
use crate::parse::list::{Item, List};
use crate::parse::record::record;
use crate::parse::scalar::{Limit, Written};
use crate::policy::Label;
use crate::units::{BitRate, Count, EventRate};
use serde_json::{Value, json};
use std::net::IpAddr;

record! {
    /// Traffic.
    Network as "`network`" {
        /// What leaves.
        egress: Egress,
        /// What arrives.
        ingress: Ingress,
        /// Whether it only reports.
        monitor: At<bool>,
        /// Whether a host may lack the layer.
        optional: At<bool>,
    }
}

record! {
    /// Traffic that leaves.
    Egress as "`egress`" {
        /// Bits a second.
        rate: At<Limit<BitRate>>,
        /// Packets a second.
        packets: At<Limit<EventRate>>,
        /// Connections opened a second.
        new_connections: At<Limit<EventRate>>,
        /// Connections open at once.
        open_connections: At<Limit<Count>>,
        /// Peers that it may reach; without the list all of them.
        to: List<Peer>,
    }
}

record! {
    /// Traffic that arrives.
    Ingress as "`ingress`" {
        /// Bits a second.
        rate: At<Limit<BitRate>>,
        /// Packets a second.
        packets: At<Limit<EventRate>>,
        /// Connections accepted a second.
        new_connections: At<Limit<EventRate>>,
        /// Connections open at once.
        open_connections: At<Limit<Count>>,
        /// Limits on each source.
        per_source: PerSource,
        /// Peers admitted, each with the port of ours that it may reach; without the list all of them.
        from: List<Peer>,
    }
}

record! {
    /// Limits on each source.
    PerSource as "`per_source`" {
        /// Connections accepted a second.
        new_connections: At<Limit<EventRate>>,
    }
}

/// Peers: addresses, and of a protocol the ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The network and the bits of its mask; `None`: any address of both families.
    pub network: Option<(IpAddr, u8)>,
    /// The protocol and its ports, first and last; `None`: every protocol.
    pub protocol: Option<(Protocol, u16, u16)>,
}

/// How a peer is written.
const PEER: &str = "a peer is written `any`, `10.0.0.0/8`, `any tcp/443`, `2001:db8::/32 udp/5000-5010`";

/// A network as written.
fn network(text: &str) -> Result<Option<(IpAddr, u8)>, Flaw> {
    if text == "any" {
        return Ok(None);
    }
    let wrong = || Flaw::new(format!("`{text}` is no address or network")).help(PEER);
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let width: u8 = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => width,
        Some(bits) if bits.len() <= 3 && bits.chars().all(|c| c.is_ascii_digit()) => {
            bits.parse().map_err(|_| wrong())?
        }
        Some(_) => return Err(wrong()),
    };
    if bits > width {
        return Err(Flaw::new(format!("a mask of {bits} bits is longer than the address, {width}")));
    }
    let base = base(address, bits);
    if base != address {
        let flaw = Flaw::new(format!("`{text}` has bits behind its mask"));
        return Err(flaw.help(format!("write the network `{base}/{bits}` or the address `{address}`")));
    }
    Ok(Some((address, bits)))
}

/// The first address of a network.
fn base(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((u32::from(address) & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((u128::from(address) & mask).into())
        }
    }
}

/// A protocol with its ports as written.
fn protocol(text: &str) -> Result<(Protocol, u16, u16), Flaw> {
    let (name, ports) = match text.split_once('/') {
        Some((name, ports)) => (name, Some(ports)),
        None => (text, None),
    };
    let protocol = match name {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return Err(Flaw::new(format!("`{name}` is neither `tcp` nor `udp`")).help(PEER)),
    };
    let Some(ports) = ports else {
        return Ok((protocol, 0, u16::MAX));
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok((protocol, first, last)),
        _ => Err(Flaw::new(format!("`{ports}` is no port or range of ports"))
            .help("ports are written `443` or `5000-5010`")),
    }
}

impl Written for Peer {
    const WHAT: &'static str = "a peer";

    fn from_text(text: &str) -> Result<Self, Flaw> {
        let mut words = text.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(address), None, None) => Ok(Peer { network: network(address)?, protocol: None }),
            (Some(address), Some(ports), None) => {
                Ok(Peer { network: network(address)?, protocol: Some(protocol(ports)?) })
            }
            _ => Err(Flaw::new(format!("`{text}` is no peer")).help(PEER)),
        }
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": r"^(any|[0-9.]+(/[0-9]{1,2})?|[0-9a-fA-F:.]+(/[0-9]{1,3})?)( (tcp|udp)(/[0-9]+(-[0-9]+)?)?)?$",
        })
    }
}

impl Item for Peer {}

record! {
    /// Labels of the security modules.
    Lsm as "`lsm`" {
        /// AppArmor: `generate`, `unconfined`, or the name of a profile that the host has.
        apparmor: At<LabelChoice>,
        /// SELinux: `generate`, `unconfined`, or the name of a type that the host has.
        selinux: At<LabelChoice>,
        /// Only programs in directories that root alone can write are started.
        trusted_paths: At<bool>,
        /// Whether it only reports.
        monitor: At<bool>,
        /// Whether a host may lack the layer.
        optional: At<bool>,
    }
}

/// A label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelChoice(pub Label);

impl Written for LabelChoice {
    const WHAT: &'static str = "`generate`, `unconfined` or the name of a label";

    fn from_text(text: &str) -> Result<Self, Flaw> {
        match text {
            "generate" => Ok(LabelChoice(Label::Generate)),
            "unconfined" => Ok(LabelChoice(Label::Unconfined)),
            _ if text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) => {
                Err(Flaw::new(format!("`{text}` is no label")).help("a label has no spaces"))
            }
            _ => Ok(LabelChoice(Label::Name(text.to_owned()))),
        }
    }

    fn schema() -> Value {
        json!({"type": "string", "pattern": r"^\S+$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_as_written() {
        let peer = |text| Peer::from_text(text);
        assert_eq!(peer("any"), Ok(Peer { network: None, protocol: None }));
        assert_eq!(peer("any udp"), Ok(Peer { network: None, protocol: Some((Protocol::Udp, 0, 65535)) }));
        assert_eq!(
            peer("10.0.0.0/8 tcp/5432"),
            Ok(Peer {
                network: Some(([10, 0, 0, 0].into(), 8)),
                protocol: Some((Protocol::Tcp, 5432, 5432))
            })
        );
        let v6: IpAddr = "2001:db8::".parse().unwrap();
        assert_eq!(
            peer("2001:db8::/32 tcp/1-9"),
            Ok(Peer { network: Some((v6, 32)), protocol: Some((Protocol::Tcp, 1, 9)) })
        );
        assert_eq!(peer("0.0.0.0/0"), Ok(Peer { network: Some(([0, 0, 0, 0].into(), 0)), protocol: None }));
        for text in [
            "",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "any icmp",
            "any tcp/0x1",
            "any tcp/9-1",
            "any tcp/70000",
            "all",
            "any tcp/1 x",
        ] {
            assert!(peer(text).is_err(), "{text}");
        }
    }
}
