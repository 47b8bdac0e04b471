package triggers

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/stage"
)

// population is more than two of Graph's largest pages.
const population = 2345

// play is a stage within a test.
type play struct {
	*testing.T
	stage    *stage.Stage
	personal map[string]bool // what was on the wire and may not be in the log
}

// begin sets the stage; at the end of the test its log is searched.
func begin(t *testing.T, cfg stage.Config) *play {
	t.Helper()
	s, err := stage.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := &play{T: t, stage: s, personal: map[string]bool{}}
	t.Cleanup(func() {
		s.Close()
		for canary := range p.personal {
			if leaks := s.Leaks(canary); len(leaks) > 0 {
				t.Errorf("the log holds %q:\n%s", leaks, s.Host.Output())
				return
			}
		}
		if len(p.personal) > 0 && !strings.Contains(s.Host.Output(), `"status":200`) {
			t.Errorf("the log tells of no request:\n%s", s.Host.Output())
		}
	})
	return p
}

// in is the same stage within a test below.
func (p *play) in(t *testing.T) *play { return &play{t, p.stage, p.personal} }

// response is one that was read to its end.
type response struct {
	status int
	header http.Header
	body   string
}

// get asks as a verified caller, for a media type unless that is "".
func (p *play) get(address, accept string) response {
	p.Helper()
	return p.do(address, http.Header{"Authorization": {"Bearer " + stage.Token}, "Accept": {accept}})
}

// do sends a request and reads the response to its end.
func (p *play) do(address string, header http.Header) response {
	p.Helper()
	r, err := p.stage.Get(p.Context(), address, header)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		p.Fatalf("the response breaks off after %d bytes: %v", len(body), err)
	}
	return response{r.StatusCode, r.Header, string(body)}
}

// want checks a status and, of an error, its code.
func (p *play) want(r response, status int, code string) {
	p.Helper()
	var envelope struct {
		Error struct{ Code, Message string } `json:"error"`
	}
	if code != "" && json.Unmarshal([]byte(r.body), &envelope) != nil {
		p.Fatalf("it answered %d without an error envelope: %.400s %s", r.status, r.body, r.header.Get("X-Played-Reason"))
	}
	if r.status != status || envelope.Error.Code != code {
		p.Fatalf("it answered %d, %.400s %s; want %d %s", r.status, r.body, r.header.Get("X-Played-Reason"), status, code)
	}
	if got := r.header.Get("Cache-Control"); got != "no-store" {
		p.Errorf("Cache-Control is %q", got)
	}
}

type user struct {
	ID                string `json:"id"`
	UserPrincipalName string `json:"userPrincipalName"`
	DisplayName       string `json:"displayName"`
	UserType          string `json:"userType"`
}

// meet notes a user, who must be new and may not be in the log.
func (p *play) meet(seen map[string]bool, u user) {
	p.Helper()
	if seen[u.ID] {
		p.Errorf("user %s came again", u.ID)
	}
	seen[u.ID] = true
	for _, text := range []string{u.UserPrincipalName, u.DisplayName} {
		if len(text) > 5 {
			p.personal[text] = true
		}
	}
}

// keepSecret notes the page token of a link.
func (p *play) keepSecret(link string) {
	p.Helper()
	u, err := url.Parse(link)
	if err != nil || u.Query().Get("$skiptoken") == "" {
		p.Fatalf("there is no page token in the link %s (%v)", link, err)
	}
	token := u.Query().Get("$skiptoken")
	p.personal[token], p.personal[url.QueryEscape(token)] = true, true
}
