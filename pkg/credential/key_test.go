package credential

import (
	"bytes"
	"testing"
)

func TestAKeyIsTheSameForTheSameSecretAndPurposeOnly(t *testing.T) {
	key := func(secret, purpose string) []byte {
		t.Helper()
		values := map[string]string{"AZURE_TENANT_ID": "7c0de5e1-1a57-4ace-8c0b-0123456789ab", "AZURE_CLIENT_ID": "c11e47ed-5ec7-4a7e-9d0c-ba9876543210", "AZURE_CLIENT_SECRET": secret}
		source, err := ParseSource("env:")
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(Config{Source: source, LookupEnv: func(name string) (string, bool) { v, ok := values[name]; return v, ok }})
		if err != nil {
			t.Fatal(err)
		}
		k, err := c.Key(t.Context(), purpose)
		if err != nil || len(k) != 32 || bytes.Contains(k, []byte(secret)) {
			t.Fatalf("%d bytes, %v", len(k), err)
		}
		return k
	}
	first := key("one~secret", "skiptoken")
	if !bytes.Equal(first, key("one~secret", "skiptoken")) {
		t.Error("another process with the same secret has another key")
	}
	if bytes.Equal(first, key("two~secret", "skiptoken")) || bytes.Equal(first, key("one~secret", "other")) {
		t.Error("another secret or purpose has the same key")
	}
}
