package published_test

import (
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/published"
)

// TestEveryRuleOfAManifestIsKept breaks them one by one.
func TestEveryRuleOfAManifestIsKept(t *testing.T) {
	f := newFixture(t, layout{"ndjson", format.Gzip}, 120)
	manifest := f.publish(t, "r")
	good := f.get(t, manifest)
	url := func(change func(string) string) func(m map[string]any) {
		return func(m map[string]any) { object(m, 1)["url"] = change(object(m, 1)["url"].(string)) }
	}
	for want, change := range map[string]func(m map[string]any){
		"has version 2":                      func(m map[string]any) { m["version"] = 2 },
		"its tenant is not a GUID":           func(m map[string]any) { m["tenant"] = "../.." },
		"its run has no name":                func(m map[string]any) { m["run"] = "../x" },
		"is not stored there":                func(m map[string]any) { m["run"] = "s" },
		"latest says something else":         func(m map[string]any) { m["startedAt"] = "2020-01-01T00:00:00Z" },
		"neither complete nor suspect":       func(m map[string]any) { m["status"] = "done" },
		"does not say why":                   func(m map[string]any) { m["accepted"] = true },
		"it ends before it starts":           func(m map[string]any) { m["finishedAt"] = "2020-01-01T00:00:00Z" },
		"pages is less than 0":               func(m map[string]any) { m["pages"] = -1 },
		"more users have left":               func(m map[string]any) { m["left"], m["difference"] = 121, -121 },
		"verified and verifiedBy":            func(m map[string]any) { m["verified"] = false },
		"it is verified by a count, and has": func(m map[string]any) { m["expected"] = nil },
		"difference is 3":                    func(m map[string]any) { m["difference"] = 3 },
		"by a count that differs by 1": func(m map[string]any) {
			m["difference"], m["expected"] = 1, map[string]any{"before": 119, "after": 119}
		},
		"select lacks id":                  func(m map[string]any) { m["select"] = m["select"].([]any)[1:] },
		"select names a column twice":      func(m map[string]any) { m["select"] = append(m["select"].([]any), "id") },
		"which select does not":            func(m map[string]any) { m["missingColumns"] = []string{"surname"} },
		"a column is missing and empty":    func(m map[string]any) { m["missingColumns"] = m["emptyColumns"] },
		"its format is none of":            func(m map[string]any) { m["format"] = "xml" },
		"its compression is none of":       func(m map[string]any) { m["compression"] = "brotli" },
		"is not called .csv.gz":            func(m map[string]any) { m["format"] = "csv" },
		"objects of no format":             func(m map[string]any) { m["format"] = "" },
		"do not add up to them":            func(m map[string]any) { m["objects"] = m["objects"].([]any)[1:] },
		"that an object can have":          func(m map[string]any) { object(m, 1)["sha256"] = "00" },
		"no number of users":               func(m map[string]any) { object(m, 1)["users"] = -1 },
		"/objects/1/bytes":                 func(m map[string]any) { object(m, 1)["bytes"] = 1e30 },
		"is named twice":                   func(m map[string]any) { object(m, 1)["url"] = object(m, 0)["url"] },
		"object 2, memory:///runs/tenant=": url(func(u string) string { return u + "/../../../etc/passwd" }),
		"x/part-1.ndjson.gz, is not":       url(func(string) string { return "s3://elsewhere/x/part-1.ndjson.gz" }),
		"object 2, , is not an object":     url(func(string) string { return "" }),
		"..ndjson.gz, is not an object":    url(func(u string) string { return u[:strings.LastIndexByte(u, '/')+1] + "%2e%2e/..ndjson.gz" }),
	} {
		f.put(t, manifest, good)
		f.change(t, manifest, change)
		if wrong := f.verify(t, f.latest()); !strings.Contains(wrong, want) || !strings.HasPrefix(wrong, "manifest: ") {
			t.Errorf("%s; want %s", wrong, want)
		}
	}
}

func TestUsersThatOverflowDoNotAddUp(t *testing.T) {
	f := newFixture(t, layout{"ndjson", format.Gzip}, 120)
	manifest := f.publish(t, "r")
	f.change(t, manifest, func(m map[string]any) {
		object(m, 0)["users"], object(m, 1)["users"], object(m, 2)["users"] = int64(1<<62), int64(1<<62), int64(1<<62)
	})
	if wrong := f.verify(t, manifest); !strings.Contains(wrong, "do not add up") {
		t.Error(wrong)
	}
}

func TestWhatIsNoManifestIsToldApart(t *testing.T) {
	f := newFixture(t, layout{"ndjson", format.Gzip}, 30)
	manifest := f.publish(t, "r")
	good, latest := f.get(t, manifest), f.get(t, f.latest())
	for want, c := range map[string]struct{ key, body string }{
		"latest: memory:///latest/tenant=11111111-2222-4333-8444-555555555555.json does not exist": {"latest/tenant=11111111-2222-4333-8444-555555555555.json", ""},
		"manifest: memory:///elsewhere/manifest.json does not exist":                               {"elsewhere/manifest.json", ""},
		"is not JSON":      {manifest, "{"},
		"has a name twice": {manifest, `{"users":1,"users":2}`},
		`has a value of another type at "/users"`: {manifest, `{"users":"1"}`},
		"is not the manifest that latest names":   {f.latest(), strings.Replace(string(latest), `"manifestSha256": "`, `"manifestSha256": "0`, 1)},
		"latest says something else of this run":  {f.latest(), strings.Replace(string(latest), `"users": 30`, `"users": 31`, 1)},
		"is that of another tenant than its name": {f.latest(), strings.Replace(string(latest), f.tenant.Config().Tenant, "11111111-2222-4333-8444-555555555555", 1)},
		"names no run": {f.latest(), strings.Replace(string(latest), `"run": "r"`, `"run": "../r"`, 1)},
		"latest: memory:///latest/tenant=" + f.tenant.Config().Tenant + ".json has version": {f.latest(), `{}`},
	} {
		f.put(t, manifest, good)
		f.put(t, f.latest(), latest)
		if c.body != "" {
			f.put(t, c.key, []byte(c.body))
		}
		if wrong := f.verify(t, c.key); !strings.Contains(wrong, want) {
			t.Errorf("%s; want %s", wrong, want)
		}
	}
}

// FuzzFind has manifests and pointers that anybody may have stored.
func FuzzFind(f *testing.F) {
	fixture := newFixture(f, layout{"csv", format.None}, 30)
	manifest := fixture.publish(f, "r")
	f.Add(fixture.get(f, manifest), fixture.get(f, fixture.latest()))
	f.Fuzz(func(t *testing.T, proof, latest []byte) {
		fixture.put(t, manifest, proof)
		fixture.put(t, fixture.latest(), latest)
		for _, key := range []string{manifest, fixture.latest()} {
			s, err := published.Find(t.Context(), fixture, key)
			if err != nil {
				continue
			}
			if _, err := s.Verify(t.Context(), fixture.options); err != nil {
				t.Fatal(err)
			}
		}
	})
}
