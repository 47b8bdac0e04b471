package credential_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const (
	newValue = `n3w~"canary"\secret`
	newKey   = "11111111-2222-4333-8444-555555555555"
	newEnd   = "2027-01-31T12:00:00Z"
)

func renewal(t testing.TB) credential.Renewal {
	t.Helper()
	end, err := time.Parse(time.RFC3339, newEnd)
	if err != nil {
		t.Fatal(err)
	}
	return credential.Renewal{ClientSecret: secret.NewText(newValue), KeyID: newKey, ExpiresAt: end.In(time.FixedZone("", 3600))}
}

// written puts what the placeholders of a test mean into a text: the app's ids, the old
// secret, and what takes its place.
func written(text string) string {
	quoted, _ := json.Marshal(newValue)
	return strings.NewReplacer("TENANT_ID", "TENANT_ID", "CLIENT_ID", "CLIENT_ID", "CLIENT_SECRET", "CLIENT_SECRET", "TENANT", testTenant, "CLIENT", testClient, "OLD", canary, `"NEW"`, string(quoted), "KEY", newKey, "END", newEnd).Replace(text)
}

func TestASecretIsRenewedByteForByte(t *testing.T) {
	for name, row := range map[string][2]string{
		"the documented form": {
			`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"OLD"}`,
			`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"NEW","KeyID":"KEY","ExpiresAt":"END"}`,
		},
		"with an id and an end, in front": {
			`{"ExpiresAt":"2026-01-01T00:00:00Z","KeyID":"x","ClientSecret":"OLD","ClientID":"CLIENT","TenantID":"TENANT"}`,
			`{"ExpiresAt":"END","KeyID":"KEY","ClientSecret":"NEW","ClientID":"CLIENT","TenantID":"TENANT"}`,
		},
		"other spellings, and members of others": {
			`{"_note":"kept \u00e9 \/","ARM_TENANT_ID":"TENANT","ARM_CLIENT_ID":"CLIENT","ARM_CLIENT_SECRET":"OLD","n":1.0e+2,"list":[1, {"ClientSecret":"OLD"}],"secret_expiry":"soon"}`,
			`{"_note":"kept \u00e9 \/","ARM_TENANT_ID":"TENANT","ARM_CLIENT_ID":"CLIENT","ARM_CLIENT_SECRET":"NEW","n":1.0e+2,"list":[1, {"ClientSecret":"OLD"}],"secret_expiry":"END","KeyID":"KEY"}`,
		},
		"indented": {
			"{\n  \"tenant\" : \"TENANT\",\n  \"appId\" : \"CLIENT\",\n  \"password\" : \"OLD\"\n}\n",
			"{\n  \"tenant\" : \"TENANT\",\n  \"appId\" : \"CLIENT\",\n  \"password\" : \"NEW\",\n  \"KeyID\" : \"KEY\",\n  \"ExpiresAt\" : \"END\"\n}",
		},
		"a space behind each comma and colon": {
			`{"tenant": "TENANT", "appId": "CLIENT", "password": "OLD"}`,
			`{"tenant": "TENANT", "appId": "CLIENT", "password": "NEW", "KeyID": "KEY", "ExpiresAt": "END"}`,
		},
		"one member twice": {
			`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"OLD","client_secret":"OLD"}`,
			`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"NEW","client_secret":"NEW","KeyID":"KEY","ExpiresAt":"END"}`,
		},
		"empty members": {
			`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"","secret":null,"password":"OLD","KeyID":null,"ExpiresAt":""}`,
			`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"","secret":null,"password":"NEW","KeyID":"KEY","ExpiresAt":"END"}`,
		},
		"an id and an end that are no texts": {
			`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"OLD","KeyID":7,"ExpiresAt":{"a":[1]}}`,
			`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"NEW","KeyID":"KEY","ExpiresAt":"END"}`,
		},
		"the outputs of Terraform": {
			`{"tenant_id":{"sensitive":false,"value":"TENANT"},"client_id":{"value":"CLIENT"},"client_secret":{"sensitive":true, "type":"string", "value": "OLD" },"key_id":{"value":"x"}}`,
			`{"tenant_id":{"sensitive":false,"value":"TENANT"},"client_id":{"value":"CLIENT"},"client_secret":{"sensitive":true, "type":"string", "value": "NEW" },"key_id":{"value":"KEY"},"ExpiresAt":"END"}`,
		},
		"escapes in names and values": {
			`{"TenantID":"TENANT","ClientID":"CLIENT","Client\u0053ecret":"\u004fOLD","x":"\ud83d\ude00"}`,
			`{"TenantID":"TENANT","ClientID":"CLIENT","Client\u0053ecret":"NEW","x":"\ud83d\ude00","KeyID":"KEY","ExpiresAt":"END"}`,
		},
		"a URL of the login host": {
			`{"Authority":"https://login.microsoftonline.com/TENANT","ClientID":"CLIENT","ClientSecret":"OLD"}`,
			`{"Authority":"https://login.microsoftonline.com/TENANT","ClientID":"CLIENT","ClientSecret":"NEW","KeyID":"KEY","ExpiresAt":"END"}`,
		},
		"a certificate beside it": {
			`{"Certificate":"c","TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"OLD"}`,
			`{"Certificate":"c","TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"NEW","KeyID":"KEY","ExpiresAt":"END"}`,
		},
		"a byte order mark, and line breaks around it": {
			"\ufeff\r\n" + `{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"OLD"}` + "\r\n",
			`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"NEW","KeyID":"KEY","ExpiresAt":"END"}`,
		},
	} {
		before, want := written(row[0]), written(row[1])
		after, err := credential.Renew([]byte(before), renewal(t))
		if diff := cmp.Diff(want, string(after)); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
			continue
		}
		id, err := credential.Parse(after, credential.Config{})
		if err != nil || id.ClientSecret.Reveal() != newValue || id.KeyID != newKey || id.ExpiresAt.Format(time.RFC3339) != newEnd || id.TenantID != testTenant || id.ClientID != testClient {
			t.Errorf("%s: %v, %v", name, id, err)
		}
		if again, err := credential.Renew(after, renewal(t)); err != nil || string(again) != want {
			t.Errorf("%s: once more: %v %s", name, err, again)
		}
	}
}

func TestATextOfPowerShellIsRenewed(t *testing.T) {
	text := []byte("\xff\xfe")
	for _, unit := range utf16.Encode([]rune(written(`{"x":"é","TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"OLD"}`))) {
		text = append(text, byte(unit), byte(unit>>8))
	}
	want := written(`{"x":"é","TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"NEW","KeyID":"KEY","ExpiresAt":"END"}`)
	if after, err := credential.Renew(text, renewal(t)); err != nil || string(after) != want {
		t.Errorf("%v, %s", err, after)
	}
}

func TestWhatHasNoClientSecretIsNotRenewed(t *testing.T) {
	for text, says := range map[string]string{
		"":      "is empty",
		"OLD":   "is not JSON",
		`"OLD"`: "JSON string",
		"[]":    "not an object",
		"{}":    "no ClientSecret",
		`{"TenantID":"TENANT","ClientID":"CLIENT","Certificate":"OLD"}`:                                              "no ClientSecret",
		`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":["OLD"]}`:                                           "ClientSecret is not a text",
		`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"OLD","password":"another"}`:                        "two different values",
		`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"OLD"} x`:                                           "something after",
		`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"OLD"`:                                              "not JSON",
		"{\"TenantID\":\"TENANT\",\"ClientID\":\"CLIENT\",\"ClientSecret\":\"OLD\",\"x\":\"\xff\"}":                  "not JSON",
		`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":{"value":["OLD"]}}`:                                 "not a text",
		`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"OLD","x":` + strings.Repeat("[", 20_000) + `]}]]]`: "not JSON",
	} {
		after, err := credential.Renew([]byte(written(text)), renewal(t))
		var refusal *secret.Error
		if !errors.As(err, &refusal) || refusal.Kind != secret.Malformed || !strings.Contains(err.Error(), says) || after != nil ||
			strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%.80s: %v, %.80s", text, err, after)
		}
	}
}

func TestATextIsParsedAsItsReaderWould(t *testing.T) {
	text := []byte(written(`{"Authority":"https://login.microsoftonline.us/TENANT","ClientID":"CLIENT","ClientSecret":"OLD"}`))
	if _, err := credential.Parse(text, credential.Config{}); err == nil || !strings.Contains(err.Error(), "usgov") {
		t.Errorf("a secret of another cloud: %v", err)
	}
	us, _ := cloud.Named("usgov")
	if id, err := credential.Parse(text, credential.Config{Cloud: us}); err != nil || id.TenantID != testTenant {
		t.Errorf("%v, %v", id, err)
	}
	if _, err := credential.Parse(text, credential.Config{LoginURL: "http://x"}); err == nil {
		t.Error("the login host is not checked")
	}
	if _, err := credential.Parse([]byte("x"), credential.Config{}); err == nil {
		t.Error("no JSON is taken")
	}
}

// FuzzRenew looks for a text of which more changes than it should.
func FuzzRenew(f *testing.F) {
	for _, text := range []string{
		`{"TenantID":"TENANT","ClientID":"CLIENT","ClientSecret":"OLD"}`,
		`{ "client_secret" : {"value":"OLD"} , "x":[1,2 ], "appId":"CLIENT","tenant":"TENANT","expires":null}`,
		"\ufeff{\"secret\":\"OLD\",\"\\u0053ecret\":\"OLD\",\"ClientID\":\"CLIENT\",\"TenantID\":\"TENANT\"}\n",
		`{"value":"OLD","value":" OLD","ClientID":"CLIENT","TenantID":"TENANT","keyid":{"value":1,"value":"x"}}`,
	} {
		f.Add([]byte(written(text)))
	}
	by := renewal(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		after, err := credential.Renew(text, by)
		before, parseErr := credential.Parse(text, credential.Config{})
		if err != nil {
			if parseErr == nil && before.Method == credential.ClientSecret {
				t.Fatalf("an identity that works is not renewed: %v: %q", err, text)
			}
			return
		}
		if !json.Valid(after) {
			t.Fatalf("%q becomes %q, which is not JSON", text, after)
		}
		id, err := credential.Parse(after, credential.Config{})
		if (err == nil) != (parseErr == nil) {
			t.Fatalf("%v, then %v", parseErr, err)
		}
		if err == nil && (id.ClientSecret.Reveal() != newValue || id.KeyID != newKey || !id.ExpiresAt.Equal(by.ExpiresAt) || id.TenantID != before.TenantID || id.ClientID != before.ClientID) {
			t.Fatalf("%q becomes %q", text, after)
		}
		if again, err := credential.Renew(after, by); err != nil || string(again) != string(after) {
			t.Fatalf("%q, once more, becomes %q, %v", after, again, err)
		}
		others(t, secret.UTF8(text), after)
	})
}

// others checks that the members that two texts share in their order are the same, but for
// those whose values are new.
func others(t *testing.T, before, after []byte) {
	t.Helper()
	var was, is []string
	list := func(text []byte, all *[]string) {
		d := json.NewDecoder(strings.NewReader(string(text)))
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				t.Fatal(err)
			}
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				t.Fatal(err)
			}
			*all = append(*all, name.(string)+"\x00"+string(value))
		}
	}
	list(before, &was)
	list(after, &is)
	if len(is) < len(was) || len(is) > len(was)+2 {
		t.Fatalf("%d members become %d", len(was), len(is))
	}
	for i, member := range was {
		name, _, _ := strings.Cut(member, "\x00")
		if is[i] != member && !strings.Contains(is[i], newKey) && !strings.Contains(is[i], newEnd) && !strings.Contains(is[i], "n3w~") || !strings.HasPrefix(is[i], name+"\x00") {
			t.Fatalf("%q becomes %q", member, is[i])
		}
	}
}
