package diagnosis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Connection is what is wrong with a connection.
type Connection int

// What may be wrong with a connection.
const (
	// None: the error is not about the connection.
	None Connection = iota
	// UnknownHost: there is no host of that name.
	UnknownHost
	// Unresolved: the name could not be looked up this time.
	Unresolved
	// Untrusted: the server's certificate is not trusted.
	Untrusted
	// Refused: nothing listens there.
	Refused
	// Timeout: no answer came in time.
	Timeout
	// Broken: the connection ended early.
	Broken
)

// String says it in a few words.
func (c Connection) String() string {
	switch c {
	case UnknownHost, Unresolved:
		return "the server's name does not resolve"
	case Untrusted:
		return "the server's certificate is not trusted"
	case Refused:
		return "the connection was refused"
	case Timeout:
		return "the server did not answer in time"
	case Broken:
		return "the connection broke"
	case None:
	}
	return ""
}

// Transient reports whether another attempt may succeed.
func (c Connection) Transient() bool {
	switch c {
	case Unresolved, Refused, Timeout, Broken:
		return true
	case None, UnknownHost, Untrusted:
	}
	return false
}

// OfConnection returns what is wrong with the connection that err is about.
func OfConnection(err error) Connection {
	var (
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		timeout     interface{ Timeout() bool }
		operation   *net.OpError
	)
	switch {
	case errors.As(err, &certificate), errors.As(err, &authority):
		return Untrusted
	case errors.As(err, &name):
		if name.IsNotFound {
			return UnknownHost
		}
		return Unresolved
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.As(err, &operation):
		return Broken
	}
	return None
}
