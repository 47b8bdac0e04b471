package simulator

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// route says what kind of Graph request a path is, and the user or rest it names.
func route(path string) (kind, argument string) {
	path = strings.Trim(strings.TrimPrefix(path, "/v1.0"), "/")
	switch {
	case path == "users":
		return onList, ""
	case path == "users/$count":
		return onCount, ""
	case path == "$batch":
		return onBatch, ""
	case path == "organization":
		return "organization", ""
	case strings.HasPrefix(path, "users/"):
		return onUser, strings.TrimPrefix(path, "users/")
	default:
		return "other", path
	}
}

// graph answers a Graph request: waits as long as Graph does, judges the token,
// lets faults strike, meters, and routes.
func (x *exchange) graph() {
	kind, argument := route(x.r.URL.Path)
	page := 0
	if kind == onList {
		page = x.tenant.pageOf(x.r.URL.RawQuery)
	}
	x.tenant.journal.note(x.entry, func(e *Request) { e.Kind, e.Page = kind, page })
	if !x.sleep(x.tenant.config.Latency) {
		return
	}
	if refusal := x.authenticate(); refusal != nil {
		x.fail(refusal)
		return
	}
	if x.strike(kind, page) {
		return
	}
	if refusal := x.charge(kind, x.r.URL.RawQuery); refusal != nil {
		x.fail(refusal)
		return
	}
	x.faults = append(x.faults, x.tenant.faults.take(atShape, kind, page)...)
	x.noteFaults(x.faults)
	if x.faults.has("governor") {
		x.used = max(x.used, 0.9)
	}
	x.answer(kind, argument, page)
}

// answer routes a request that has passed all checks.
func (x *exchange) answer(kind, argument string, page int) {
	if kind != onBatch && x.r.Method != http.MethodGet {
		x.fail(refuse(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."))
		return
	}
	switch kind {
	case onList:
		x.list(page)
	case onCount:
		x.count()
	case onUser:
		x.user(argument)
	case onBatch:
		x.batch()
	case "organization":
		x.organization()
	default:
		segment, _, _ := strings.Cut(argument, "/")
		x.fail(refuse(http.StatusBadRequest, "BadRequest", "Resource not found for the segment '"+segment+"'."))
	}
}

func (x *exchange) noteFaults(set faultSet) {
	if len(set) > 0 {
		x.tenant.journal.note(x.entry, func(e *Request) { e.Faults = append([]string(nil), set...) })
	}
}

// pageOf reads the page number out of a list's token; a list without one is at
// its first page.
func (t *Tenant) pageOf(raw string) int {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return 1
	}
	token, ok := decodePageToken(t.key, values.Get("$skiptoken"))
	if !ok {
		return 1
	}
	return token.page
}

func (x *exchange) eventual() bool {
	return strings.EqualFold(x.r.Header.Get("ConsistencyLevel"), "eventual")
}

// asOf is the moment whose state a list or a single read shows.
func (x *exchange) asOf() time.Time {
	lag := x.tenant.config.ReplicaLag
	if x.faults.has("replica-lag") {
		lag = max(lag, 30*time.Second)
	}
	return time.Now().Add(-lag)
}

// organization answers for the tenant itself, in short.
func (x *exchange) organization() {
	t := x.tenant
	if !roleSet(x.token.Roles).any("Organization.Read.All", "Directory.Read.All", "Directory.ReadWrite.All") {
		x.fail(refuse(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."))
		return
	}
	x.json()
	x.write([]byte(`{"@odata.context":"` + x.base() + `/v1.0/$metadata#organization","value":[{"id":"` + t.config.Tenant +
		`","deletedDateTime":null,"countryLetterCode":"IE","createdDateTime":"2017-05-02T09:00:00Z","displayName":"Contoso","tenantType":"AAD",` +
		`"verifiedDomains":[{"capabilities":"Email, OfficeCommunicationsOnline","isDefault":true,"isInitial":true,"name":"` + t.config.Domain + `","type":"Managed"}]}]}`))
}
