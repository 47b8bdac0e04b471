package azblob_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

// secret stands for every credential that no text may repeat.
const secret = "c2VjcmV0LWtleQ=="

func (d *double) store(t *testing.T, prefix string) *azblob.Store {
	t.Helper()
	s, err := azblob.New(azblob.Config{
		Account: "contoso", Container: "people", Prefix: prefix, Key: secret,
		Options: policy.ClientOptions{Transport: d},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAContainerKeepsThePromisesOfAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store { return newDouble().store(t, "exports/people") })
}

func TestAnEmulatorWithoutChecksumsGetsNone(t *testing.T) {
	d := newDouble()
	d.emulator = true
	s := d.store(t, "")
	upload(t.Context(), t, s, "large", large).mustCommit(t)
	if _, err := s.Swap(t.Context(), "state", []byte("x"), ""); err != nil {
		t.Fatal(err)
	}
	if len(d.blobs) != 2 || !bytes.Equal(d.blobs["large"].body, body(large)) {
		t.Errorf("the container holds %d blobs, or other ones", len(d.blobs))
	}
}

func TestEveryBodyGoesWithItsChecksum(t *testing.T) {
	d := newDouble()
	s := d.store(t, "")
	upload(t.Context(), t, s, "small", small).mustCommit(t)
	upload(t.Context(), t, s, "large", large).mustCommit(t)
	if _, err := s.Swap(t.Context(), "state", []byte("x"), ""); err != nil {
		t.Fatal(err)
	}
	bodies := 0
	for _, r := range d.seen {
		if kind(r) != "Put Blob" && kind(r) != "Put Block" {
			continue
		}
		if bodies++; r.Header.Get("x-ms-content-crc64") == "" {
			t.Errorf("a %s has none", kind(r))
		}
	}
	if bodies < 5 {
		t.Errorf("only %d bodies were sent", bodies)
	}
}

// token is a credential that gives the same token to everybody.
type token struct{}

func (token) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "bearer", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestAContainersURL(t *testing.T) {
	for _, test := range []struct {
		name string
		c    azblob.Config
		want string
	}{
		{"a credential", azblob.Config{Account: "contoso", Container: "people", Credential: token{}}, "https://contoso.blob.core.windows.net/people/k"},
		{"a prefix", azblob.Config{Account: "contoso", Container: "people", Prefix: "/team a/", Key: secret}, "https://contoso.blob.core.windows.net/people/team%20a/k"},
		{"another cloud", azblob.Config{Account: "contoso", Container: "people", Endpoint: "https://contoso.blob.core.usgovcloudapi.net/", Key: secret}, "https://contoso.blob.core.usgovcloudapi.net/people/k"},
		{"an emulator", azblob.Config{Account: "dev", Container: "people", Endpoint: "http://127.0.0.1:10000/dev", Key: secret}, "http://127.0.0.1:10000/dev/people/k"},
		{"a connection string", azblob.Config{Container: "people", ConnectionString: "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=" + secret + ";EndpointSuffix=core.windows.net"}, "https://contoso.blob.core.windows.net/people/k"},
		{"a local connection string", azblob.Config{Container: "people", ConnectionString: "BlobEndpoint=http://127.0.0.1:10000/dev;AccountName=dev;AccountKey=" + secret}, "http://127.0.0.1:10000/dev/people/k"},
		{"a signature", azblob.Config{Account: "contoso", Container: "people", ConnectionString: "BlobEndpoint=https://contoso.blob.core.windows.net;SharedAccessSignature=sv=2026&sig=" + secret}, "https://contoso.blob.core.windows.net/people/k"},
	} {
		s, err := azblob.New(test.c)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := s.URL("k"); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestASignatureGoesWithEveryRequestAndInNoText(t *testing.T) {
	d := newDouble()
	s, err := azblob.New(azblob.Config{
		Container: "people", ConnectionString: "BlobEndpoint=https://contoso.blob.core.windows.net;SharedAccessSignature=sv=2026&sig=" + secret,
		Options: policy.ClientOptions{Transport: d},
	})
	if err != nil {
		t.Fatal(err)
	}
	upload(t.Context(), t, s, "large", large).mustCommit(t)
	_, _, err = s.Read(t.Context(), "missing")
	wantFailure(t, err, "there is no such object")
	for _, r := range d.seen {
		if r.URL.Query().Get("sig") != secret {
			t.Errorf("%s went to %s", kind(r), r.URL.Path)
		}
	}
}

func TestWhatIsNoContainerIsRefusedWithoutItsSecrets(t *testing.T) {
	for _, test := range []struct {
		name string
		c    azblob.Config
		want string
	}{
		{"no container", azblob.Config{Account: "a", Key: secret}, "container"},
		{"a path for a container", azblob.Config{Account: "a", Container: "b/c", Key: secret}, "container"},
		{"no account", azblob.Config{Container: "people", Key: secret}, "account"},
		{"a host for an account", azblob.Config{Account: "a.example.com/", Container: "people", Key: secret}, "account"},
		{"nobody signs in", azblob.Config{Account: "a", Container: "people"}, "exactly one"},
		{"two sign in", azblob.Config{Account: "a", Container: "people", Key: secret, Credential: token{}}, "exactly one"},
		{"a key that is none", azblob.Config{Account: "a", Container: "people", Key: secret + "%"}, "base64"},
		{"a connection string that is none", azblob.Config{Container: "people", ConnectionString: "AccountKey" + secret[:8]}, "access keys"},
		{"another account's", azblob.Config{Account: "a", Container: "people", ConnectionString: "AccountName=b;AccountKey=" + secret}, "another"},
		{"an endpoint with a secret", azblob.Config{Account: "a", Container: "people", Key: secret, Endpoint: "https://h/?sig=" + secret}, "endpoint"},
		{"a prefix with dots", azblob.Config{Account: "a", Container: "people", Key: secret, Prefix: "../b"}, "prefix"},
	} {
		_, err := azblob.New(test.c)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q in it", test.name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), secret[:8]) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
