package appinsights

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

const (
	path = "/v2.1/track"
	// maxHops is how often one request may be sent on to another host of the ingestion.
	maxHops = 3
	// throttledForLong is the ingestion's own status for a component that has sent too much
	// over an extended time.
	throttledForLong = 439
)

// refusal is an answer that does not acknowledge what was sent. The service's message is not
// kept: it may quote the telemetry.
type refusal struct {
	status int
	lines  int // that were refused
	after  time.Duration
}

// Error says what was refused and what to do.
func (r *refusal) Error() string {
	advice := "try again later"
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		advice = "give the managed identity the role Monitoring Metrics Publisher on the component, and set APPLICATIONINSIGHTS_AUTHENTICATION_STRING if the component takes no key"
	case http.StatusBadRequest:
		advice = "the component does not know what was sent: please report it"
	case http.StatusNotFound:
		advice = "correct the IngestionEndpoint of APPLICATIONINSIGHTS_CONNECTION_STRING"
	case http.StatusPaymentRequired:
		advice = "the daily cap of the component is reached: raise it"
	}
	return fmt.Sprintf("the ingestion of Application Insights refused %d metrics with status %d; %s", r.lines, r.status, advice)
}

// again reports whether the same may be taken later. A role that was just assigned is known
// within minutes.
func (r *refusal) again() bool {
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests, throttledForLong,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// post sends lines once. It returns those that were not taken and may be sent again.
func (s *Sender) post(ctx context.Context, lines [][]byte) (left [][]byte, err error) {
	for range maxHops {
		request, err := s.request(ctx, lines)
		if err != nil {
			return lines, err
		}
		response, err := s.client.Do(request)
		if err != nil {
			return lines, fmt.Errorf("the ingestion of Application Insights could not be reached: %s", diagnosis.OfConnection(err))
		}
		body, err := io.ReadAll(response.Body) // which is bounded
		_ = response.Body.Close()
		switch {
		case response.StatusCode == http.StatusTemporaryRedirect || response.StatusCode == http.StatusPermanentRedirect:
			if err := s.move(response.Header.Get("Location")); err != nil {
				return nil, err
			}
			continue
		case response.StatusCode == http.StatusOK:
			return nil, nil
		case response.StatusCode == http.StatusPartialContent && err == nil:
			return s.partly(ctx, response, body, lines)
		}
		return lines, &refusal{response.StatusCode, len(lines), retry.After(response.Header, time.Now())}
	}
	return nil, &refusal{status: http.StatusLoopDetected, lines: len(lines)}
}

func (s *Sender) request(ctx context.Context, lines [][]byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.to.endpoint+path, bytes.NewReader(bytes.Join(lines, []byte("\n"))))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-json-stream")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "rollcall")
	if s.credential != nil {
		token, err := s.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{s.scope()}})
		if err != nil {
			return nil, fmt.Errorf("sign in to Application Insights: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+token.Token)
	}
	return request, nil
}

// move has everything sent to another host from now on, which the ingestion names where it
// has moved a component. It is one of the same cloud, since the token goes there, too.
func (s *Sender) move(location string) error {
	base, ok := strings.CutSuffix(location, path)
	u, err := url.Parse(base)
	if err == nil && ok && !strings.HasPrefix(s.to.endpoint, "http://") && u.Scheme != "https" {
		ok = false
	}
	if err != nil || !ok || check(base, s.own) != nil {
		return errors.New("the ingestion of Application Insights leads to an address that is none of its own: look for a proxy in between")
	}
	s.to.endpoint = base
	return nil
}

var errPartly = errors.New("the ingestion of Application Insights took a part of the metrics, and did not say which")

// partly reads an answer that says which lines were not taken.
func (s *Sender) partly(ctx context.Context, response *http.Response, body []byte, lines [][]byte) (left [][]byte, err error) {
	var answer struct {
		Received *int `json:"itemsReceived"`
		Accepted *int `json:"itemsAccepted"`
		Errors   []struct {
			Index  *int `json:"index"`
			Status int  `json:"statusCode"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Received == nil || answer.Accepted == nil || *answer.Received != len(lines) {
		return nil, errPartly
	}
	var again *refusal
	refused := map[int]bool{}
	for _, e := range answer.Errors {
		if e.Index == nil || *e.Index < 0 || *e.Index >= len(lines) || refused[*e.Index] {
			return nil, errPartly
		}
		refused[*e.Index] = true
		one := &refusal{status: e.Status, lines: 1, after: retry.After(response.Header, time.Now())}
		if one.again() {
			again = one
			left = append(left, lines[*e.Index])
		} else {
			s.log.WarnContext(ctx, "a metric was refused", "error", one)
		}
	}
	switch {
	case len(refused) != *answer.Received-*answer.Accepted:
		return nil, errPartly
	case again == nil:
		return nil, nil
	}
	again.lines = len(left)
	return left, again
}
