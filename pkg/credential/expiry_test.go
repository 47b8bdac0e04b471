package credential_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

func TestTheDaysLeftAreCounted(t *testing.T) {
	cert, now := issue(t, appKey(), -time.Hour, time.Hour), time.Now()
	for _, row := range []struct {
		left    time.Duration
		days    int
		warning string
	}{
		{90 * 24 * time.Hour, 90, ""},
		{30 * 24 * time.Hour, 30, ""},
		{30*24*time.Hour - time.Second, 29, "the app's client secret expires in 29 days, on "},
		{47 * time.Hour, 1, "expires in 1 day, on "},
		{time.Hour, 0, "expires in 0 days, on "},
		{-time.Hour, -1, "the app's client secret expired on "},
		{-49 * time.Hour, -3, "expired on "},
	} {
		id := credential.Identity{ExpiresAt: now.Add(row.left)}
		days, known := id.DaysLeft(now)
		if warning := id.ExpiryWarning(now); !known || days != row.days || (warning == "") != (row.warning == "") || !strings.Contains(warning, row.warning) {
			t.Errorf("%s: %d, %v, %q", row.left, days, known, warning)
		}
		if id.Certificate = cert; row.warning != "" && !strings.Contains(id.ExpiryWarning(now), "the app's certificate expire") {
			t.Errorf("%s: %q", row.left, id.ExpiryWarning(now))
		}
	}
	if days, known := (credential.Identity{}).DaysLeft(now); known || days != 0 || (credential.Identity{}).ExpiryWarning(now) != "" {
		t.Error("what does not say when it ends is not about to")
	}
}

func TestTheDaysLeftAreLoggedOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{})
		cert := issue(t, appKey(), -time.Hour, 31*24*time.Hour+time.Hour)
		tenant.AddCertificate(cert)
		tenant.SetSecret(entry, stored(t, simulator.DefaultTenant, map[string]string{"Certificate": certPEM(cert) + keyPEM(t, appKey())}))
		var logs strings.Builder
		c := against(t, tenant, "secretsmanager:"+entry, func(cfg *credential.Config) { cfg.Log = slog.New(slog.NewJSONHandler(&logs, nil)) })
		for range 3 * 24 * 2 {
			mustToken(t, c, "", "")
			if _, err := c.Identity(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Minute)
		}
		for _, part := range []string{`"level":"INFO","msg":"the app's credential has an end","daysLeft":31`, `"daysLeft":30`, `"level":"WARN","msg":"the app's certificate expires in 29 days, on 2000-02-01: register a new one on the app and store it","daysLeft":29`, `"client":"` + simulator.DefaultClientID + `"`} {
			if !strings.Contains(logs.String(), part) {
				t.Errorf("%s lacks %s", logs.String(), part)
			}
		}
		if n := strings.Count(logs.String(), `"daysLeft"`); n != 4 {
			t.Errorf("%d records: %s", n, logs.String())
		}
	})
}

func TestTheDaysLeftAreAmongTheFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for ends, want := range map[string]map[telemetry.Metric]float64{
			"2000-01-11T01:00:00Z": {telemetry.DaysToExpiry: 10},
			"1999-12-31T12:00:00Z": {telemetry.DaysToExpiry: -1},
			"":                     {},
		} {
			tenant := simulator.New(simulator.Config{})
			members := map[string]string{"ClientSecret": simulator.DefaultClientSecret}
			if ends != "" {
				members["ExpiresAt"] = ends
			}
			tenant.SetSecret(entry, stored(t, simulator.DefaultTenant, members))
			c := against(t, tenant, "secretsmanager:"+entry)
			for range 2 { // the second token comes from the cache
				ctx, figures := telemetry.Measure(t.Context(), telemetry.JobRotate)
				if _, err := c.Token(ctx, "", ""); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, figures.Values()); diff != "" {
					t.Errorf("%s: %s", ends, diff)
				}
			}
		}
	})
}

func TestASecretThatWasRereadHasItsOwnDaysLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{})
		tenant.SetSecret(entry, stored(t, simulator.DefaultTenant, map[string]string{"ClientSecret": "old-and-expired-by-now", "ExpiresAt": "1999-12-31T00:00:00Z"}))
		c := against(t, tenant, "secretsmanager:"+entry)
		if _, err := c.Identity(t.Context()); err != nil {
			t.Fatal(err)
		}
		tenant.SetSecret(entry, stored(t, simulator.DefaultTenant, map[string]string{"ClientSecret": simulator.DefaultClientSecret, "ExpiresAt": "2000-03-01T00:00:00Z"}))
		ctx, figures := telemetry.Measure(t.Context(), telemetry.JobUsers)
		if _, err := c.Token(ctx, "", ""); err != nil || figures.Values()[telemetry.DaysToExpiry] != 60 {
			t.Errorf("%v, %v", err, figures.Values())
		}
	})
}
