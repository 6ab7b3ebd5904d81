//! Where a call comes from, when proxies stand in between.

use std::{fmt, net::IpAddr, str::FromStr};

/// A range of addresses, as `192.0.2.0/24` or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    fn contains(&self, other: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        let (own, width) = bits(self.address);
        let (other, other_width) = bits(other);
        let outside = own ^ other;
        width == other_width && outside.leading_zeros() >= self.prefix
    }
}

/// The proxies whose forwarding headers are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

/// A text that is no list of addresses and networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidNetwork(String);

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is neither an IP address nor a network like 10.0.0.0/8", self.0)
    }
}

impl std::error::Error for InvalidNetwork {}

/// Reads a list with commas, such as `10.0.0.0/8, 192.0.2.7, 2001:db8::/32`.
impl FromStr for TrustedProxies {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(parse_network).collect::<Result<_, _>>().map(Self)
    }
}

fn parse_network(text: &str) -> Result<Network, InvalidNetwork> {
    let invalid = || InvalidNetwork(text.to_owned());
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| invalid())?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= width),
        None => Some(width),
    };
    let prefix = prefix.ok_or_else(invalid)?;
    Ok(Network { address, prefix })
}

impl TrustedProxies {
    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address))
    }

    /// The nearest address on the way to the caller that is not a trusted proxy. `forwarded` is
    /// what the `X-Forwarded-For` headers say, in order; anyone can write to its left end, so it
    /// is read from the right and only as far as the proxies that wrote it are trusted.
    pub(crate) fn client<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut client = peer;
        for hop in forwarded.rev() {
            if !self.trusts(client) {
                break;
            }
            let Some(address) = parse_hop(hop) else { break };
            client = address;
        }
        client
    }
}

/// One hop of `X-Forwarded-For`: an address, by some proxies with a port.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(hop);
    let address = bare.parse().ok();
    address.or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::no_proxy_is_trusted("", "192.0.2.1", &["203.0.113.9"], "192.0.2.1")]
    #[case::the_peer_is_a_proxy("10.0.0.0/8", "10.1.2.3", &["203.0.113.9"], "203.0.113.9")]
    #[case::the_client_forged_the_left_end("10.0.0.0/8", "10.1.2.3", &["1.1.1.1", "203.0.113.9"], "203.0.113.9")]
    #[case::two_proxies("10.0.0.0/8,192.0.2.7", "10.1.2.3", &["203.0.113.9", "192.0.2.7"], "203.0.113.9")]
    #[case::nonsense_ends_the_way("10.0.0.0/8", "10.1.2.3", &["203.0.113.9", "nonsense"], "10.1.2.3")]
    #[case::a_proxy_without_a_header("10.0.0.0/8", "10.1.2.3", &[], "10.1.2.3")]
    #[case::a_port_is_cut("10.0.0.0/8", "10.1.2.3", &["203.0.113.9:1234"], "203.0.113.9")]
    #[case::v6("2001:db8::/32", "2001:db8::1", &["[2001:dead::1]:443"], "2001:dead::1")]
    #[case::a_mapped_peer("10.0.0.0/8", "::ffff:10.1.2.3", &["203.0.113.9"], "203.0.113.9")]
    fn the_client_is_the_rightmost_hop_that_is_not_trusted(
        #[case] trusted: TrustedProxies,
        #[case] peer: IpAddr,
        #[case] forwarded: &[&str],
        #[case] client: IpAddr,
    ) {
        assert_eq!(trusted.client(peer, forwarded.iter().copied()), client);
    }

    #[rstest]
    #[case("10.0.0.0/33")]
    #[case("2001:db8::/129")]
    #[case("example.org")]
    #[case("10.0.0.0/")]
    #[case("10.0.0.0/-1")]
    fn what_is_no_network_is_refused(#[case] text: &str) {
        assert!(text.parse::<TrustedProxies>().is_err());
    }

    #[test]
    fn a_prefix_of_zero_is_everything_of_its_kind() {
        let all: TrustedProxies = "0.0.0.0/0".parse().unwrap();
        assert!(all.trusts("198.51.100.1".parse().unwrap()));
        assert!(!all.trusts("2001:db8::1".parse().unwrap()));
    }
}
