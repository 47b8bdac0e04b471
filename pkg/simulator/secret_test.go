package simulator_test

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// challenged reads Graph's claims challenge.
func challenged(t *testing.T, c *client) string {
	t.Helper()
	a := c.get("/users")
	found := regexp.MustCompile(`error="insufficient_claims", claims="([^"]+)"`).FindStringSubmatch(a.header.Get("WWW-Authenticate"))
	if a.status != 401 || found == nil {
		t.Fatalf("%d %q, want a challenge", a.status, a.header.Get("WWW-Authenticate"))
	}
	claims, err := base64.StdEncoding.DecodeString(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(claims)
}

func TestClientSecretsAreAddedExpiredAndRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, simulator.Config{SecretPropagation: time.Minute})
		buy := func(secret string) string {
			values := grant()
			values.Set("client_secret", secret)
			a := c.form(simulator.DefaultTenant, values)
			if a.status == http.StatusOK {
				return "ok"
			}
			return regexp.MustCompile(`AADSTS\d+`).FindString(a.body)
		}
		expect := func(secret, want string) {
			t.Helper()
			if got := buy(secret); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		c.tenant.AddSecret("second", time.Now().Add(time.Hour))
		expect("second", "AADSTS7000215") // not everywhere yet
		expect("second", "ok")
		expect("second", "AADSTS7000215")
		expect(simulator.DefaultClientSecret, "ok")
		time.Sleep(time.Minute)
		expect("second", "ok")
		expect("second", "ok")
		time.Sleep(time.Hour)
		expect("second", "AADSTS7000222")
		if err := c.tenant.ExpireSecret(simulator.DefaultClientSecret); err != nil {
			t.Error(err)
		}
		expect(simulator.DefaultClientSecret, "AADSTS7000222")
		c.tenant.RotateSecret("third")
		expect(simulator.DefaultClientSecret, "AADSTS7000215")
		time.Sleep(time.Minute)
		expect("third", "ok")
		if err := c.tenant.RemoveSecret("third"); err != nil {
			t.Error(err)
		}
		expect("third", "AADSTS7000215")
		if c.tenant.ExpireSecret("third") == nil || c.tenant.RemoveSecret("third") == nil {
			t.Error("a removed secret can be expired or removed")
		}
	})
}
