package list_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestTheErrorNamesTheRefusedColumnAndWhatItNeeds(t *testing.T) {
	for name, c := range map[string]struct {
		columns []string
		cfg     simulator.Config
		name    string   // of the error
		says    []string // by the error
	}{
		"a permission":                   {[]string{"displayName", "signInActivity"}, simulator.Config{Users: 300}, "Graph.AccessDenied", []string{"signInActivity", "AuditLog.Read.All"}},
		"a licence":                      {[]string{"displayName", "signInActivity"}, simulator.Config{Users: 300, Free: true, Roles: []string{"User.Read.All", "AuditLog.Read.All"}}, "Graph.AccessDenied", []string{"signInActivity", "P1"}},
		"a property of single users":     {[]string{"aboutMe"}, simulator.Config{Users: 300}, "Config.Invalid", []string{"aboutMe"}},
		"a property that does not exist": {[]string{"shoeSize", "displayName"}, simulator.Config{Users: 300}, "Config.Invalid", []string{"shoeSize"}},
		"one of them optional, one not":  {[]string{"signInActivity?", "aboutMe"}, simulator.Config{Users: 300}, "Config.Invalid", []string{"aboutMe"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := listtest.Request()
				q.Columns = listtest.Columns(c.columns...)
				r := read(t, t.Context(), c.cfg, q)
				r.wantError(t, c.name)
				for _, want := range c.says {
					if !strings.Contains(r.err.Error(), want) {
						t.Errorf("the error does not name %s: %v", want, r.err)
					}
				}
				if strings.Contains(r.err.Error(), "displayName") {
					t.Errorf("the error names a column that is granted: %v", r.err)
				}
			})
		})
	}
}

func TestAnOptionalColumnThatIsRefusedIsLeftOutAndReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Columns = listtest.Columns("displayName", "signInActivity?", "aboutMe?", "department")
		r := read(t, t.Context(), simulator.Config{Users: 300}, q)
		r.wantComplete(t, 300)
		if !slices.Equal(r.report.MissingColumns, []string{"signInActivity", "aboutMe"}) || !r.report.Verified {
			t.Errorf("report %+v", r.report)
		}
		if strings.Contains(r.users[0], "signInActivity") || !strings.Contains(r.users[0], "department") {
			t.Errorf("user %s", r.users[0])
		}
	})
}

func TestAnOptionalColumnThatIsGrantedIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Columns = listtest.Columns("displayName", "signInActivity?", "manager?")
		q.PageSize = 999
		r := read(t, t.Context(), simulator.Config{Users: 1200, Roles: []string{"User.Read.All", "AuditLog.Read.All"}}, q)
		r.wantComplete(t, 1200)
		all := strings.Join(r.users, "\n")
		if len(r.report.MissingColumns) != 0 || !strings.Contains(all, "lastSignInDateTime") || !strings.Contains(all, `"manager":{`) {
			t.Errorf("report %+v", r.report)
		}
		if r.report.Pages != 3 {
			t.Errorf("%d pages, want 3 of at most 500", r.report.Pages)
		}
	})
}

func TestWithoutAnyPermissionNoColumnIsBlamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Columns = listtest.Columns("displayName", "signInActivity?")
		r := read(t, t.Context(), simulator.Config{Users: 300, Roles: []string{}}, q)
		r.wantError(t, "Graph.AccessDenied")
		var refused *list.RefusedError
		if errors.As(r.err, &refused) || !strings.Contains(r.err.Error(), "User.Read.All") || strings.Contains(r.err.Error(), "signInActivity") {
			t.Errorf("error %v", r.err)
		}
	})
}

func TestAFilterThatGraphRefusesIsNotBlamedOnAColumn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Filter = "displayName resembles 'x'"
		r := read(t, t.Context(), simulator.Config{Users: 300}, q)
		r.wantError(t, "Graph.BadRequest")
	})
}

func TestAColumnIsMissingOnlyIfGraphRefusesItFromTheStart(t *testing.T) {
	for name, c := range map[string]struct {
		statuses      []int // of the answers to requests for the column; 0 is Graph's own, the last one stays
		users, status int
	}{
		"refused within the list":               {[]int{0, 0, 0, 403}, 300, 403},
		"refused once, then granted alone":      {[]int{403, 0}, 0, 403},
		"refused, and unavailable when alone":   {[]int{403, 503}, 0, 503},
		"refused, and throttled when alone":     {[]int{403, 429}, 0, 429},
		"refused from the start and when alone": {[]int{403}, 1050, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tenant := simulator.New(simulator.Config{Users: 1050, Roles: []string{"User.Read.All", "AuditLog.Read.All"}})
				statuses := c.statuses
				transport := listtest.Intercept(tenant.Transport(), func(r *http.Request) *http.Response {
					if !listtest.IsList(r) || !strings.Contains(r.URL.Query().Get("$select"), "signInActivity") {
						return nil
					}
					status := statuses[0]
					if len(statuses) > 1 {
						statuses = statuses[1:]
					}
					if status == 0 {
						return nil
					}
					return listtest.Respond(r, status, `{"error":{"code":"Authorization_RequestDenied"}}`)
				})
				q := listtest.Request()
				q.Columns = listtest.Columns("displayName", "signInActivity?")
				l := list.New(listtest.Client(t, tenant, graph.Config{Transport: transport, Attempts: 2}), q, nil)
				users, last := 0, error(nil)
				for _, err := range l.Users(t.Context()) {
					if last = err; err == nil {
						users++
					}
				}
				var answer *graph.Error
				if errors.As(last, &answer) != (c.status != 0) || answer != nil && answer.Status != c.status || users != c.users {
					t.Errorf("%d users, %v; want %d and status %d", users, last, c.users, c.status)
				}
				if missing := len(l.Report().MissingColumns); (missing > 0) != (c.status == 0) {
					t.Errorf("%d columns are missing", missing)
				}
			})
		})
	}
}
