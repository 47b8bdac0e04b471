package simulator_test

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestRequestsCostTheDocumentedUnits(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 30})
	for path, want := range map[string]string{
		"/users":                                  "2",
		"/users?$select=id":                       "1",
		"/users?$top=5":                           "1",
		"/users?$select=id&$top=5":                "1",
		"/users?$expand=manager":                  "3",
		"/users?$select=id&$expand=manager":       "2",
		"/users/" + c.tenant.ID(1):                "1",
		"/users/" + c.tenant.UserPrincipalName(0): "1",
	} {
		if got := c.get(path).header.Get("X-Ms-Resource-Unit"); got != want {
			t.Errorf("%s costs %s, want %s", path, got, want)
		}
	}
}

func TestASmallTenantIsThrottledAtItsLimitAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, simulator.Config{Users: 10, Throttle: true})
		warned, refused := 0, 0
		var last answer
		for n := 1; refused == 0 && n < 5000; n++ {
			last = c.get("/users?$select=id")
			if value := last.header.Get("X-Ms-Throttle-Limit-Percentage"); value != "" && warned == 0 {
				warned = n
				if share, err := strconv.ParseFloat(value, 64); err != nil || share < 0.8 || share > 0.81 {
					t.Errorf("the first warning says %s", value)
				}
			}
			if last.status == 429 {
				refused = n
			}
		}
		if warned != 2801 || refused != 3501 {
			t.Errorf("warned at %d, refused at %d, want 2801 and 3501", warned, refused)
		}
		if last.header.Get("Retry-After") != "1" || !strings.HasPrefix(last.header.Get("X-Ms-Throttle-Scope"), "Tenant_Application/") ||
			last.header.Get("X-Ms-Throttle-Information") != "ResourceUnitLimitExceeded" {
			t.Errorf("%v", last.header)
		}
		if !strings.HasPrefix(last.body, `{"error":{"code":"TooManyRequests","innerError":{"code":"429","date":"2000-01-01T00:00:00","message":"`) ||
			!strings.Contains(last.body, `"status":"429"},"message":"`) {
			t.Errorf("%s", last.body)
		}
		time.Sleep(10 * time.Second)
		if a := c.get("/users?$select=id"); a.status != 200 {
			t.Errorf("after ten seconds: %d", a.status)
		}
	})
}

func TestSignInActivityIsThrottledFiveTimesInTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, simulator.Config{Users: 10, Throttle: true, Roles: []string{"User.Read.All", "AuditLog.Read.All"}})
		for n := range 7 {
			want := 200
			if n >= 5 {
				want = 429
			}
			if a := c.get("/users?$select=id,signInActivity"); a.status != want {
				t.Errorf("request %d gives %d", n+1, a.status)
			}
		}
	})
}
