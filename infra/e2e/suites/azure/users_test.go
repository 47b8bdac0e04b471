package azure_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
)

// response is one that was read to its end, or as far as it came.
type response struct {
	status int
	header http.Header
	body   string
	broken error // why it is not whole
}

// ask sends a request for a path below /api, or for a whole link.
func (d *deployment) ask(method, address string, header http.Header) response {
	d.Helper()
	if !strings.Contains(address, "://") {
		address = d.front.URL + "/api" + address
	}
	return ask(d.T, d.client, method, address, header)
}

// ask sends a request and reads its response as far as it comes. A header without a value is
// not sent.
func ask(t *testing.T, client *http.Client, method, address string, header http.Header) response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		if len(values) > 0 && values[0] != "" {
			request.Header[name] = values
		}
	}
	r, err := client.Do(request)
	if err != nil {
		return response{broken: err}
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	return response{r.StatusCode, r.Header, string(body), err}
}

// keyed is the header of a caller with the key of the function, and further headers.
func keyed(more ...string) http.Header {
	h := http.Header{"X-Functions-Key": {functionshost.FunctionKey}}
	for pair := range slices.Chunk(more, 2) {
		h.Add(pair[0], pair[1])
	}
	return h
}

func (d *deployment) get(address string) response {
	d.Helper()
	return d.ask(http.MethodGet, address, keyed())
}

// everyPage follows every link from the first page on and returns the ids of the users.
func (d *deployment) everyPage(address string) map[string]bool {
	d.Helper()
	seen := map[string]bool{}
	for address != "" {
		r := d.get(address)
		var page struct {
			Next  string `json:"@odata.nextLink"`
			Value []struct{ ID, UserPrincipalName string }
		}
		if err := json.Unmarshal([]byte(r.body), &page); err != nil || r.status != http.StatusOK || r.broken != nil {
			d.Fatalf("%s: %d %v %v %.300s", address, r.status, r.broken, err, r.body)
		}
		for _, u := range page.Value {
			if seen[u.ID] {
				d.Errorf("user %s came twice", u.ID)
			}
			seen[u.ID] = true
		}
		if address = page.Next; address == "" {
			return seen
		}
		next, err := url.Parse(address)
		if err != nil || !strings.HasPrefix(address, d.front.URL+"/api/v1.0/users?") || next.Query().Get("$skiptoken") == "" {
			d.Fatalf("the link to the next page is %s, %v", address, err)
		}
		d.canaries[next.Query().Get("$skiptoken")] = true
	}
	return seen
}
