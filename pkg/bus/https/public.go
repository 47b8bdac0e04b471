package https

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// block is a range of addresses at which no public host is reached.
type block struct{ prefix, what string }

// special are the blocks of IANA's IPv4 and IPv6 special-purpose address
// registries, as of 2026 (last updated 2025-10-09), without those within another:
// all of them, globally reachable or not, for a webhook's receiver is at none. After
// each registry's come multicast and what the clouds have besides. 64:ff9b::/96
// and ::ffff:0:0/96 are missing: notPublic judges the IPv4 addresses within.
func special() []block {
	return []block{
		{"0.0.0.0/8", "this network"},
		{"10.0.0.0/8", "private"},
		{"100.64.0.0/10", "a carrier's shared network"},
		{"127.0.0.0/8", "loopback"},
		{"169.254.0.0/16", "link-local"},
		{"172.16.0.0/12", "private"},
		{"192.0.0.0/24", "reserved for protocols"},
		{"192.0.2.0/24", "reserved for documentation"},
		{"192.31.196.0/24", "a name server of AS112"},
		{"192.52.193.0/24", "a multicast relay"},
		{"192.88.99.0/24", "a 6to4 relay"},
		{"192.168.0.0/16", "private"},
		{"192.175.48.0/24", "a name server of AS112"},
		{"198.18.0.0/15", "reserved for benchmarks"},
		{"198.51.100.0/24", "reserved for documentation"},
		{"203.0.113.0/24", "reserved for documentation"},
		{"240.0.0.0/4", "reserved"},
		{"224.0.0.0/4", "multicast"},
		{"168.63.129.16/32", "the Azure host"},

		{"::/128", "unspecified"},
		{"::1/128", "loopback"},
		{"64:ff9b:1::/48", "IPv4 by a local translation"},
		{"100::/64", "discarded"},
		{"100:0:0:1::/64", "a dummy prefix"},
		{"2001::/23", "reserved for protocols, Teredo among them"},
		{"2001:db8::/32", "reserved for documentation"},
		{"2002::/16", "IPv4 by 6to4"},
		{"2620:4f:8000::/48", "a name server of AS112"},
		{"3fff::/20", "reserved for documentation"},
		{"5f00::/16", "a segment routing identifier"},
		{"fc00::/7", "private"},
		{"fe80::/10", "link-local"},
		{"ff00::/8", "multicast"},
	}
}

// notPublic returns why an address is not one of a public host, "" when it is.
// Where an IPv6 address leads to an IPv4 address, that one is judged.
func notPublic(addr netip.Addr) string {
	const (
		nat64  = "64:ff9b::/96" // where a network without IPv4 reaches it (RFC 6052)
		global = "2000::/3"     // all that IANA has allocated to hosts (RFC 4291)
	)
	if addr.Zone() != "" {
		return "it is link-local"
	}
	addr = addr.Unmap()
	if netip.MustParsePrefix(nat64).Contains(addr) {
		bytes := addr.As16()
		addr = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	for _, b := range special() {
		if netip.MustParsePrefix(b.prefix).Contains(addr) {
			return "it is " + b.what
		}
	}
	if addr.Is6() && !netip.MustParsePrefix(global).Contains(addr) {
		return "it is not of the addresses that public hosts have"
	}
	return ""
}

// addressError is a target whose host turned out not to be public.
type addressError struct{ why string }

func (e *addressError) Error() string {
	return "the target's address is not public: " + e.why
}

// onlyPublic is a net.Dialer's Control: it sees the address that is dialled, after
// the name was resolved, so DNS rebinding cannot bypass it.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("dialled address: %w", err)
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return fmt.Errorf("dialled address: %w", err)
	}
	if why := notPublic(addr); why != "" {
		return &addressError{why: why}
	}
	return nil
}
