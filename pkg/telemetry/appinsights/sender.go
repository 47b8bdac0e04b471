// Package appinsights publishes the figures of invocations as custom metrics of Application
// Insights: one POST of lines of JSON to the ingestion endpoint of a connection string, with a
// token where the component takes no key. Sending goes on beside the work and never makes it
// fail; what cannot be sent is dropped, and the log says so.
//
// The form is that of the Azure Monitor exporters, which Microsoft documents by their source.
package appinsights

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis/azureapi"
	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// Settings are the variables that the host of Azure Functions reads as well.
type Settings struct {
	// Connection says where telemetry goes. Without it there are no metrics.
	Connection string `env:"APPLICATIONINSIGHTS_CONNECTION_STRING"`
	// Authentication is Authorization=AAD[;ClientId=...] where the component takes no key.
	Authentication string `env:"APPLICATIONINSIGHTS_AUTHENTICATION_STRING"`
	// Role is the name of the app.
	Role string `env:"WEBSITE_SITE_NAME"`
}

// Config is what a Sender needs.
type Config struct {
	Settings
	// Cloud is the one whose hosts are sent to.
	Cloud cloud.Cloud
	// SignIn returns the credential of the managed identity of that client id, "" for the
	// system-assigned one. It is called only where a token is asked for.
	SignIn func(clientID string) (azcore.TokenCredential, error)
	// Transport sends the requests. Default: Go's, without redirects.
	Transport policy.Transporter
	Log       *slog.Logger
}

// Sender sends metrics. A nil Sender drops them.
type Sender struct {
	to         connection
	own        cloud.Cloud
	role       string
	credential azcore.TokenCredential // nil where no token is asked for
	client     policy.Transporter
	log        *slog.Logger
	policy     retry.Policy

	queue chan [][]byte
	stop  chan struct{} // closed once nothing more is to be waited for
	done  chan struct{} // closed once everything was sent
}

const (
	maxQueued = 256 // invocations that wait to be sent
	maxLines  = 512 // in one request
	// patience is how long one request may take with all its attempts: less than anybody
	// who waits for an alert takes for granted.
	patience = 2 * time.Minute
)

// New reads the settings and returns a Sender, nil where there is no connection string. It
// makes no request. The error names the variable that is wrong.
func New(cfg Config) (*Sender, error) {
	if cfg.Connection == "" {
		return nil, nil //nolint:nilnil // a nil Sender is one that drops everything
	}
	to, err := parseConnection(cfg.Connection, cfg.Cloud)
	if err != nil {
		return nil, fmt.Errorf("APPLICATIONINSIGHTS_CONNECTION_STRING %w", err)
	}
	signsIn, clientID, err := parseAuthentication(cfg.Authentication)
	if err != nil {
		return nil, fmt.Errorf("APPLICATIONINSIGHTS_AUTHENTICATION_STRING %w", err)
	}
	s := &Sender{
		to: to, own: cfg.Cloud, role: cmp.Or(cfg.Role, "rollcall"), client: azureapi.Client(cfg.Transport), log: cfg.Log,
		policy: retry.Policy{Attempts: 5, First: time.Second, Last: 30 * time.Second, MaxWait: time.Minute},
		queue:  make(chan [][]byte, maxQueued), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if signsIn && s.scope() == "" {
		return nil, fmt.Errorf("APPLICATIONINSIGHTS_AUTHENTICATION_STRING asks for a token, and for whom that would be in the cloud %s is not known", cfg.Cloud.Name)
	}
	if signsIn {
		if s.credential, err = cfg.SignIn(clientID); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// scope is what a token is asked for, "" where that is not known.
func (s *Sender) scope() string { return monitorings()[s.own.Name].scope }

// Emit queues the figures of an invocation of a function. It does not wait: if too much is
// queued already, they are dropped.
func (s *Sender) Emit(ctx context.Context, function string, f *telemetry.Figures) {
	if s == nil {
		return
	}
	select {
	case s.queue <- s.envelopes(function, time.Now(), f):
	default:
		s.log.WarnContext(ctx, "metrics were dropped: too many wait to be sent")
	}
}

// Run sends what is queued until Close has been called.
func (s *Sender) Run() {
	if s == nil {
		return
	}
	defer close(s.done)
	for {
		select {
		case lines := <-s.queue:
			s.deliver(s.queued(lines))
		case <-s.stop:
			for lines := s.queued(nil); len(lines) > 0; lines = s.queued(nil) {
				s.deliver(lines)
			}
			return
		}
	}
}

// queued adds what waits to lines, as much as goes into one request.
func (s *Sender) queued(lines [][]byte) [][]byte {
	for len(lines) < maxLines {
		select {
		case next := <-s.queue:
			lines = append(lines, next...)
		default:
			return lines
		}
	}
	return lines
}

// Close ends Run once everything that is queued was sent, or ctx has ended. It is called once.
func (s *Sender) Close(ctx context.Context) {
	if s == nil {
		return
	}
	close(s.stop)
	select {
	case <-s.done:
	case <-ctx.Done():
	}
}

// deliver sends lines, and logs what could not be sent.
func (s *Sender) deliver(lines [][]byte) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.safely(ctx, lines); err != nil {
		s.log.WarnContext(ctx, "metrics could not be sent", "metrics", len(lines), "error", err)
	}
}

func (s *Sender) safely(ctx context.Context, lines [][]byte) (err error) {
	defer crash.Recover(&err)
	return s.send(ctx, lines)
}

// send sends lines until the ingestion has taken them, or will not.
func (s *Sender) send(ctx context.Context, lines [][]byte) error {
	for loop := (retry.Loop{Policy: s.policy}); ; {
		left, err := s.post(ctx, lines)
		var refusal *refusal
		switch {
		case err == nil:
			return nil
		case len(left) == 0, errors.As(err, &refusal) && !refusal.again():
			return err
		}
		lines = left
		after := time.Duration(0)
		if refusal != nil {
			after = refusal.after
		}
		if err := loop.Again(ctx, err, after, nil); err != nil {
			return err
		}
	}
}
