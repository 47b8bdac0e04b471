package subscription

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
)

// patience is how long an address may take to answer.
const patience = 10 * time.Second

// handshake asks the addresses of a subscription, one after the other and even if they are
// the same, to repeat a token (Graph's documentation, "Receive change notifications through
// webhooks", notificationUrl validation).
func (s *Service) handshake(ctx context.Context, r *Request, requestID string) *grapherror.Error {
	addresses := []string{r.NotificationURL}
	if r.LifecycleNotificationURL != "" {
		addresses = append(addresses, r.LifecycleNotificationURL)
	}
	for _, address := range addresses {
		if message := s.validate(ctx, address, requestID); message != "" {
			return grapherror.New(http.StatusBadRequest, "ValidationError", "Subscription validation request "+message)
		}
	}
	return nil
}

// validate says what is wrong with an address, or nothing.
func (s *Service) validate(ctx context.Context, address, requestID string) string {
	if s.config.Endpoints == nil {
		return "failed. This simulated tenant was given no way to reach notification addresses (Config.Endpoints)."
	}
	token := "Validation: Testing client application reachability for subscription Request-Id: " + requestID
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, withToken(address, token), http.NoBody)
	if err != nil {
		return "failed. The address cannot be requested."
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	response, err := s.config.Endpoints.RoundTrip(r)
	if err != nil {
		return unreachable(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(len(token))+1))
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return unreachable(err)
	case response.StatusCode != http.StatusOK:
		return fmt.Sprintf("failed. HTTP status code is '%s'. Notification endpoint must respond with 200 OK to validation request.",
			strings.ReplaceAll(http.StatusText(response.StatusCode), " ", ""))
	case kind != "text/plain":
		return "failed. Notification endpoint must respond with Content-Type text/plain to validation request."
	case string(body) != token:
		return "failed. Response must exactly match validationToken query parameter."
	}
	return ""
}

func unreachable(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "timed out."
	}
	return "failed. Notification endpoint must respond with 200 OK to validation request."
}

// withToken adds the token to an address and keeps the query that it has.
func withToken(address, token string) string {
	address, _, _ = strings.Cut(address, "#")
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + "validationToken=" + url.QueryEscape(token)
}
