package aws_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/rotation"
	"github.com/rollcall-dev/rollcall/pkg/rotation/aws"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

const (
	nameOfSecret  = "rollcall/entra" // that is rotated
	rotatorName   = "rollcall/rotator"
	readerID      = simulator.DefaultClientID
	rotatorID     = "20747a70-0a57-4a7e-9d0c-ba9876543210"
	rotatorSecret = "the-secret-of-the-rotator"
	days          = 30
)

func steps() []string {
	return []string{rotation.Create, rotation.Set, rotation.Test, rotation.Finish}
}

// fixture is a tenant with an app that reads and one that rotates, and their secrets.
type fixture struct {
	t      *testing.T
	tenant *simulator.Tenant
	name   string // of the secret
	arn    string
	more   []string // variables of the function
	log    *bytes.Buffer
	mu     sync.Mutex // of said
	said   []string   // errors and results, where nothing secret may be
}

// newFixture makes them. form is the text of the secret, with a %s for the client secret; ""
// is the documented form with a KeyID.
func newFixture(t *testing.T, cfg simulator.Config, form string) *fixture {
	t.Helper()
	cfg.Users = 3
	cfg.Apps = []simulator.App{{ClientID: rotatorID, ClientSecret: rotatorSecret, Roles: []string{"Application.ReadWrite.OwnedBy"}, Owns: []string{readerID}}}
	f := &fixture{t: t, tenant: simulator.New(cfg), name: nameOfSecret, log: new(bytes.Buffer)}
	if form == "" {
		form = `{"TenantID":"` + simulator.DefaultTenant + `","ClientID":"` + readerID + `","ClientSecret":"%s","KeyID":"` + f.tenant.Passwords(readerID)[0].KeyID + `","of":"others"}`
	}
	f.tenant.SetSecret(f.name, fmt.Sprintf(form, simulator.DefaultClientSecret))
	f.tenant.SetSecret(rotatorName, `{"TenantID":"`+simulator.DefaultTenant+`","ClientID":"`+rotatorID+`","ClientSecret":"`+rotatorSecret+`"}`)
	f.arn = f.tenant.SecretARN(f.name)
	return f
}

// rotator is a new process of the function, whose requests go over a transport.
func (f *fixture) rotator(over http.RoundTripper) *rotation.Rotator {
	f.t.Helper()
	var settings aws.Settings
	cfg, err := config.Read(append(slices.Clip(f.more), "ROLLCALL_CREDENTIALS=secretsmanager:"+f.tenant.SecretARN(rotatorName)), &settings)
	if err != nil {
		f.t.Fatal(err)
	}
	log := telemetry.New(&lockedWriter{f: f}, telemetry.Options{Level: "DEBUG"})
	r, err := aws.New(cfg, settings, log, aws.WithTransport(over), aws.WithAWS(func(context.Context, string) (awssdk.Config, error) {
		return awssdk.Config{
			Region: "eu-west-1", BaseEndpoint: awssdk.String("https://secretsmanager.example"), HTTPClient: &http.Client{Transport: over},
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""), RetryMaxAttempts: 1,
		}, nil
	}))
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

type lockedWriter struct{ f *fixture }

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	return w.f.log.Write(p)
}

func (f *fixture) say(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, text)
}

// edit puts another text into the secret by hand.
func (f *fixture) edit(text string) {
	f.tenant.SetSecret(f.name, text)
	f.tenant.LabelSecret(f.name, "AWSPENDING", "") // else the rotation before would be done again
}

// begin starts a rotation and returns the id of the new version.
func (f *fixture) begin() string {
	f.t.Helper()
	_, token, err := f.tenant.BeginRotation(f.name, days)
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

// step does a step of a rotation.
func (f *fixture) step(ctx context.Context, r *rotation.Rotator, step, token string) (*rotation.Result, error) {
	event, err := json.Marshal(map[string]string{"Step": step, "SecretId": f.arn, "ClientRequestToken": token, "RotationToken": "rotation-token-canary"})
	if err != nil {
		f.t.Fatal(err)
	}
	result, err := r.Rotate(ctx, event)
	if err != nil {
		f.say(err.Error())
	} else {
		f.say(fmt.Sprintf("%+v", *result))
	}
	return result, err
}

// rotate does a whole rotation, by a new process, and returns its version.
func (f *fixture) rotate() string {
	f.t.Helper()
	token := f.begin()
	f.allSteps(token)
	return token
}

func (f *fixture) allSteps(token string) {
	f.t.Helper()
	r := f.rotator(f.tenant.Transport())
	for _, step := range steps() {
		if _, err := f.step(f.t.Context(), r, step, token); err != nil {
			f.t.Fatalf("%s: %v\n%s", step, err, f.log)
		}
	}
}

// identity is what a version of the secret has.
type identity struct{ ClientSecret, KeyID, ExpiresAt string }

func (f *fixture) identity(stage string) identity {
	f.t.Helper()
	text := f.tenant.SecretValue(f.name, stage)
	if text == "" {
		return identity{}
	}
	var id identity
	_ = json.Unmarshal([]byte(text), &id) // of what is none it has nothing
	return id
}

// works reports whether the client secret of a version signs in.
func (f *fixture) works(stage string) bool {
	f.t.Helper()
	return f.signsIn(f.identity(stage).ClientSecret)
}

func (f *fixture) signsIn(clientSecret string) bool {
	f.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {readerID}, "client_secret": {clientSecret}, "scope": {"https://graph.microsoft.com/.default"}}
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, "https://login.microsoftonline.com/"+simulator.DefaultTenant+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		f.t.Fatal(err)
	}
	resp, err := f.tenant.Transport().RoundTrip(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _, _ = io.Copy(io.Discard, resp.Body); _ = resp.Body.Close() }()
	return resp.StatusCode == http.StatusOK
}

// keys are the key ids of the client secrets that the app has.
func (f *fixture) keys() []string {
	var all []string
	for _, p := range f.tenant.Passwords(readerID) {
		all = append(all, p.KeyID)
	}
	slices.Sort(all)
	return all
}

// expectRotated checks that a version is the current one, and that the app has its client
// secret, that of the version before it, and no other.
func (f *fixture) expectRotated(token string) {
	f.t.Helper()
	if labels := f.tenant.SecretStages(f.name)[token]; !slices.Contains(labels, "AWSCURRENT") {
		f.t.Errorf("the new version is %q", labels)
	}
	if !f.works("AWSCURRENT") || !f.works("AWSPREVIOUS") {
		f.t.Error("the current secret or the one before it does not work")
	}
	want := []string{f.identity("AWSCURRENT").KeyID, f.identity("AWSPREVIOUS").KeyID}
	if slices.Sort(want); !slices.Equal(want, f.keys()) {
		f.t.Errorf("the app has the client secrets %q, want %q", f.keys(), want)
	}
}

// expectSilence checks that nothing secret was logged, returned or part of an error.
func (f *fixture) expectSilence() {
	f.t.Helper()
	secrets := []string{simulator.DefaultClientSecret, rotatorSecret, "rotation-token-canary"}
	for _, stage := range []string{"AWSCURRENT", "AWSPREVIOUS", "AWSPENDING", "ROLLCALL_REPLACED"} {
		if id := f.identity(stage); id.ClientSecret != "" {
			secrets = append(secrets, id.ClientSecret)
		}
	}
	for _, text := range append(f.said, f.log.String()) {
		for _, one := range secrets {
			if strings.Contains(text, one) {
				f.t.Errorf("%q is in %s", one, text)
			}
		}
	}
}

var errKilled = errors.New("killed")

// killing carries requests up to the n-th of those to Graph and Secrets Manager, and none
// from then on: that one is either not sent, or its answer is lost.
type killing struct {
	next  http.RoundTripper
	at    int
	after bool // the request is carried out

	mu   sync.Mutex
	sent int
	last string
}

func (k *killing) RoundTrip(r *http.Request) (*http.Response, error) {
	if k.sent < k.at && r.URL.Host == "login.microsoftonline.com" {
		return k.next.RoundTrip(r)
	}
	k.mu.Lock()
	k.sent++
	n := k.sent
	if n == k.at {
		k.last = r.Method + " " + r.URL.Path + " " + r.Header.Get("X-Amz-Target")
	}
	k.mu.Unlock()
	switch {
	case n < k.at:
		return k.next.RoundTrip(r)
	case n == k.at && k.after:
		resp, err := k.next.RoundTrip(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}
	return nil, errKilled
}

// killed reports whether it has come to that.
func (k *killing) killed() bool { return k.sent >= k.at }
