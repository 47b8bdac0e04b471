package azblob_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

const secret = storetest.Secret

func open(t *testing.T, d *storetest.Double, prefix string) *azblob.Store {
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

// write uploads an object and returns its body.
func write(t *testing.T, s *azblob.Store, key string, size int) []byte {
	t.Helper()
	body := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
	u, err := s.Create(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	return body
}

func TestAContainerKeepsThePromisesOfAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, newDouble(), "exports/people") })
}

func TestAContainerSaysWhatItHolds(t *testing.T) {
	storetest.RunFolders(t, open(t, newDouble(), "exports/people"))
}

func TestAnEmulatorWithoutChecksumsGetsNone(t *testing.T) {
	d := storetest.NewDouble(&container{staged: map[string]map[string][]byte{}, emulator: true})
	s := open(t, d, "")
	large := write(t, s, "large", storetest.Large)
	if _, err := s.Swap(t.Context(), "state", []byte("x"), ""); err != nil {
		t.Fatal(err)
	}
	if len(d.Objects) != 2 || !bytes.Equal(d.Objects["large"].Body, large) {
		t.Errorf("the container holds %d blobs, or other ones", len(d.Objects))
	}
}

func TestEveryBodyGoesWithItsChecksum(t *testing.T) {
	d := newDouble()
	s := open(t, d, "")
	write(t, s, "small", storetest.Small)
	write(t, s, "large", storetest.Large)
	if _, err := s.Swap(t.Context(), "state", []byte("x"), ""); err != nil {
		t.Fatal(err)
	}
	bodies := append(d.Requests("Put Blob"), d.Requests("Put Block")...)
	for _, r := range bodies {
		if r.Header.Get("x-ms-content-crc64") == "" {
			t.Errorf("a %s has none", d.Protocol.Operation(r))
		}
	}
	if len(bodies) < 5 {
		t.Errorf("only %d bodies were sent", len(bodies))
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
	write(t, s, "large", storetest.Large)
	_, _, err = s.Read(t.Context(), "missing")
	storetest.WantFailure(t, err, s, "there is no such object")
	for _, r := range d.Requests("") {
		if r.URL.Query().Get("sig") != secret {
			t.Errorf("%s went to %s", d.Protocol.Operation(r), r.URL.Path)
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
		{"plain HTTP to another machine", azblob.Config{Account: "a", Container: "people", Endpoint: "http://a.blob.core.windows.net", Key: secret}, "plain HTTP"},
		{"plain HTTP to a name like this machine's", azblob.Config{Account: "a", Container: "people", Endpoint: "http://localhost.example/a", Key: secret}, "plain HTTP"},
		{"a plain connection string", azblob.Config{Container: "people", ConnectionString: "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=" + secret}, "plain HTTP"},
		{"a plain endpoint in a connection string", azblob.Config{Container: "people", ConnectionString: "BlobEndpoint=http://10.0.0.1:10000/a;AccountName=a;AccountKey=" + secret}, "plain HTTP"},
		{"a plain endpoint with a signature", azblob.Config{Container: "people", ConnectionString: "BlobEndpoint=http://a.blob.core.windows.net;SharedAccessSignature=sig=" + secret}, "plain HTTP"},
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

func TestAContainerKeepsThePromisesOfAStoreWhileRequestsFail(t *testing.T) {
	storetest.RunRemote(t, storetest.Remote{
		Open: func(t *testing.T) (storetest.Store, *storetest.Double) {
			d := newDouble()
			return open(t, d, storetest.Prefix), d
		},
		Put: "Put Blob", Part: "Put Block", Complete: "Put Block List", Get: "Get Blob", Delete: "Delete Blob",
		OneRequest: 4 << 20, Range: "x-ms-range", Busy: "ServerBusy",
		Refusals: []storetest.Refusal{
			{Name: "a block is refused", Size: storetest.Large, Plan: storetest.At("Put Block", 1, storetest.Fault{Status: 400, Code: "Crc64Mismatch"}), Want: "run again"},
			{Name: "a block is never taken", Size: storetest.Large, Plan: storetest.At("Put Block", 0, storetest.Fault{Status: 503, Code: "ServerBusy"}), Want: "later"},
			{Name: "the end is refused", Size: storetest.Large, Plan: storetest.At("Put Block List", 0, storetest.Fault{Status: 403, Code: "AuthorizationPermissionMismatch"}), Want: "Storage Blob Data Contributor"},
			{Name: "a small object is refused", Size: storetest.Small, Plan: storetest.At("Put Blob", 0, storetest.Fault{Status: 403, Code: "AuthorizationPermissionMismatch"}), Want: "Storage Blob Data Contributor"},
			{Name: "there is no container", Size: storetest.Small, Plan: storetest.At("Put Blob", 0, storetest.Fault{Status: 404, Code: "ContainerNotFound"}), Want: "make the container people"},
		},
		Answers: []storetest.Answer{
			{Operation: "Put Blob", Fault: storetest.Fault{Status: 412, Code: "ConditionNotMet"}, Is: store.ErrConflict},
			{Operation: "Put Blob", Fault: storetest.Fault{Status: 409, Code: "BlobAlreadyExists"}, Is: store.ErrConflict},
			{Operation: "Put Blob", Fault: storetest.Fault{Status: 404, Code: "BlobNotFound"}, Is: store.ErrConflict},
			{Operation: "Put Blob", Fault: storetest.Fault{Status: 412, Code: "LeaseIdMissing"}, Want: "lease"},
			{Operation: "Put Blob", Fault: storetest.Fault{Status: 409, Code: "BlobImmutableDueToPolicy"}, Want: "policy"},
			{Operation: "Put Blob", Fault: storetest.Fault{Status: 404, Code: "ContainerNotFound"}, Want: "make the container people"},
			{Operation: "Put Blob", Fault: storetest.Fault{Status: 403, Code: "AuthorizationFailure"}, Want: "network rules"},
			{Operation: "Put Blob", Fault: storetest.Fault{Status: 403, Code: "AuthenticationFailed"}, Want: "renew"},
			{Operation: "Put Blob", Fault: storetest.Fault{Status: 403, Code: "KeyBasedAuthenticationNotPermitted"}, Want: "identity"},
			{Operation: "Put Blob", Fault: storetest.Fault{Status: 503, Code: "ServerBusy"}, Want: "later"},
			{Operation: "Get Blob", Fault: storetest.Fault{Status: 404, Code: "BlobNotFound"}, Is: store.ErrNotFound},
			{Operation: "Get Blob", Fault: storetest.Fault{Status: 404, Code: "ContainerNotFound"}, Want: "make the container people"},
			{Operation: "Get Blob", Fault: storetest.Fault{Status: 403, Code: "AuthorizationPermissionMismatch"}, Want: "Storage Blob Data Reader"},
			{Operation: "Delete Blob", Fault: storetest.Fault{Status: 403, Code: "AuthorizationPermissionMismatch"}, Want: "Storage Blob Data Contributor"},
			{Operation: "Delete Blob", Fault: storetest.Fault{Lost: true}},
			{Operation: "Get Blob", Fault: storetest.Fault{Status: 403, Code: "kim@contoso.com may not"}, Want: "Azure Storage answered (HTTP 403"},
		},
	})
}

// refusal is an error of this project's own, as a credential returns it.
type refusal struct{}

func (refusal) Error() string { return "the client secret has expired: make a new one" }
func (refusal) Name() string  { return "Credentials.Rejected" }

type rejected struct{}

func (rejected) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, refusal{}
}

func TestAnIdentityThatIsRejectedSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := azblob.New(azblob.Config{
			Account: "contoso", Container: "people", Credential: rejected{},
			Options: policy.ClientOptions{Transport: newDouble()},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = s.Read(t.Context(), "latest")
		storetest.WantFailure(t, err, s, "the client secret has expired: make a new one")
	})
}
