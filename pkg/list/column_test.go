package list_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestARefusedColumnIsNamedWithWhatItNeeds(t *testing.T) {
	for name, c := range map[string]struct {
		columns []string
		cfg     simulator.Config
		says    []string
	}{
		"a permission":                   {[]string{"displayName", "signInActivity"}, simulator.Config{Users: 300}, []string{"signInActivity", "AuditLog.Read.All"}},
		"a licence":                      {[]string{"displayName", "signInActivity"}, simulator.Config{Users: 300, Free: true, Roles: []string{"User.Read.All", "AuditLog.Read.All"}}, []string{"signInActivity", "P1"}},
		"a property of single users":     {[]string{"aboutMe"}, simulator.Config{Users: 300}, []string{"aboutMe"}},
		"a property that does not exist": {[]string{"shoeSize", "displayName"}, simulator.Config{Users: 300}, []string{"shoeSize"}},
		"one of them optional, one not":  {[]string{"signInActivity?", "aboutMe"}, simulator.Config{Users: 300}, []string{"aboutMe"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := listtest.Request()
				q.Columns = listtest.Columns(c.columns...)
				r := read(t, t.Context(), c.cfg, q)
				if r.err == nil {
					t.Fatal("the list was read")
				}
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
		r.mustBeComplete(t, 300)
		if !slices.Equal(r.report.MissingColumns, []string{"signInActivity", "aboutMe"}) || !r.report.Verified {
			t.Errorf("report %+v", r.report)
		}
		if strings.Contains(r.users[0], "signInActivity") || !strings.Contains(r.users[0], "department") {
			t.Errorf("user %s", r.users[0])
		}
	})
}

func TestAnOptionalColumnThatIsGrantedIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Columns = listtest.Columns("displayName", "signInActivity?", "manager?")
		q.PageSize = 999
		r := read(t, t.Context(), simulator.Config{Users: 1200, Roles: []string{"User.Read.All", "AuditLog.Read.All"}}, q)
		r.mustBeComplete(t, 1200)
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
		r.mustFail(t, "Graph.AccessDenied")
		if !strings.Contains(r.err.Error(), "User.Read.All") || strings.Contains(r.err.Error(), "signInActivity") {
			t.Errorf("error %v", r.err)
		}
	})
}

func TestABadFilterIsAnErrorOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Filter = "displayName resembles 'x'"
		r := read(t, t.Context(), simulator.Config{Users: 300}, q)
		r.mustFail(t, "Graph.BadRequest")
	})
}
