package triggers

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// everyPage follows every nextLink as it is, to this trigger's own address.
func (p *play) everyPage() {
	seen := map[string]bool{}
	pages := 0
	for next := "/users?$select=id,userPrincipalName,displayName&$top=500"; next != ""; pages++ {
		r := p.get(next, "application/json")
		p.want(r, http.StatusOK, "")
		var page struct {
			NextLink string `json:"@odata.nextLink"`
			Value    []user `json:"value"`
		}
		if err := json.Unmarshal([]byte(r.body), &page); err != nil {
			p.Fatal(err)
		}
		for _, u := range page.Value {
			p.meet(seen, u)
		}
		if next = page.NextLink; next != "" {
			p.keepSecret(next)
		}
	}
	if len(seen) != population || pages != (population+499)/500 {
		p.Errorf("%d pages have %d users, want %d", pages, len(seen), population)
	}
}

// everyLine reads NDJSON by $format, its closing record included.
func (p *play) everyLine() {
	r := p.get("/v1.0/users?$select=id,userPrincipalName,displayName&$format=ndjson", "")
	p.want(r, http.StatusOK, "")
	if got := r.header.Get("Content-Type"); got != "application/x-ndjson" {
		p.Errorf("the content type is %q", got)
	}
	seen := map[string]bool{}
	if last := p.lines(r.body, seen); last.Complete == nil || !*last.Complete || last.Count != population {
		p.Errorf("it closes with %+v", last)
	}
	if len(seen) != population {
		p.Errorf("there are %d users, want %d", len(seen), population)
	}
}

// closing is the last record of NDJSON.
type closing struct {
	Complete *bool `json:"@rollcall.complete"`
	Count    int   `json:"@odata.count"`
	Error    struct{ Code, Message string }
}

// lines notes the users of NDJSON and returns its last record.
func (p *play) lines(body string, seen map[string]bool) (last closing) {
	p.Helper()
	for line := range strings.Lines(body) {
		var u user
		if err := json.Unmarshal([]byte(line), &u); err != nil {
			p.Fatalf("%v: %s", err, line)
		}
		if u.ID != "" {
			p.meet(seen, u)
			continue
		}
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			p.Fatalf("%v: %s", err, line)
		}
	}
	return last
}

// everyRow reads CSV by Accept.
func (p *play) everyRow() {
	r := p.get("/users?$select=id,userPrincipalName,displayName", "text/csv")
	p.want(r, http.StatusOK, "")
	if got := r.header.Get("X-Total-Count"); got != strconv.Itoa(population) {
		p.Errorf("X-Total-Count is %q, want %d", got, population)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(r.body, "\ufeff"))).ReadAll()
	if err != nil {
		p.Fatal(err)
	}
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		p.meet(seen, user{ID: row[0], UserPrincipalName: row[1], DisplayName: row[2]})
	}
	if len(seen) != population {
		p.Errorf("there are %d users, want %d", len(seen), population)
	}
}

// guest asks for one user by a name in which # and @ must be escaped.
func (p *play) guest() {
	name := ""
	for i := 0; !strings.Contains(name, "#EXT#"); i++ {
		name = p.stage.Tenant.UserPrincipalName(i)
	}
	r := p.get("/users/"+url.QueryEscape(name), "application/json")
	p.want(r, http.StatusOK, "")
	var got user
	if err := json.Unmarshal([]byte(r.body), &got); err != nil {
		p.Fatal(err)
	}
	if got.UserPrincipalName != name || got.UserType != "Guest" {
		p.Errorf("asked for the guest, it returned %s", r.body)
	}
	p.meet(map[string]bool{}, got)
}

func (p *play) count() {
	r := p.get("/users/$count", "")
	p.want(r, http.StatusOK, "")
	if strings.TrimPrefix(r.body, "\ufeff") != strconv.Itoa(population) {
		p.Errorf("it counts %q, want %d", r.body, population)
	}
}

func (p *play) beyond() {
	for _, query := range []string{
		"$select=mobilePhone",
		"$filter=mobilePhone+eq+%27x%27",
		"$filter=startswith(MOBILEPHONE,%27x%27)",
		"%24orderby=mobilePhone",
		"$search=%22mobilePhone:5%22",
		"$expand=memberOf",
		"$filter=id+eq+%27x%27)+or+(id+ne+%27x%27",
		"$skip=5",
		"$top=1&$top=2",
	} {
		r := p.get("/users?"+query, "application/json")
		if r.status == http.StatusOK && query == "$top=1&$top=2" {
			continue // triggers with one value an option pass the last one on
		}
		p.want(r, http.StatusBadRequest, "Request.Invalid")
	}
	// What the tenant was asked is looked at, not how often: the first play of a
	// function also buys a token, and a list that was given up may still end.
	for _, r := range p.stage.Tenant.Requests() {
		asked, err := url.QueryUnescape(strings.ToLower(r.RawQuery))
		if err != nil {
			p.Fatal(err)
		}
		for _, refused := range []string{"mobilephone", "memberof", "id ne ", "$skip="} {
			if strings.Contains(asked, refused) {
				p.Errorf("the tenant was asked for %s", asked)
			}
		}
	}
}

func (p *play) elsewhere() {
	for _, path := range []string{"/groups", "/users/..%2fgroups", "/users/a/memberOf", "/v2.0/users", "/"} {
		if r := p.get(path, "application/json"); r.status < 400 || r.status > 404 {
			p.Errorf("%s answers %d: %.300s", path, r.status, r.body)
		}
	}
}

func (p *play) strange() {
	p.want(p.get("/users?$format=xml", ""), http.StatusBadRequest, "Request.Invalid")
	p.want(p.get("/users", "image/png"), http.StatusNotAcceptable, "Request.Invalid")
}
