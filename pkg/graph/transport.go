package graph

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// NewTransport returns the transport that this package is tuned for. It keeps
// the standard proxy and certificate variables (HTTPS_PROXY, SSL_CERT_FILE).
//
// HTTP/1.1: two connections take turns, so that a page which stalls cannot
// hold up the next one and a fresh connection after a 503 is simply a new one.
// No compression: the transfer hides behind the next request, so inflating it
// would only cost CPU.
func NewTransport() *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second,
		Protocols:           &protocols,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     90 * time.Second,
		ReadBufferSize:      32 << 10,
	}
}
