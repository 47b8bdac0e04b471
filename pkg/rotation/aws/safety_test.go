package aws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/rotation"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// without is the text of a secret that names no key.
const without = `{"TenantID":"` + simulator.DefaultTenant + `","ClientID":"` + readerID + `","ClientSecret":"%s"}`

// added adds a client secret to the app that reads, as somebody else does.
func (f *fixture) added(as string) (keyID, value string) {
	f.t.Helper()
	tokens := f.tenant.TokenSource(f.tenant.Transport())
	client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: tokens, Transport: f.tenant.Transport()})
	if err != nil {
		f.t.Fatal(err)
	}
	made, value, err := client.AddPassword(f.t.Context(), readerID, as, time.Now().Add(time.Hour*24*365))
	if err != nil {
		f.t.Fatal(err)
	}
	return made.KeyID, value
}

// mayAdd lets the app that reads change its own registration, for added.
func mayAdd() simulator.Config {
	return simulator.Config{Roles: []string{"User.Read.All", "Application.ReadWrite.All"}}
}

func TestClientSecretsOfOthersStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, mayAdd(), "")
		var others []string
		for _, as := range []string{"", "terraform", "rollcall", "rollcall 01234567 " + simulator.DefaultTenant, "rollcall "} {
			keyID, _ := f.added(as)
			others = append(others, keyID)
		}
		for range 4 {
			time.Sleep(month)
			f.rotate()
		}
		for _, keyID := range others {
			if !slices.Contains(f.keys(), keyID) {
				t.Errorf("%s is gone", keyID)
			}
		}
		if len(f.keys()) != len(others)+2 {
			t.Errorf("%q", f.keys())
		}
	})
}

// Nobody has written down which client secret it was that the secret began with.
func TestAClientSecretThatTheSecretDoesNotNameStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, without)
		first := f.keys()[0]
		for n := range 4 {
			f.rotate()
			time.Sleep(month)
			if want := min(n+2, 3); len(f.keys()) != want || !slices.Contains(f.keys(), first) {
				t.Errorf("after %d rotations %q", n+1, f.keys())
			}
		}
	})
}

// A secret that is edited by hand may lose its KeyID, or keep that of the client secret
// before; what is in use is known by how it begins.
func TestAClientSecretInUseStaysWhateverTheSecretSays(t *testing.T) {
	for name, edit := range map[string]func(f *fixture, text string) string{
		"without a KeyID":            func(f *fixture, text string) string { return strings.Replace(text, `"KeyID"`, `"x"`, 1) },
		"with a KeyID that is no id": func(f *fixture, text string) string { return strings.Replace(text, `"KeyID":"`, `"KeyID":"x`, 1) },
		"with the KeyID of another": func(f *fixture, text string) string {
			return strings.Replace(text, f.identity("AWSCURRENT").KeyID, f.identity("AWSPREVIOUS").KeyID, 1)
		},
		"with the KeyID of one of others": func(f *fixture, text string) string {
			return strings.Replace(text, f.identity("AWSCURRENT").KeyID, f.keys()[0], 1)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, mayAdd(), "")
			of, value := f.added("of others")
			f.rotate()
			time.Sleep(month)
			f.rotate()
			time.Sleep(month)
			f.edit(edit(f, f.tenant.SecretValue(nameOfSecret, "AWSCURRENT")))
			edited := f.identity("AWSCURRENT").ClientSecret
			for n := range 3 {
				token := f.begin()
				r := f.rotator(f.tenant.Transport())
				for _, step := range steps() {
					if _, err := f.step(t.Context(), r, step, token); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if n == 0 && !f.signsIn(edited) {
						t.Fatalf("%s: what was in use is gone after %s", name, step)
					}
					if !f.works("AWSCURRENT") || !f.works("AWSPREVIOUS") {
						t.Fatalf("%s: the current secret or the one before it does not work after %s", name, step)
					}
				}
				time.Sleep(month)
			}
			if !f.signsIn(value) || !slices.Contains(f.keys(), of) {
				t.Errorf("%s: that of others is gone", name)
			}
		})
	}
}

// Two stacks may read as the same app, each with a secret of its own.
func TestTheClientSecretsOfAnotherSecretOfTheSameAppStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := newFixture(t, simulator.Config{}, "")
		one.tenant.SetSecret("other", one.tenant.SecretValue(nameOfSecret, "AWSCURRENT"))
		other := &fixture{t: t, tenant: one.tenant, name: "other", arn: one.tenant.SecretARN("other"), log: one.log}
		for range 3 {
			for _, f := range []*fixture{one, other} {
				f.rotate()
				time.Sleep(month / 2)
				for _, each := range []*fixture{one, other} {
					if !each.works("AWSCURRENT") || each.identity("AWSPREVIOUS").KeyID != "" && !each.works("AWSPREVIOUS") && each.identity("AWSPREVIOUS").ClientSecret != simulator.DefaultClientSecret {
						t.Fatalf("%s: the current secret or the one before it does not work", each.name)
					}
				}
			}
		}
		if len(one.keys()) != 4 {
			t.Errorf("%q", one.keys())
		}
	})
}

// Somebody reads a version by a label of his own.
func TestAVersionWithALabelOfSomebodyElsesKeepsItsClientSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		f.more = []string{"ROLLCALL_SECRET_LIFETIME=8760h"}
		f.rotate()
		time.Sleep(month)
		token := f.rotate()
		pinned := f.identity("AWSCURRENT").ClientSecret
		f.tenant.LabelSecret(nameOfSecret, "PINNED", token)
		for range 4 {
			time.Sleep(month)
			f.rotate()
			if !f.signsIn(pinned) {
				t.Fatal("it is gone")
			}
		}
		if len(f.keys()) != 3 {
			t.Errorf("%q", f.keys())
		}
	})
}

// A rotation that is given up leaves a client secret, which the next one removes.
func TestTheClientSecretOfARotationThatWasGivenUpIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		f.rotate()
		time.Sleep(month)
		given := f.begin()
		if _, err := f.step(t.Context(), f.rotator(f.tenant.Transport()), rotation.Create, given); err != nil {
			t.Fatal(err)
		}
		f.tenant.LabelSecret(nameOfSecret, "AWSPENDING", "")
		time.Sleep(time.Hour)
		f.expectRotated(f.rotate())
	})
}

// Somebody puts the version before the last rotation back.
func TestARotationCanBeTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		first := f.rotate()
		time.Sleep(month)
		f.rotate()
		back := f.identity("AWSPREVIOUS")
		f.tenant.LabelSecret(nameOfSecret, "AWSCURRENT", first)
		f.tenant.LabelSecret(nameOfSecret, "AWSPENDING", "")
		if f.identity("AWSCURRENT") != back || !f.works("AWSCURRENT") {
			t.Fatal("it does not work")
		}
		time.Sleep(month)
		f.expectRotated(f.rotate())
		if f.identity("AWSPREVIOUS") != back {
			t.Error("another version is the one before")
		}
		time.Sleep(month)
		f.expectRotated(f.rotate())
	})
}

func TestAVersionThatIsNoIdentityIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		good := f.tenant.SecretValue(nameOfSecret, "AWSCURRENT")
		f.tenant.SetSecret(nameOfSecret, "canary, which is no JSON")
		f.tenant.SetSecret(nameOfSecret, good)
		f.rotate()
		time.Sleep(month)
		f.expectRotated(f.rotate())
		if strings.Contains(f.log.String()+fmt.Sprint(f.said), "canary") {
			t.Errorf("%s", f.log)
		}
	})
}

func TestABinarySecretStaysBinary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		f.tenant.SetSecretBinary(nameOfSecret, []byte(f.tenant.SecretValue(nameOfSecret, "AWSCURRENT")))
		f.rotate()
		if text := f.tenant.SecretValue(nameOfSecret, "AWSCURRENT"); text != "" {
			t.Errorf("it is the text %s", text)
		}
		if len(f.keys()) != 2 {
			t.Errorf("%q", f.keys())
		}
	})
}
