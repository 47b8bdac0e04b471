package azblob_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
)

// FuzzAConnectionStringGivesAPlainAddressOrAnErrorWithoutTheKey reads connection
// strings around a key.
func FuzzAConnectionStringGivesAPlainAddressOrAnErrorWithoutTheKey(f *testing.F) {
	f.Add("DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=", ";EndpointSuffix=core.windows.net")
	f.Add("BlobEndpoint=https://contoso.blob.core.windows.net;SharedAccessSignature=sv=2026&sig=", "")
	f.Add("BlobEndpoint=https://contoso.blob.core.windows.net/?sig=", ";SharedAccessSignature=x")
	f.Add("BlobEndpoint=https://user:", "@contoso.blob.core.windows.net;SharedAccessSignature=x")
	f.Add("BlobEndpoint=https://contoso.blob.core.windows.net#", ";SharedAccessSignature=x")
	f.Add("AccountName=", ";AccountKey=%%%")
	f.Add("BlobEndpoint=https://", ".example;SharedAccessSignature=x")
	f.Add("AccountKey", "")
	f.Add("UseDevelopmentStorage=true;", "")
	f.Fuzz(func(t *testing.T, before, after string) {
		s, err := azblob.New(azblob.Config{Container: "people", ConnectionString: before + secret + after})
		if err != nil {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("error %q", err)
			}
			return
		}
		at, err := url.Parse(s.URL("k"))
		if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" || at.User != nil || at.RawQuery != "" || at.Fragment != "" {
			t.Errorf("%q gives the address %q, %v", before+"..."+after, s.URL("k"), err)
		}
	})
}
