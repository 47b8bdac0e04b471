package https

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/signature"
	"github.com/rollcall-dev/rollcall/pkg/version"
)

const (
	single  = "application/cloudevents+json; charset=utf-8"
	batched = "application/cloudevents-batch+json; charset=utf-8"
	// maxReply bounds what is read of an answer, whose body is not used.
	maxReply = 64 << 10
)

// Send posts the entries in one request. The whole of them is acknowledged by a
// 2xx, or nothing. A refusal that one of them may be to blame for says so.
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
	// Read to its end, so that the connection can be reused.
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
		"User-Agent":        {"rollcall/" + version.String()},
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)},
		"Webhook-Signature": {signature.Sign(d.keys, id, now, body)},
	}
	return request, nil
}

// message returns a body that is the request's own: the transport may still read
// it when Send has returned.
func (d *Driver) message(entries []bus.Entry) (id, contentType string, body []byte) {
	if d.batch == 0 {
		return headerID(entries[0].ID), single, bytes.Clone(entries[0].Body)
	}
	hash := sha256.New()
	for _, e := range entries {
		// With their lengths, so that no two lists of ids look alike.
		_, _ = fmt.Fprintf(hash, "%d:%s", len(e.ID), e.ID)
	}
	return hex.EncodeToString(hash.Sum(nil)), batched, bus.AppendArray(nil, entries)
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
		r.After = retry.After(response.Header, now)
	case status >= 300 && status < 400:
		r.Remedy = "redirects are not followed: write the final address in the sink's URL"
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		r.Remedy = "check that the receiver has the same secret"
	case status == http.StatusGone:
		r.Remedy = "the receiver wants no more messages: remove the sink"
	case status == http.StatusRequestEntityTooLarge:
		r.Remedy, r.Divide = "lower max-bytes in the sink's URL to what the receiver takes", true
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		r.Remedy, r.Divide = "check the receiver's log", true
	default:
		r.Remedy = "check the receiver's log"
	}
	return r
}

// broken says what an exchange without an answer means. The error's own text is
// dropped: it quotes the URL, and bytes of an answer that is not HTTP.
func broken(err error) *bus.Refusal {
	var address *addressError
	if errors.As(err, &address) {
		return &bus.Refusal{Problem: address.Error(), Remedy: "use a public address, or allow private ones in the sink's URL"}
	}
	connection := diagnosis.OfConnection(err)
	if connection == diagnosis.None {
		connection = diagnosis.Broken
	}
	r := &bus.Refusal{
		Problem: "the webhook could not be reached: " + connection.String(), Retry: connection.Transient(),
		Remedy: "check the host in the sink's URL, the receiver and the network",
	}
	if connection == diagnosis.Untrusted {
		r.Remedy = "check the host's name and SSL_CERT_FILE"
	}
	if connection == diagnosis.Timeout {
		r.Remedy, r.Err = "it must answer before it processes a message", context.DeadlineExceeded
	}
	return r
}
