package store

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"
)

// Broken says in a few words how a connection failed, and returns "" when err is
// not about a connection. The text of err is not repeated: it may quote a proxy's
// address with its password.
func Broken(err error) string {
	var (
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
		unknown     x509.UnknownAuthorityError
		network     net.Error
	)
	switch {
	case errors.As(err, &name):
		return "the name of the server is unknown"
	case errors.As(err, &certificate), errors.As(err, &unknown):
		return "the server's certificate is not trusted"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.As(err, &network) && network.Timeout():
		return "the server did not answer in time"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection broke"
	case errors.As(err, new(*net.OpError)):
		return "the connection failed"
	}
	return ""
}
