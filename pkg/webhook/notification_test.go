package webhook_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

func TestTheValidationTokenIsAnsweredAsText(t *testing.T) {
	r := newRig(t)
	for token, want := range map[string]int{
		"Validation: Testing client application reachability for subscription Request-Id: 1+2/3": 200,
		"<script>alert(1)</script>":  200, // as text/plain, which nobody runs
		"":                           400,
		"line\nbreak":                400,
		"\xff":                       400,
		strings.Repeat("x", 4<<10+1): 400,
	} {
		w := r.ask("POST", "/notifications?validationToken="+url.QueryEscape(token), "text/plain; charset=utf-8", "", nil)
		h := w.Header()
		switch {
		case w.Code != want, h.Get("X-Content-Type-Options") != "nosniff", h.Get("Cache-Control") != "no-store":
			t.Errorf("%q: %d, %v", token, w.Code, h)
		case want == 200 && (w.Body.String() != token || h.Get("Content-Type") != "text/plain"):
			t.Errorf("%q: %q as %s", token, w.Body, h.Get("Content-Type"))
		case want != 200 && (h.Get("Content-Type") != "application/json" || token != "" && strings.Contains(w.Body.String(), token)):
			t.Errorf("%q: %q as %s", token, w.Body, h.Get("Content-Type"))
		}
	}
	if strings.Contains(r.log.String(), "reachability") || r.changes.calls > 0 || r.reads > 0 {
		t.Errorf("%d messages, %d reads of the secret, log %s", r.changes.calls, r.reads, &r.log)
	}
}

func TestEachTenantThatIsNotifiedOfHasOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		body := value(changed(state, tenant), changed(state, strings.ToUpper(tenant)), changed(nextState, other), changed("somebody else's, 16", other), lifecycle(state, tenant), lifecycle(state, tenant))
		if code := r.notify(body); code != 202 {
			t.Fatalf("status %d: %s", code, &r.log)
		}
		want := []string{`{"tenant":"` + tenant + `"}`, `{"tenant":"` + other + `"}`, `{"tenant":"` + tenant + `","renew":true}`}
		if got := r.changes.bodies(); !slices.Equal(got, want) {
			t.Errorf("messages %v, want %v", got, want)
		}
		if r.changes.sent[0].Subject != tenant || r.changes.distinct() != 3 {
			t.Errorf("%+v", r.changes.sent)
		}
		for _, leak := range []string{state, tenant, "u1"} {
			if strings.Contains(r.log.String(), leak) {
				t.Errorf("the log says %s: %s", leak, &r.log)
			}
		}
	})
}

func TestWhatIsNoNotificationIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		method, path, contentType, body string
		want                            int
	}{
		"a forged state":       {body: value(changed("forged-forged-forged", tenant)), want: 401},
		"no state":             {body: `{"value":[{"tenantId":"` + tenant + `"}]}`, want: 401},
		"a state of one byte":  {body: value(changed(state[:1], tenant)), want: 401},
		"no entries":           {body: `{"value":[]}`, want: 401},
		"a tenant by its name": {body: value(changed(state, "contoso.example")), want: 401},
		"a state that is not a text": {
			body: `{"value":[{"clientState":["` + state + `"],"tenantId":"` + tenant + `"}]}`, want: 401,
		},
		"two states": {
			body: `{"value":[{"clientState":"forged-forged-forged","clientState":"` + state + `","tenantId":"` + tenant + `"}]}`, want: 401,
		},
		"two tenants": {
			body: `{"value":[{"clientState":"` + state + `","tenantId":"` + tenant + `","tenantId":"` + other + `"}]}`, want: 401,
		},
		"names in other letters": {body: `{"value":[{"ClientState":"` + state + `","TenantId":"` + tenant + `"}]}`, want: 401},
		"entries of other kinds": {body: `{"value":[null,7,"` + state + `",[],{}]}`, want: 401},
		"an event of another kind": {
			body: `{"value":[{"clientState":"` + state + `","tenantId":"` + tenant + `","lifecycleEvent":true}]}`, want: 401,
		},
		"two values": {body: `{"value":[],"value":[` + changed(state, tenant) + `]}`, want: 400},
		"nesting in an entry": {
			body: `{"value":[{"clientState":"` + state + `","tenantId":"` + tenant + `","resourceData":` + strings.Repeat("[", 100_000), want: 400,
		},
		"no value":           {body: `{}`, want: 400},
		"value is null":      {body: `{"value":null}`, want: 400},
		"value is an object": {body: `{"value":{}}`, want: 400},
		"not JSON":           {body: `value=1`, want: 400},
		"two documents":      {body: value(changed(state, tenant)) + `{}`, want: 400},
		"a body that ends":   {body: `{"value":[`, want: 400},
		"endless nesting":    {body: `{"value":` + strings.Repeat("[", 100_000), want: 400},
		"no body":            {body: ``, want: 400},
		"too large":          {body: value(changed(state, tenant)) + strings.Repeat(" ", 1<<20), want: 413},
		"a form":             {contentType: "application/x-www-form-urlencoded", body: value(changed(state, tenant)), want: 415},
		"no content type":    {contentType: "-", body: value(changed(state, tenant)), want: 415},
		"a malformed one":    {contentType: "application/json; charset", body: value(changed(state, tenant)), want: 415},
		"a look":             {method: "GET", want: 405},
		"another path":       {path: "/notifications/", body: value(changed(state, tenant)), want: 404},
		"the root":           {path: "/", body: value(changed(state, tenant)), want: 404},
	} {
		r := newRig(t)
		pick := func(own, standard string) string {
			if own == "" {
				return standard
			}
			return strings.TrimPrefix(own, "-")
		}
		w := r.ask(pick(c.method, "POST"), pick(c.path, "/notifications"), pick(c.contentType, "application/json"), c.body, nil)
		if w.Code != c.want || r.changes.calls > 0 {
			t.Errorf("%s: status %d, want %d; %d messages", name, w.Code, c.want, r.changes.calls)
		}
		var envelope struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil || envelope.Error.Message == "" {
			t.Errorf("%s: %q", name, w.Body)
		}
		if text := r.log.String() + w.Body.String(); strings.Contains(text, "forged") || strings.Contains(text, state) || strings.Contains(text, tenant) {
			t.Errorf("%s: what was sent is quoted: %s", name, text)
		}
	}
}

func TestWhateverElseANotificationHasIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, more := range []string{
			`"sequenceNumber":7`, `"sequenceNumber":"7"`, `"sequenceNumber":1e400`, `"resourceData":null`, `"resourceData":{"tenantId":["` + other + `"],"clientState":7}`,
			`"encryptedContent":{"data":"` + strings.Repeat("A", 4096) + `"}`, `"x":"\ud800"`, "\"x\":\"\xff\"", `"lifecycleEvent":null`,
		} {
			r := newRig(t)
			if code := r.notify(`{"validationTokens":["x"],"value":[null,{"tenantId":"` + tenant + `",` + more + `,"clientState":"` + state + `"}],"more":{}}`); code != 202 || len(r.changes.sent) != 1 {
				t.Errorf("%.80s: status %d", more, code)
			}
			if !strings.Contains(r.log.String(), "notifications=1 tenants=1 ignored=1") {
				t.Errorf("%.80s: %s", more, &r.log)
			}
		}
	})
}
