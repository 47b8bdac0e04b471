package diagnosis_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
)

func TestConnectionsAreToldApart(t *testing.T) {
	for want, errs := range map[diagnosis.Connection][]error{
		diagnosis.None:        {nil, errors.New("something else"), context.Canceled},
		diagnosis.UnknownHost: {&net.DNSError{IsNotFound: true}, &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}},
		diagnosis.Unresolved:  {&net.DNSError{IsTemporary: true}, &net.DNSError{IsTimeout: true}},
		diagnosis.Untrusted:   {&tls.CertificateVerificationError{Err: errors.New("x")}, x509.UnknownAuthorityError{}},
		diagnosis.Refused:     {&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}},
		diagnosis.Timeout:     {context.DeadlineExceeded, os.ErrDeadlineExceeded, &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}},
		diagnosis.Broken:      {io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, &net.OpError{Op: "read", Err: errors.New("x")}},
	} {
		for _, err := range errs {
			if got := diagnosis.OfConnection(err); got != want {
				t.Errorf("%v: %d, want %d", err, got, want)
			}
			if err != nil && diagnosis.OfConnection(fmt.Errorf("ask: %w", err)) != want {
				t.Errorf("%v is not found when it is wrapped", err)
			}
		}
		if (want.String() == "") != (want == diagnosis.None) {
			t.Errorf("%d is described as %q", want, want)
		}
	}
}

func TestAnAnswerIsToldWithoutTheServicesOwnText(t *testing.T) {
	f := diagnosis.Failure{Code: "AccessDenied", Status: 403, RequestID: "4442587FB7D0A2F9"}
	if got := f.Answer("S3"); got != "S3 answered AccessDenied (HTTP 403, request id 4442587FB7D0A2F9)" {
		t.Error(got)
	}
	if got := (diagnosis.Failure{Status: 502}).Answer("S3"); got != "S3 answered (HTTP 502)" {
		t.Error(got)
	}
}

func TestASentenceTellsOnlyWhatIsKnown(t *testing.T) {
	var d diagnosis.Details
	d.Add("code ", "")
	if got := d.Sentence("it broke", ""); got != "it broke" {
		t.Error(got)
	}
	d.Add("code ", "7")
	d.Add("", "here")
	if got := d.Sentence("it broke", "try again later"); got != "it broke (code 7, here): try again later" {
		t.Error(got)
	}
}

func TestATokenIsPlainlyOne(t *testing.T) {
	for text, want := range map[string]string{
		"AccessDenied": "AccessDenied", "1-2.3_a": "1-2.3_a", "": "",
		"two words": "", "name@example.com": "", "a\n": "", "Ä": "", strings.Repeat("x", 97): "",
	} {
		if got := diagnosis.Token(text); got != want {
			t.Errorf("%q gives %q", text, got)
		}
	}
}
