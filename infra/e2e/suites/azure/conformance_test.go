package azure_test

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// side is one of the two that are compared: a base URL, and how callers show who they are.
type side struct {
	base   string
	client *http.Client
	header http.Header
}

func (d *deployment) onAzure() side { return side{d.front.URL + "/api", d.client, keyed()} }

// onLambda is functions/users behind a REST API, with the tenant and the sealing key of the
// function app.
func (d *deployment) onLambda(bootstrap string, m mode) side {
	d.Helper()
	name, env := "REST API", append(d.tenant.Environ(), "ROLLCALL_PARALLEL=1", "ROLLCALL_SEAL_KEY=file:"+d.sealKey)
	if m.streams {
		name, env = "REST API that streams", append(env, "ROLLCALL_RESPONSE=stream")
	}
	kinds := gateway.Kinds()
	kind := kinds[slices.IndexFunc(kinds, func(k gateway.Kind) bool { return k.Name == name })]
	front := gateway.Start(kind, harness.Start(d, lambdahost.Config{Bootstrap: bootstrap, Env: env}.Start))
	d.Cleanup(front.Close)
	return side{kind.Base, front.Client(), http.Header{"Authorization": {"Bearer " + endpoint.Token}}}
}

// question is a request that is sent to both.
type question struct {
	method string // GET unless it says something else
	path   string
	header []string
	// but says, for some modes by their names, or for "" all, what the host makes of the
	// request, so that the answers differ.
	but map[string]string
}

// path of a name in which everything is escaped that can be.
func named(d *deployment, guest bool) string {
	for i := 0; ; i++ {
		if name := d.tenant.UserPrincipalName(i); strings.Contains(name, "#EXT#") == guest {
			return url.PathEscape(name)
		}
	}
}

const selected = "$select=id,userPrincipalName,displayName,department"

func (d *deployment) questions() []question {
	id, nobody := d.tenant.ID(3), "9d0c0000-0000-4000-8000-000000000000"
	quoted := func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
	csv, ndjson := []string{"Accept", "text/csv"}, []string{"Accept", "application/x-ndjson"}
	return []question{
		{path: "/openapi.json"},
		{path: "/openapi.json?$top=1"},
		{path: "/users"},
		{path: "/users/"},
		{path: "/v1.0/users"},
		{path: "/v1.0/users/?$top=3"},
		{path: "/Users?$top=3"},
		{path: "/users?$top=5&" + selected},
		{path: "/users?%24top=5&%24select=id"},
		{path: "/users?$top=999"},
		{path: "/users?$top=0"},
		{path: "/users?$top=-1"},
		{path: "/users?$top=five"},
		{path: "/users?$top=1&$top=2", but: map[string]string{"forwarded": "it makes one option of two"}},
		{path: "/users?$select=id,id"},
		{path: "/users?$select="},
		{path: "/users?$select=mobilePhone"},
		{path: "/users?$expand=memberOf"},
		{path: "/users?$skip=5"},
		{path: "/users?$count=true&$top=2"},
		{path: "/users?$count=maybe"},
		{path: "/users?$filter=" + quoted("accountEnabled eq true and userType eq 'Guest'") + "&$top=20"},
		{path: "/users?$filter=accountEnabled+eq+true&$top=3"},
		{path: "/users?$filter=" + quoted("displayName eq 'O''Neil & Söhne +1'")},
		{path: "/users?$filter=" + quoted("startswith(displayName,'J') or department in ('IT','Sales')") + "&" + selected},
		{path: "/users?$filter=" + quoted("id eq 'x') or (id ne 'x'")},
		{path: "/users?$filter=" + quoted("mobilePhone eq 'x'")},
		{path: "/users?$orderby=displayName&$top=10"},
		{path: "/users?$orderby=displayName%20desc&$top=10&" + selected},
		{path: "/users?$search=" + quoted(`"displayName:a"`) + "&$top=10"},
		{path: "/users?$skiptoken=made-up"},
		{path: "/users?$unknown=1"},
		{path: "/users?unknown=1"},
		{path: "/users?$format=ndjson&" + selected},
		{path: "/users?" + selected, header: ndjson},
		{path: "/users?$format=csv&" + selected},
		{path: "/users?$filter=" + quoted("userType eq 'Guest'"), header: csv},
		{path: "/users?$format=csv&csv=excel&$select=id,displayName"},
		{path: "/users?$format=xml"},
		{path: "/users", header: []string{"Accept", "image/png"}},
		{path: "/users/$count"},
		{path: "/users/$count?$filter=" + quoted("userType eq 'Guest'")},
		{path: "/v1.0/users/%24count"},
		{path: "/users/" + id},
		{path: "/users/" + strings.ToUpper(id)},
		{path: "/v1.0/users/" + id + "?" + selected},
		{path: "/users/" + id + "/"},
		{path: "/users/" + nobody},
		{path: "/users/" + named(d, false)},
		{path: "/users/" + named(d, true), but: map[string]string{"forwarded": "it takes %23 for the begin of a fragment"}},
		{path: "/users/" + id + "/manager"},
		{path: "/users/" + id + "/memberOf/$ref"},
		{path: "/users/a%2Fb"},
		{path: "/users/..%2fgroups"},
		{path: "/users/%00"},
		{path: "/users/%E4%B8%AD%E6%96%87@contoso.example"},
		{path: "/users/a%20b+c@contoso.example"},
		{path: "/users/a%25b@contoso.example"},
		{path: "/users//" + id},
		{path: "/users('" + id + "')", but: map[string]string{"": "it has no route for it"}},
		{path: "/users?$top=2", header: []string{"Client-Request-Id", "caller-42"}},
		{method: http.MethodHead, path: "/users?$top=2"},
		{method: http.MethodHead, path: "/users/" + id},
		{method: http.MethodHead, path: "/users/" + nobody},
		{method: http.MethodPost, path: "/users"},
		{method: http.MethodDelete, path: "/users/" + id},
		{method: http.MethodPatch, path: "/v1.0/users/" + id},
		{method: http.MethodOptions, path: "/users", but: map[string]string{"enveloped": "it gives every answer a Content-Type"}},
	}
}

var (
	skiptoken = regexp.MustCompile(`(skiptoken=)([A-Za-z0-9_-]+)`)
	varying   = regexp.MustCompile(`"((?:client-|graph-)?request-id|date)":"[-0-9a-fT:]{19,36}"`)
)

// ask asks a side. What may differ between two answers to one question is replaced: the base
// URL, sealed tokens, and the id and time of the request.
func (s side) ask(d *deployment, q question) response {
	d.Helper()
	header := s.header.Clone()
	for i := 0; i < len(q.header); i += 2 {
		header.Set(q.header[i], q.header[i+1])
	}
	r := ask(d.T, s.client, cmp.Or(q.method, http.MethodGet), s.base+q.path, header)
	for _, found := range skiptoken.FindAllStringSubmatch(r.body, -1) {
		d.canaries[found[2]] = true
	}
	r.body = varying.ReplaceAllString(strings.ReplaceAll(r.body, s.base, "https://base"), `"$1":""`)
	return r
}

// plain is a body without what is sealed, which never is the same twice.
func plain(body string) string { return skiptoken.ReplaceAllString(body, "${1}sealed") }

// TestAzureAnswersAsLambdaDoes sends the same requests to functions/users on Lambda and to
// functions/azure in each mode. The bodies have the same bytes.
func TestAzureAnswersAsLambdaDoes(t *testing.T) {
	bootstrap := harness.Release(t, "functions/users")
	inEveryMode(t, simulator.Config{Users: 345, Hostile: true}, []string{"ROLLCALL_PARALLEL=1"}, func(d *deployment, m mode) {
		lambda, azure := d.onLambda(bootstrap, m), d.onAzure()
		for _, q := range d.questions() {
			d.compare(lambda, azure, q, m)
		}
		// A link of one leads the other to the same page: the tokens differ, and what they
		// are sealed with does not.
		for _, first := range []string{"/users?$top=99&" + selected, "/users?$filter=accountEnabled+eq+true&$orderby=displayName&$top=70&$count=true"} {
			pages := 1
			for q := (question{path: first}); q.path != ""; pages++ {
				from := []side{lambda, azure}[pages%2]
				d.compare(lambda, azure, q, m)
				q.path = nextPath(from.ask(d, q).body)
			}
			if pages < 4 {
				d.Errorf("%s has %d pages", first, pages)
			}
		}
	})
}

// nextPath is the path of the link to the next page, "" on the last one.
func nextPath(body string) string {
	found := regexp.MustCompile(`"@odata.nextLink":"https://base([^"]*)"`).FindStringSubmatch(body)
	if found == nil {
		return ""
	}
	return found[1]
}

func (d *deployment) compare(lambda, azure side, q question, m mode) {
	d.Helper()
	want, got := lambda.ask(d, q), azure.ask(d, q)
	same := got.status == want.status && got.header.Get("Content-Type") == want.header.Get("Content-Type") && plain(got.body) == plain(want.body) &&
		got.broken == nil && want.broken == nil
	why := cmp.Or(q.but[m.name], q.but[""])
	if same == (why == "") {
		return
	}
	d.Errorf("%s %s %v, of which the host is known to differ in that %q\nazure:  %d %q %.400q %v\nlambda: %d %q %.400q %v", q.method, q.path, q.header, why,
		got.status, got.header.Get("Content-Type"), got.body, got.broken, want.status, want.header.Get("Content-Type"), want.body, want.broken)
}
