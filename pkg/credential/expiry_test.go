package credential_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
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
