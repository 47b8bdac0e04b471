package simulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// wire is what one fault does on the wire, as the plainest client sees it.
type wire struct {
	status int    // of the page or count that it is injected into
	code   string // of the error envelope
	header string // "Name: value"; an empty value means absent
	body   string // found in the body
	link   string // found in the page's link
	read   error  // of reading the body
	open   error  // instead of a response
	syntax bool   // the body is no JSON
	check  func(t *testing.T, c *client, path string)
}

const firstPage = "/users?$select=id&$top=10"

// wires says what each fault of the catalogue looks like.
func wires() map[string]wire {
	throttled := func(value string) wire {
		return wire{status: 429, code: "TooManyRequests", header: "Retry-After: " + value}
	}
	return map[string]wire{
		"401":                  {status: 401, code: "InvalidAuthenticationToken", header: "Www-Authenticate: Bearer realm", check: healed},
		"cae":                  {status: 401, code: "InvalidAuthenticationToken", header: `Www-Authenticate: Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000", error="insufficient_claims", claims="eyJ`},
		"403":                  {status: 403, code: "Authorization_RequestDenied"},
		"429-seconds":          throttled("7"),
		"429-decimal":          throttled("1.5"),
		"429-date":             throttled("Sat, 01 Jan 2000 00:00:09 GMT"),
		"429-absent":           throttled(""),
		"429-storm":            throttled("1"),
		"500":                  {status: 500, code: "UnknownError", check: healed},
		"502-html":             {status: 502, header: "Content-Type: text/html", body: "<!DOCTYPE html>", check: healed},
		"503":                  {status: 503, code: "serviceNotAvailable", header: "Retry-After: ", check: healed},
		"503-retry-after":      {status: 503, code: "serviceNotAvailable", header: "Retry-After: 5"},
		"504":                  {status: 504, check: healed},
		"empty-code":           {status: 500, body: `{"error":{"code":"","message":""`},
		"html-200":             {status: 200, header: "Content-Type: text/html", body: "<!DOCTYPE html>"},
		"no-value":             {status: 200, body: "{}"},
		"error-200":            {status: 200, code: "UnknownError"},
		"redirect":             {status: 302, header: "Location: https://" + simulator.DefaultForeignHost + "/v1.0/users"},
		"reset-before-headers": {open: syscall.ECONNRESET, check: healed},
		"stall-headers":        {open: context.DeadlineExceeded, check: healed},
		"expired-token":        {check: expires},
		"reset":                {status: 200, read: syscall.ECONNRESET, check: healed},
		"truncate":             {status: 200, read: io.ErrUnexpectedEOF, check: healed},
		"truncate-clean":       {status: 200, syntax: true, check: healed},
		"stall":                {status: 200, read: context.DeadlineExceeded, check: healed},
		"malformed-json":       {status: 200, syntax: true, check: healed},
		"in-stream-error":      {status: 200, syntax: true, body: `{"error":{`, check: healed},
		"no-id":                {status: 200, body: `{"displayName":"Nobody"}`, check: healed},
		"slow-body":            {check: slow},
		"empty-page":           {status: 200, body: `"value":[]`, link: "$skiptoken=RFNwdA"},
		"link-after-value":     {status: 200, body: `}],"@odata.nextLink":"https://`, check: linksOnce},
		"loop":                 {status: 200, link: "/v1.0/users?$select=id&$top=10", check: loops},
		"loop-long":            {check: loopsBack},
		"foreign-host":         {status: 200, link: "https://" + simulator.DefaultForeignHost + "/v1.0/users?$select=id"},
		"foreign-port":         {status: 200, link: "https://graph.microsoft.com:8/v1.0/users?$select=id"},
		"dotted-host":          {status: 200, link: "https://graph.microsoft.com./v1.0/users?$select=id"},
		"unicode-host":         {status: 200, link: "https://graph.m\u0130crosoft.com/v1.0/users?$select=id"},
		"escaped-host":         {status: 200, link: "https://graph.m%C4%B0crosoft.com/v1.0/users?$select=id"},
		"foreign-scheme":       {status: 200, link: "http://graph.microsoft.com/v1.0/users?"},
		"foreign-path":         {status: 200, link: "https://graph.microsoft.com/v1.0/applications?"},
		"userinfo-host":        {status: 200, link: "https://graph.microsoft.com@" + simulator.DefaultForeignHost + "/v1.0/users?"},
		"poisoned-token":       {status: 503, code: "serviceNotAvailable", check: poisons},
		"duplicate":            {check: reads(111, 101, 11)},
		"early-end":            {status: 200, check: reads(10, 10, 1)},
		"lost-page":            {check: reads(51, 51, 6)},
		"lost-end":             {check: reads(100, 100, 10)},
		"null-count":           {status: 200, body: `"@odata.count":null`},
		"string-count":         {status: 200, body: `"@odata.count":"12"`},
		"object-count":         {status: 200, body: `"@odata.count":{}`},
		"true-count":           {status: 200, body: `"@odata.count":true`},
		"null-value":           {status: 200, body: `"value":null}`},
		"object-value":         {status: 200, body: `"value":{}}`},
		"string-value":         {status: 200, body: `"value":"none"}`},
		"null-link":            {status: 200, body: `"@odata.nextLink":null,`, check: healed},
		"number-link":          {status: 200, body: `"@odata.nextLink":5,`},
		"object-link":          {status: 200, body: `"@odata.nextLink":{},`},
		"empty-link":           {status: 200, body: `"@odata.nextLink":"",`},
		"two-counts":           {status: 200, body: `"@odata.count":7,"@odata.count":8`},
		"two-values":           {status: 200, body: `}],"value":[]}`},
		"two-links":            {status: 200, body: `","@odata.nextLink":"https://`},
		"null-id":              {status: 200, body: `,{"id":null},`},
		"number-id":            {status: 200, body: `,{"id":7},`},
		"null-user":            {status: 200, body: `,null,`},
		"string-user":          {status: 200, body: `,"9d0c`},
		"absent-sign-ins":      {check: losesSignIns},
		"governor":             {status: 200, header: "X-Ms-Throttle-Limit-Percentage: 0.90"},
		"replica-lag":          {check: lags},
		"delta-refused":        {status: 400, code: "Request_UnsupportedQuery"},
		"delta-expired":        {check: deltaEnds(400, "syncStateNotFound", "")},
		"delta-reset":          {check: deltaEnds(410, "resyncRequired", "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=")},
		"delta-page-expired":   {check: deltaEnds(400, "Directory_ExpiredPageToken", "")},
		"delta-lag":            {check: deltaLags},
		"delta-replay":         {check: deltaReplays},
		"delta-duplicate":      {check: deltaDuplicates},
		"delta-drop":           {check: deltaDrops},
		"delta-silent-manager": {check: deltaHidesManagers},
		"batch-throttled":      {check: batchThrottles},
		"subscription-lost":    {check: losesSubscription},
		"notification-dropped": {check: dropsNotifications},
		"notification-slow":    {check: delaysNotifications},
		"count-lag":            {status: 200, body: "98"},
		"count-old":            {check: countLags},
		"count-high":           {status: 200, body: "110"},
		"count-text":           {status: 200, body: "many"},
		"count-negative":       {status: 200, body: "-101"},
		"count-empty":          {status: 200},
		"count-refused":        {status: 400, code: "Request_BadRequest", body: "$count is not currently supported."},
		"count-throttled":      {status: 429, code: "TooManyRequests", header: "Retry-After: 10"},
		"token-429":            {status: 429, header: "Retry-After: 60"},
		"token-html":           {status: 200, header: "Content-Type: text/html"},
		"token-malformed":      {status: 200, body: "{}"},
		"token-500":            {status: 500, body: "server_error"},
		"token-rejected":       {status: 401, body: "AADSTS7000215"},
		"token-expired-secret": {status: 401, body: "AADSTS7000222"},
	}
}

func TestEveryFaultShowsOnTheWire(t *testing.T) {
	expected := wires()
	for _, fault := range simulator.FaultNames() {
		want, ok := expected[fault.Name]
		if !ok {
			t.Errorf("the fault %s is not described here", fault.Name)
			continue
		}
		if fault.Summary == "" {
			t.Errorf("the fault %s has no summary", fault.Name)
		}
		t.Run(fault.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { want.see(t, fault.Name) })
		})
	}
}

func (want wire) see(t *testing.T, name string) {
	tenant := simulator.New(simulator.Config{Users: 101})
	c := clientOf(t, tenant)
	tenant.AddFault(simulator.Fault{Name: name})
	if want.status == 0 && want.open == nil {
		want.check(t, c, firstPage)
		return
	}
	got := c.trigger(name)
	if got.status != want.status || want.open != nil && !errors.Is(got.err, want.open) ||
		want.open == nil && !errors.Is(got.err, want.read) {
		t.Fatalf("status %d, error %v, want %d, %v: %s", got.status, got.err, want.status, errors.Join(want.open, want.read), got.body)
	}
	if want.code != "" && got.code() != want.code {
		t.Errorf("code %q, want %q", got.code(), want.code)
	}
	if !strings.Contains(got.body, want.body) {
		t.Errorf("the body lacks %q: %s", want.body, got.body)
	}
	if name, value, ok := strings.Cut(want.header, ": "); ok {
		if have := got.header.Get(name); !strings.HasPrefix(have, value) || value == "" && have != "" {
			t.Errorf("%s: %q, want %q", name, have, value)
		}
	}
	isJSON := strings.HasPrefix(got.header.Get("Content-Type"), "application/json")
	if isJSON && got.err == nil && json.Valid([]byte(got.body)) == want.syntax {
		t.Errorf("valid JSON is %t: %s", !want.syntax, got.body)
	}
	if want.link != "" {
		var p listPage
		if err := json.Unmarshal([]byte(got.body), &p); err != nil || !strings.Contains(p.Next, want.link) {
			t.Errorf("the link is %q, want %q", p.Next, want.link)
		}
	}
	if want.check != nil {
		want.check(t, c, firstPage)
	}
}

// trigger sends the request that the fault is injected into, and gives up after a
// minute.
func (c *client) trigger(name string) answer {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	if strings.HasPrefix(name, "token-") {
		return c.form(simulator.DefaultTenant, grant())
	}
	address := graphURL + "/v1.0" + firstPage
	if strings.HasPrefix(name, "count-") {
		address = graphURL + "/v1.0/users/$count"
	}
	if strings.HasPrefix(name, "delta-") {
		address = graphURL + "/v1.0/users/delta?$deltatoken=latest"
	}
	r := c.request(ctx, http.MethodGet, address, "")
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("ConsistencyLevel", "eventual")
	return c.do(r)
}

// healed checks that the page is whole when it is retried.
func healed(t *testing.T, c *client, path string) {
	if p := c.page(path); len(p.Value) != 10 || p.Next == "" {
		t.Errorf("the second try has %d users", len(p.Value))
	}
}

// linksOnce checks that a page has its link in one place only.
func linksOnce(t *testing.T, c *client, path string) {
	if n := strings.Count(c.get(path).body, "@odata.nextLink"); n != 1 {
		t.Errorf("%d links", n)
	}
}

func expires(t *testing.T, c *client, path string) {
	link := c.page(path).Next
	for range 2 {
		if a := c.get(link); a.status != 400 || a.code() != "Directory_ExpiredPageToken" {
			t.Fatalf("%d %s, want 400 Directory_ExpiredPageToken each time", a.status, a.code())
		}
	}
	if p := c.page(c.page(path).Next); len(p.Value) != 10 {
		t.Error("a new chain does not get past the page")
	}
}

func slow(t *testing.T, c *client, path string) {
	start := time.Now()
	a := c.get(path)
	want := time.Duration(float64(len(a.body)) / (16 << 10) * float64(time.Second))
	if got := time.Since(start); got < want*9/10 || got > want*11/10 {
		t.Errorf("%d bytes took %v, want about %v", len(a.body), got, want)
	}
}

func loops(t *testing.T, c *client, path string) {
	second := c.page(c.page(path).Next)
	if diff := cmp.Diff(c.page(path).Value, second.Value); diff != "" {
		t.Error(diff)
	}
}

func loopsBack(t *testing.T, c *client, path string) {
	first := c.page(path)
	second := c.page(first.Next)
	if second.Next != first.Next {
		t.Errorf("the second page links to %s, want %s", second.Next, first.Next)
	}
}

func poisons(t *testing.T, c *client, path string) {
	retried := c.page(path)
	if a := c.get(retried.Next); a.status != 400 || a.code() != "DirectoryPageTokenNotFoundException" {
		t.Errorf("%d %s, want 400 DirectoryPageTokenNotFoundException", a.status, a.code())
	}
	if a := c.get(c.page(path).Next); a.status != 503 {
		t.Errorf("a clean page's link gives %d, want the next page's own fault", a.status)
	}
}

// reads checks how many users arrive, how many are distinct, and in how many
// pages.
func reads(users, ids, pages int) func(*testing.T, *client, string) {
	return func(t *testing.T, c *client, path string) {
		got, n := c.all(graphURL+"/v1.0"+path, "id")
		if len(got) != users || distinct(got) != ids || n != pages {
			t.Errorf("%d users, %d distinct, %d pages; want %d, %d, %d", len(got), distinct(got), n, users, ids, pages)
		}
	}
}

func losesSignIns(t *testing.T, _ *client, _ string) {
	c := newClient(t, simulator.Config{
		Users: 300, Roles: []string{"User.Read.All", "AuditLog.Read.All"}, Faults: []simulator.Fault{{Name: "absent-sign-ins"}},
	}).eventual()
	for options, want := range map[string]int{"$top=300": 300, "$top=300&$count=true": 120} {
		got := 0
		for _, user := range c.page("/users?$select=id,signInActivity&" + options).Value {
			if _, ok := user["signInActivity"]; ok {
				got++
			}
		}
		if got != want {
			t.Errorf("%s: %d users have a signInActivity, want %d", options, got, want)
		}
	}
}

func countLags(t *testing.T, c *client, _ string) {
	time.Sleep(time.Minute)
	c.tenant.Create()
	c.eventual()
	early := c.get("/users/$count").body
	time.Sleep(31 * time.Second)
	if late := c.get("/users/$count").body; early != "101" || late != "102" {
		t.Errorf("at once %s, later %s", early, late)
	}
}

func lags(t *testing.T, c *client, path string) {
	time.Sleep(time.Hour)
	c.token = c.buy("")
	c.tenant.Create()
	if a := c.get("/users/" + c.tenant.ID(101)); a.status != 200 {
		t.Fatalf("the new user gives %d", a.status)
	}
	ids, _ := c.all(graphURL+"/v1.0"+path, "id")
	time.Sleep(31 * time.Second)
	later, _ := c.all(graphURL+"/v1.0"+path, "id")
	if len(ids) != 101 || len(later) != 102 {
		t.Errorf("%d users at once and %d later, want 101 and 102", len(ids), len(later))
	}
}
