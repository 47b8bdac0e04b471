package simulator

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// Subscriptions returns the subscriptions to changes that exist, in the order in which
// they were made.
func (t *Tenant) Subscriptions() []Subscription {
	all, _ := t.notices.List(0, 0)
	return all
}

// Notices counts the notices of all subscriptions, of those too that have ended.
func (t *Tenant) Notices() Notices { return t.notices.Total() }

// DeliverNotifications sends all notifications now that wait for their first or their next
// attempt. It does not wait for the answers.
func (t *Tenant) DeliverNotifications() { t.notices.Deliver() }

// ExpireSubscription ends a subscription as time does: nobody is told, and no list has it.
func (t *Tenant) ExpireSubscription(id string) error { return existing(id, t.notices.End(id)) }

// LapseAuthorization ends the authorisation of a subscription: it gets the lifecycle event
// reauthorizationRequired at once, and no notification until it reauthorises or renews.
func (t *Tenant) LapseAuthorization(id string) error { return existing(id, t.notices.Lapse(id)) }

func existing(id string, ok bool) error {
	if !ok {
		return fmt.Errorf("there is no subscription %s", id)
	}
	return nil
}

// Close ends the delivery of notifications, and returns when nothing is being sent any
// more. A server that stops does that.
func (t *Tenant) Close() { t.notices.Close() }

// TransportTo is a transport whose requests, to whatever host, a handler answers without a
// socket, as with [Tenant.Transport]: for Config.Endpoints.
func TransportTo(handler http.Handler) http.RoundTripper { return wire.Transport(handler) }

// EndpointTransport is a transport for Config.Endpoints that reaches notification addresses
// on loopback, or with anywhere all. Besides the system's authorities it trusts those in
// pem, certificates in PEM; nil adds none.
func EndpointTransport(pem []byte, anywhere bool) (*http.Transport, error) {
	authorities, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's certificate authorities: %w", err)
	}
	if pem != nil && !authorities.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in PEM")
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if !anywhere {
		dialer.Control = onLoopback
	}
	return &http.Transport{
		DialContext:       dialer.DialContext,
		TLSClientConfig:   &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true, // so that nothing is left of a tenant that stops
	}, nil
}

// onLoopback refuses connections to other machines, whatever name led to them.
func onLoopback(_, address string, _ syscall.RawConn) error {
	if to, err := netip.ParseAddrPort(address); err != nil || !to.Addr().IsLoopback() {
		return fmt.Errorf("%s is not on loopback", address)
	}
	return nil
}
