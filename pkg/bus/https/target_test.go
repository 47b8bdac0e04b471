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

func TestTheDialledAddressIsWhatIsJudged(t *testing.T) {
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
