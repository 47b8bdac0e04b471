package https

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

const (
	single = "application/cloudevents+json; charset=utf-8"
	batch  = "application/cloudevents-batch+json; charset=utf-8"
	// maxReply bounds what is read of an answer, which says nothing that counts.
	maxReply = 64 << 10
)

// Send posts the entries in one request. The whole of them is acknowledged by a
// 2xx, or nothing.
func (d *Driver) Send(ctx context.Context, entries []bus.Entry) ([]bus.Failure, error) {
	request, err := d.request(ctx, entries)
	if err != nil {
		return nil, err
	}
	response, err := d.client.Do(request)
	if err != nil {
		return nil, broken(err)
	}
	defer func() { _ = response.Body.Close() }()
	// Read to its end, so that the connection can be used again.
	_, _ = io.CopyN(io.Discard, response.Body, maxReply)
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		return nil, nil
	}
	return nil, refused(response, time.Now())
}

func (d *Driver) request(ctx context.Context, entries []bus.Entry) (*http.Request, error) {
	id, contentType, body := d.message(entries)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.target.url.String(), bytes.NewReader(body))
	if err != nil {
		// The error's text quotes the URL.
		return nil, &bus.Refusal{Problem: "the request could not be made: check the URL"}
	}
	now := time.Now()
	request.Header = http.Header{
		"Content-Type":      {contentType},
		"User-Agent":        {"rollcall"},
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)},
		"Webhook-Signature": {signatures(d.secrets, id, now, body)},
	}
	return request, nil
}

// message returns a body that is the request's own: the transport may still read
// it when Send has returned.
func (d *Driver) message(entries []bus.Entry) (id, contentType string, body []byte) {
	if !d.batch {
		return headerID(entries[0].ID), single, bytes.Clone(entries[0].Body)
	}
	hash := sha256.New()
	body = append(body, '[')
	for i, e := range entries {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, e.Body...)
		// With their lengths, so that no two lists of ids look alike.
		_, _ = fmt.Fprintf(hash, "%d:%s", len(e.ID), e.ID)
	}
	return hex.EncodeToString(hash.Sum(nil)), batch, append(body, ']')
}

// headerID is an event's id as a header carries it: a hash where it could not.
func headerID(id string) string {
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' {
			sum := sha256.Sum256([]byte(id))
			return hex.EncodeToString(sum[:])
		}
	}
	return id
}

// refused says what an answer other than 2xx means. Its body is not quoted.
func refused(response *http.Response, now time.Time) *bus.Refusal {
	status := response.StatusCode
	r := &bus.Refusal{Code: "HTTP " + strconv.Itoa(status), Problem: "the webhook refused the message"}
	switch {
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		r.Problem, r.Retry = "the webhook did not take the message", true
		r.After = retryAfter(response.Header.Get("Retry-After"), now)
	case status >= 300 && status < 400:
		r.Remedy = "redirects are not followed: write the final address in the sink's URL"
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		r.Remedy = "check that the receiver has the same secret"
	case status == http.StatusGone:
		r.Remedy = "the receiver wants no more messages: remove the sink"
	case status == http.StatusRequestEntityTooLarge:
		r.Remedy = "lower the size of a batch in the sink's URL"
	default:
		r.Remedy = "check the receiver's log"
	}
	return r
}

// retryAfter reads a Retry-After header: seconds or an HTTP-date (RFC 9110,
// section 10.2.3). 0 means absent, past or unreadable.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// broken says what an exchange without an answer means. The error's own text is
// dropped: it quotes the URL, and bytes of an answer that is not HTTP.
func broken(err error) *bus.Refusal {
	var (
		address     *addressError
		certificate *tls.CertificateVerificationError
		name        *net.DNSError
	)
	switch {
	case errors.As(err, &address):
		return &bus.Refusal{Problem: address.Error(), Remedy: "use a public address, or allow private ones in the sink's URL"}
	case errors.As(err, &certificate):
		return &bus.Refusal{Problem: "the webhook's certificate is not trusted", Remedy: "check the host's name and SSL_CERT_FILE"}
	case errors.As(err, &name):
		return &bus.Refusal{Problem: "the webhook's name does not resolve", Remedy: "check the host in the sink's URL and the network", Retry: !name.IsNotFound}
	case errors.Is(err, context.DeadlineExceeded):
		return &bus.Refusal{Problem: "the webhook did not answer in time", Remedy: "it must answer before it works on a message", Retry: true, Err: context.DeadlineExceeded}
	}
	return &bus.Refusal{Problem: "the connection to the webhook broke", Remedy: "check the receiver and the network", Retry: true}
}
