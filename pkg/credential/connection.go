package credential

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

const untrusted = "its certificate is not trusted"

// brokenConnection says in a few words why a request got no answer, "" when err
// is not about the connection. Its own words, because the error's text may quote a
// proxy's address with its password.
func brokenConnection(err error) string {
	var (
		certificate *tls.CertificateVerificationError
		name        *net.DNSError
		operation   *net.OpError
		timeout     interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &certificate):
		return untrusted
	case errors.As(err, &name):
		return "its name does not resolve"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it did not answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.As(err, &operation):
		return "the connection broke"
	}
	return ""
}
