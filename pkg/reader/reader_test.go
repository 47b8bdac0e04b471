package reader_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// environ points at a simulated tenant.
func environ(tenant *simulator.Tenant, url string, more ...string) []string {
	c := tenant.Config()
	return append([]string{
		"ROLLCALL_LOGIN_URL=" + url, "ROLLCALL_GRAPH_URL=" + url,
		"AZURE_TENANT_ID=" + c.Tenant, "AZURE_CLIENT_ID=" + c.ClientID, "AZURE_CLIENT_SECRET=" + c.ClientSecret,
	}, more...)
}

func start(t *testing.T) (*simulator.Tenant, *simulator.Server) {
	t.Helper()
	tenant := simulator.New(simulator.Config{Users: 1200})
	server, err := tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return tenant, server
}

func TestAReaderReadsTheListThatTheConfigurationDescribes(t *testing.T) {
	tenant, server := start(t)
	cfg, err := config.Read(environ(tenant, server.URL,
		"ROLLCALL_SELECT=displayName,manager?", "ROLLCALL_PAGE_SIZE=500", "ROLLCALL_COUNT_SLACK=7"))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	r, err := reader.New(cfg, slog.New(slog.NewTextHandler(&log, nil)), reader.WithTransport(server.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(tenant.Requests()); n != 0 {
		t.Errorf("wiring made %d requests", n)
	}
	want := list.Request{
		Columns:  []property.Column{{Name: "id"}, {Name: "displayName"}, {Name: "manager", Optional: true}},
		PageSize: 500, Slack: tolerance.Tolerance{Users: 7}, Parallel: 16, Auto: true,
	}
	if diff := cmp.Diff(want, r.Request); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	listing := list.New(r.Graph, r.Request, nil)
	for _, err := range listing.Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := listing.Report(); got.Users != 1200 || got.Pages != 3 || !got.Verified {
		t.Errorf("%+v", got)
	}
	for _, name := range []string{"ROLLCALL_LOGIN_URL", "ROLLCALL_GRAPH_URL"} {
		if !strings.Contains(log.String(), name) {
			t.Errorf("no warning that %s is replaced: %s", name, &log)
		}
	}
}

func TestASourceThatIsNoneIsReportedWithTheOtherProblems(t *testing.T) {
	_, err := config.Read([]string{"ROLLCALL_CREDENTIALS=safe:x", "ROLLCALL_PAGE_SIZE=0"})
	var problems *config.Error
	if !errors.As(err, &problems) || len(problems.Problems) != 2 {
		t.Errorf("%v", err)
	}
}

func TestTheAWSConfigurationIsLoadedOnlyWhenASecretIsRead(t *testing.T) {
	tenant, server := start(t)
	cfg, err := config.Read(environ(tenant, server.URL, "ROLLCALL_CREDENTIALS=secretsmanager:entra"))
	if err != nil {
		t.Fatal(err)
	}
	loads := 0
	r, err := reader.New(cfg, slog.New(slog.DiscardHandler), reader.WithTransport(server.Transport()),
		reader.WithAWS(func(context.Context, string) (aws.Config, error) {
			loads++
			return aws.Config{}, errors.New("no account here")
		}))
	if err != nil || loads != 0 {
		t.Fatalf("%v, loaded %d times", err, loads)
	}
	if _, err := r.Graph.Count(t.Context(), graph.Query{}, new(graph.Stats)); err == nil || loads == 0 {
		t.Errorf("%v, loaded %d times", err, loads)
	}
}

func TestWhatGraphCannotCombineIsAnErrorAtTheStart(t *testing.T) {
	for _, c := range []struct{ columns, filter, name string }{
		{"id,manager", "department ne 'a'", "manager"},
		{"id,manager?", "endsWith(mail,'@contoso.example')", "manager"},
		{"id", "signInActivity/lastSignInDateTime le 2026-01-01T00:00:00Z and accountEnabled eq true", "signInActivity"},
	} {
		cfg, err := config.Read([]string{"AZURE_TENANT_ID=5f1c1f0e-6d3b-4a57-9c1d-2f6f3f1f0001", "AZURE_CLIENT_ID=0b7a4f4e-1111-4c59-8a52-7d1d9f1f0002", "AZURE_CLIENT_SECRET=x~x", "ROLLCALL_SELECT=" + c.columns, "ROLLCALL_FILTER=" + c.filter})
		if err != nil {
			t.Fatal(err)
		}
		_, err = reader.New(cfg, slog.New(slog.DiscardHandler))
		var problems *config.Error
		if !errors.As(err, &problems) || problems.Name() != "Config.Invalid" || !strings.Contains(err.Error(), "ROLLCALL_FILTER") || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s, %s: %v", c.columns, c.filter, err)
		}
	}
}

func TestAFilterByAMemberOfAStructureIsAnsweredWithWhereItLives(t *testing.T) {
	tenant, server := start(t)
	cfg, err := config.Read(environ(tenant, server.URL, "ROLLCALL_FILTER=lastSignInDateTime le 2026-01-01T00:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = reader.New(cfg, slog.New(slog.DiscardHandler))
	var problems *config.Error
	if !errors.As(err, &problems) || !strings.Contains(err.Error(), "signInActivity/lastSignInDateTime") {
		t.Error(err)
	}
}

func TestAColumnThatNobodyKnowsIsTriedWhereItIsOptional(t *testing.T) {
	tenant, server := start(t)
	if _, err := config.Read(environ(tenant, server.URL, "ROLLCALL_SELECT=shoeSize")); err == nil || !strings.Contains(err.Error(), "with a question mark") {
		t.Error(err)
	}
	cfg, err := config.Read(environ(tenant, server.URL, "ROLLCALL_SELECT=displayName,shoeSize?"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := reader.New(cfg, slog.New(slog.DiscardHandler), reader.WithTransport(server.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	listing := list.New(r.Graph, r.Request, nil)
	for _, err := range listing.Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := listing.Report(); got.Users != 1200 || len(got.MissingColumns) != 1 || got.MissingColumns[0] != "shoeSize" {
		t.Errorf("%+v", got)
	}
}
