package azblob_test

import (
	"bufio"
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

// FuzzConnectionString has texts that anybody may have pasted. What is taken leads to one
// address, which no key is a part of, and no error quotes the text.
func FuzzConnectionString(f *testing.F) {
	for _, text := range []string{
		"DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5;EndpointSuffix=core.windows.net",
		"BlobEndpoint=https://contoso.blob.core.windows.net/;SharedAccessSignature=sv=2024-01-01&sig=Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5",
		"BlobEndpoint=http://127.0.0.1:10000/contoso;AccountName=contoso;AccountKey=Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5", "UseDevelopmentStorage=true", "AccountName=contoso", "=;=;", ";;", "",
		"AccountName=contoso;AccountKey=Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5!", "AccountName=evil/x?#;AccountKey=Zm9v", "BlobEndpoint=https://user:Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5@host/;SharedAccessSignature=a",
		"BlobEndpoint=:;SharedAccessSignature=a", "BlobEndpoint=https://;SharedAccessSignature=", "https://contoso.blob.core.windows.net/?sig=Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := azblob.New(azblob.Config{Container: "people", Prefix: "exports", ConnectionString: text})
		if err != nil {
			for field := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune("=;&/?@: ", r) }) {
				if len(field) > 16 && strings.Contains(err.Error(), field) {
					t.Fatalf("%v quotes %q", err, field)
				}
			}
			return
		}
		u, err := url.Parse(s.URL("key"))
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !strings.HasSuffix(u.Path, "/people/exports/key") {
			t.Fatalf("%q leads to %s", text, s.URL("key"))
		}
		if strings.Contains(s.URL("key"), "Y2FuYXJ5") {
			t.Fatalf("%s", s.URL("key"))
		}
	})
}

// rawTransport answers every request alike.
type rawTransport []byte

func (raw rawTransport) Do(r *http.Request) (*http.Response, error) {
	return http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), r)
}

// FuzzAnswer has answers of a service that lies about lengths, tags and checksums.
func FuzzAnswer(f *testing.F) {
	storetest.AddAnswers(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := azblob.New(azblob.Config{
			Account: "contoso", Container: "people", Key: secret,
			Options: policy.ClientOptions{Transport: rawTransport(raw), Retry: policy.RetryOptions{MaxRetries: -1}},
		})
		if err != nil {
			t.Fatal(err)
		}
		storetest.CheckAnswer(t, s, raw)
	})
}
