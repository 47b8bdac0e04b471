package simulator_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestTheJournalRecordsEveryRequest(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 30}).eventual()
	c.header.Set("X-Ms-Throttle-Priority", "Low")
	c.header.Set("Client-Request-Id", "5c52bd40-54e9-48c9-b108-07e559c25d35")
	link := c.page("/users?$top=20&$select=id").Next
	c.page(link)
	c.get("/users/$count")
	c.token = "wrong"
	c.get("/users")
	type short struct {
		Kind, Authorization string
		Page, Status        int
	}
	var got []short
	for _, r := range c.tenant.Requests() {
		got = append(got, short{r.Kind, r.Authorization, r.Page, r.Status})
		if !r.Done || r.Bytes == 0 || r.FirstByte.Before(r.Started) || r.LastByte.Before(r.FirstByte) || r.RequestID == "" {
			t.Errorf("%+v", r)
		}
		if r.Kind == "list" && (r.ConsistencyLevel != "eventual" || r.ThrottlePriority != "Low" || r.ClientRequestID == "" || r.TokenHash == "") {
			t.Errorf("%+v", r)
		}
	}
	want := []short{{"token", "absent", 0, 200}, {"list", "valid", 1, 200}, {"list", "valid", 2, 200}, {"count", "valid", 0, 200}, {"list", "invalid", 1, 401}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheJournalIsBounded(t *testing.T) {
	c := newClient(t, simulator.Config{})
	for range 10_050 {
		c.get("/planets")
	}
	if n := len(c.tenant.Requests()); n != 10_000 {
		t.Errorf("%d requests are remembered", n)
	}
}

func TestTheForeignHostCountsRequestsWithAToken(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 30, Faults: []simulator.Fault{{Name: "foreign-host"}}})
	link := c.page("/users?$top=10").Next
	c.do(c.request(t.Context(), http.MethodGet, link, ""))
	if requests, leaked := c.tenant.Foreign(); requests != 1 || leaked != 0 {
		t.Errorf("%d requests, %d with a token, want 1 and 0", requests, leaked)
	}
	c.get(link)
	if requests, leaked := c.tenant.Foreign(); requests != 2 || leaked != 1 {
		t.Errorf("%d requests, %d with a token, want 2 and 1", requests, leaked)
	}
}

func TestTheLogContainsNoPersonalData(t *testing.T) {
	var lines bytes.Buffer
	c := newClient(t, simulator.Config{Users: 30, Log: slog.New(slog.NewJSONHandler(&lines, nil))})
	link := c.page("/users?$top=10").Next
	c.page(link)
	upn := c.tenant.UserPrincipalName(3)
	c.get("/users/" + upn)
	text := lines.String()
	if strings.Count(text, "\n") != 4 {
		t.Errorf("%d lines", strings.Count(text, "\n"))
	}
	for _, secret := range []string{upn, c.token, simulator.DefaultClientSecret, "RFNwdA", c.tenant.ID(3)} {
		if strings.Contains(text, secret) {
			t.Errorf("the log contains %s", secret)
		}
	}
}
