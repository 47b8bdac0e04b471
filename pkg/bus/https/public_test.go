package https

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestOnlyPublicAddressesAreDialled(t *testing.T) {
	for _, public := range []string{
		"93.184.216.34", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "198.17.0.1", "223.255.255.254",
		"2606:4700:4700::1111", "2a00:1450:4001:80e::200e", "::ffff:93.184.216.34", "64:ff9b::5db8:d822",
	} {
		if why := notPublic(netip.MustParseAddr(public)); why != "" {
			t.Errorf("%s is refused: %s", public, why)
		}
	}
	for _, private := range []string{
		"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
		"169.254.170.2", "100.64.0.1", "100.127.255.255", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1",
		"198.19.255.255", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::ffff:0:10.0.0.1",
		"fe80::1", "fe80::1%eth0", "2606:4700:4700::1111%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1",
		"64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:5db8:d822::1",
		"2001::1", "2001:0:53aa:64c:0:5efe:5601:5601", "2001:db8::1", "3fff::1", "100::1", "5f00::1", "4000::1",
	} {
		if why := notPublic(netip.MustParseAddr(private)); why == "" {
			t.Errorf("%s is taken for public", private)
		}
	}
}

// The rows of IANA's registries, those within another included, with an address
// next to the row that is public, where there is one.
func TestNoSpecialPurposeAddressIsDialled(t *testing.T) {
	for _, c := range []struct{ block, below, above string }{
		{"0.0.0.0/8", "", "1.0.0.0"},
		{"0.0.0.0/32", "", ""},
		{"10.0.0.0/8", "9.255.255.255", "11.0.0.0"},
		{"100.64.0.0/10", "100.63.255.255", "100.128.0.0"},
		{"127.0.0.0/8", "126.255.255.255", "128.0.0.0"},
		{"169.254.0.0/16", "169.253.255.255", "169.255.0.0"},
		{"172.16.0.0/12", "172.15.255.255", "172.32.0.0"},
		{"192.0.0.0/24", "191.255.255.255", "192.0.1.0"},
		{"192.0.0.0/29", "", ""},
		{"192.0.0.8/32", "", ""},
		{"192.0.0.9/32", "", ""},
		{"192.0.0.10/32", "", ""},
		{"192.0.0.170/32", "", ""},
		{"192.0.0.171/32", "", ""},
		{"192.0.2.0/24", "192.0.1.255", "192.0.3.0"},
		{"192.31.196.0/24", "192.31.195.255", "192.31.197.0"},
		{"192.52.193.0/24", "192.52.192.255", "192.52.194.0"},
		{"192.88.99.0/24", "192.88.98.255", "192.88.100.0"},
		{"192.88.99.2/32", "", ""},
		{"192.168.0.0/16", "192.167.255.255", "192.169.0.0"},
		{"192.175.48.0/24", "192.175.47.255", "192.175.49.0"},
		{"198.18.0.0/15", "198.17.255.255", "198.20.0.0"},
		{"198.51.100.0/24", "198.51.99.255", "198.51.101.0"},
		{"203.0.113.0/24", "203.0.112.255", "203.0.114.0"},
		{"224.0.0.0/4", "223.255.255.255", ""},
		{"240.0.0.0/4", "", ""},
		{"255.255.255.255/32", "", ""},

		{"::1/128", "", ""},
		{"::/128", "", ""},
		{"64:ff9b:1::/48", "", ""},
		{"100::/64", "", ""},
		{"100:0:0:1::/64", "", ""},
		{"2001::/23", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"},
		{"2001::/32", "", ""},
		{"2001:1::1/128", "", ""},
		{"2001:1::2/128", "", ""},
		{"2001:1::3/128", "", ""},
		{"2001:2::/48", "", ""},
		{"2001:3::/32", "", ""},
		{"2001:4:112::/48", "", ""},
		{"2001:10::/28", "", ""},
		{"2001:20::/28", "", ""},
		{"2001:30::/28", "", ""},
		{"2001:db8::/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
		{"2002::/16", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"},
		{"2620:4f:8000::/48", "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", "2620:4f:8001::"},
		{"3fff::/20", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"},
		{"5f00::/16", "", ""},
		{"fc00::/7", "", ""},
		{"fe80::/10", "", ""},
		{"ff00::/8", "", ""},
	} {
		block := netip.MustParsePrefix(c.block)
		for _, addr := range []netip.Addr{block.Addr(), last(block)} {
			ways := []netip.Addr{addr}
			if addr.Is4() {
				four := addr.As4()
				ways = append(ways, netip.AddrFrom16(addr.As16()), netip.AddrFrom16([16]byte{1: 0x64, 2: 0xff, 3: 0x9b, 12: four[0], 13: four[1], 14: four[2], 15: four[3]}))
			}
			for _, addr := range ways {
				if why := notPublic(addr); why == "" {
					t.Errorf("%s of %s is taken for public", addr, block)
				}
			}
		}
		for _, text := range []string{c.below, c.above} {
			if text == "" {
				continue
			}
			if why := notPublic(netip.MustParseAddr(text)); why != "" {
				t.Errorf("%s beside %s is refused: %s", text, block, why)
			}
		}
	}
}

// last is the last address of a block.
func last(block netip.Prefix) netip.Addr {
	bytes := block.Addr().AsSlice()
	for bit := block.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	addr, _ := netip.AddrFromSlice(bytes)
	return addr
}

func TestTheDialledAddressIsWhatIsChecked(t *testing.T) {
	var refused *addressError
	if err := onlyPublic("tcp4", "169.254.169.254:443", nil); !errors.As(err, &refused) {
		t.Errorf("error %v", err)
	}
	if err := onlyPublic("tcp6", "[2606:4700:4700::1111]:443", nil); err != nil {
		t.Error(err)
	}
	if err := onlyPublic("tcp", "receiver.example.com:443", nil); err == nil {
		t.Error("a name is taken for an address")
	}
}

// Whatever name led there: the connection itself is what is refused.
func TestNoConnectionIsMadeToAPrivateAddress(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("called") }))
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	c, err := Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := newTransport(Config{Target: c.Target, RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err == nil {
		_ = response.Body.Close()
		t.Fatal("the connection was made")
	}
	if r := broken(err); r.Retry || r.Remedy == "" || !errors.As(err, new(*addressError)) {
		t.Errorf("refusal %+v of %v", r, err)
	}
}
