package functionshost_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
)

// got is a response with its whole body.
type got struct {
	status int
	header http.Header
	body   string
}

// ask makes a request. Redirects are not followed.
func ask(t testing.TB, method, url, body string, head ...string) got {
	t.Helper()
	response, err := try(t, method, url, strings.NewReader(body), head...)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// try is ask for a connection that may break.
func try(t testing.TB, method, url string, body io.Reader, head ...string) (got, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(head); i += 2 {
		request.Header.Add(head[i], head[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return got{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return got{response.StatusCode, response.Header, string(text)}, err
}

func TestOnlyPlainHTTPIsForwardedOrProxied(t *testing.T) {
	app := users()
	app["plain/function.json"] = strings.Replace(httpFunction, "users/{id?}", "plain", 1)
	app["none/function.json"] = `{"bindings":[{"type":"httpTrigger","name":"req","direction":"in","authLevel":"anonymous"}]}`
	for name, test := range map[string]struct{ setting, want string }{
		"in an envelope": {"NONE=1", "POST /users\n"},
		"forwarded":      {forwarding, "GET /api/users?a=1%2C2&b=c%20d\n"},
		"proxied":        {proxying, "GET /api/users?a=1&A=2&b=c+d\n"},
	} {
		t.Run(name, func(t *testing.T) {
			host := start(t, app, "echoes", test.setting)
			response := ask(t, http.MethodGet, host.URL+"/api/users?a=1&A=2&b=c+d", "")
			if response.status != http.StatusOK || !strings.HasPrefix(response.body, test.want) {
				t.Errorf("%d %s", response.status, response.body)
			}
			if response := ask(t, http.MethodGet, host.URL+"/api/none", ""); response.status != http.StatusInternalServerError {
				t.Errorf("a function without an HTTP output got an answer with one: %d", response.status)
			}
		})
	}
}

func TestRequestsComeInAnEnvelope(t *testing.T) {
	host := start(t, users(), "echoes")
	for name, test := range map[string]struct {
		body, kind, want string
		there            bool
	}{
		"text":         {"h\xffi", "text/plain", "h\ufffdi", true},
		"JSON":         {`{"a":"<"}`, "application/json", `{"a":"<"}`, true},
		"octet stream": {"\x00\xff", "application/octet-stream", "AP8=", true},
		"multipart":    {"--x", "multipart/form-data; boundary=x", "LS14", true},
		"no body":      {"", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			answer := ask(t, http.MethodPost, host.URL+"/api/Users/a%20b?q=1&q=2", test.body, "Content-Type", test.kind, "X-Two", "1", "X-Two", "2").body
			head, text, _ := strings.Cut(answer, "\n\n")
			if !strings.HasPrefix(head, "POST /users\n") || !strings.Contains(head, "User-Agent: Azure-Functions-Host/4.") ||
				!strings.Contains(head, "X-Azure-Functions-Invocationid: ") || !strings.Contains(head, "X-Azure-Functions-Hostversion: 4.") {
				t.Error(head)
			}
			var envelope struct {
				Data     struct{ Req map[string]any }
				Metadata map[string]any
			}
			if err := json.Unmarshal([]byte(text), &envelope); err != nil {
				t.Fatal(err)
			}
			got := envelope.Data.Req
			if body, there := got["Body"]; there != test.there || there && body != test.want {
				t.Errorf("Body is %q, %t", body, there)
			}
			if got["Method"] != "POST" || got["Url"] != host.URL+"/api/Users/a%20b?q=1&q=2" {
				t.Errorf("%v %v", got["Method"], got["Url"])
			}
			if diff := cmp.Diff([]any{map[string]any{"id": "a b"}, map[string]any{"q": "1,2"}}, []any{got["Params"], got["Query"]}); diff != "" {
				t.Error(diff)
			}
			headers, _ := got["Headers"].(map[string]any)
			if diff := cmp.Diff([]any{"1", "2"}, headers["X-Two"]); diff != "" || headers["Host"] == nil {
				t.Error(diff, headers)
			}
			sys, _ := envelope.Metadata["sys"].(map[string]any)
			if envelope.Metadata["id"] != `"a b"` || sys["MethodName"] != "users" || sys["UtcNow"] == nil || sys["RandGuid"] == nil {
				t.Error(envelope.Metadata)
			}
		})
	}
}

func TestABodyOfUnknownLengthIsLostInAnEnvelopeAndRefusedWhenForwarded(t *testing.T) {
	for setting, want := range map[string]int{"NONE=1": http.StatusOK, forwarding: http.StatusInternalServerError, proxying: http.StatusOK} {
		host := start(t, users(), "echoes", setting)
		response, err := try(t, http.MethodPost, host.URL+"/api/users", io.MultiReader(strings.NewReader("streamed")))
		if err != nil || response.status != want || strings.Contains(response.body, "streamed") != (setting == proxying) {
			t.Errorf("%s: %v %d %s", setting, err, response.status, response.body)
		}
	}
}

func TestAForwardedRequestIsRebuilt(t *testing.T) {
	host := start(t, everything(), "echoes", forwarding)
	body := ask(t, http.MethodPut, host.URL+"/api/a%20b%2Fc%C3%A9/d%3Fe?x=%26", "text",
		"Content-Type", "text/csv", "Content-Encoding", "gzip", "Content-Language", "de", "X-Forwarded-For", "1.2.3.4", "User-Agent", "Peer/1", "Accept-Encoding", "br").body
	for _, want := range []string{
		"PUT /api/a%20b%2Fc%C3%A9/d?x=%26\n", "Host: " + strings.TrimPrefix(host.URL, "http://") + "\n", "Content-Type: text/csv\r\n",
		"X-Forwarded-For: 1.2.3.4\r\n", "User-Agent: Peer/1 Azure-Functions-Host/4.", "X-Azure-Functions-Invocationid: ",
		"X-Azure-Functions-Hostversion: 4.", "Content-Length: 4\r\n", "\n\ntext", "Accept-Encoding: br\r\n",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(body, "Content-Encoding") || strings.Contains(body, "Content-Language") {
		t.Error("headers of the body that .NET drops came through")
	}
	if t.Failed() {
		t.Log(body)
	}
}

func TestAProxiedRequestIsLeftAsItIs(t *testing.T) {
	host := start(t, everything(), "echoes", proxying)
	head := []string{
		"Content-Type", "text/csv", "Content-Encoding", "gzip", "X-Forwarded-For", "1.2.3.4", "User-Agent", "Peer/1", "X-Ms-Invocation-Id", "mine",
	}
	body := ask(t, http.MethodPut, host.URL+"/api/a%20b%2Fc/d%3Fe?x=1;2&x=3", "text", head...).body
	for _, want := range []string{
		"PUT /api/a%20b%2Fc/d%3Fe?x=1;2&x=3\n", "Host: " + strings.TrimPrefix(host.URL, "http://") + "\n", "Content-Encoding: gzip\r\n",
		"X-Forwarded-For: 1.2.3.4\r\n", "User-Agent: Peer/1\r\n", "X-Ms-Invocation-Id: mine\r\n", "\n\ntext",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in\n%s", want, body)
		}
	}
	body = ask(t, http.MethodGet, host.URL+"/api/x", "").body
	record, err := host.Wait(t.Context(), func(r functionshost.Record) bool { return r.Number == 2 })
	if err != nil || !strings.Contains(body, "X-Ms-Invocation-Id: "+record.ID) || record.Status != http.StatusOK {
		t.Errorf("%v %+v %s", err, record, body)
	}
}

func TestAProxiedResponseComesAsItIsWritten(t *testing.T) {
	host := start(t, everything(), "echoes", proxying)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host.URL+"/api/stream/begin", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewReader(response.Body)
	if line, err := lines.ReadString('\n'); line != "first\n" {
		t.Fatal(line, err)
	}
	ask(t, http.MethodGet, host.URL+"/api/stream/end", "")
	if rest, err := io.ReadAll(lines); err != nil || string(rest) != "second\n" {
		t.Error(string(rest), err)
	}
}

func TestAResponseThatBreaksOff(t *testing.T) {
	for name, test := range map[string]struct {
		setting string
		broken  bool
		status  int
	}{
		"is 500 in an envelope":                            {"NONE=1", false, 500},
		"is 500 when forwarded":                            {forwarding, false, 500},
		"breaks the connection of the caller when proxied": {proxying, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			host := start(t, users(), "breaks", test.setting)
			response, err := try(t, http.MethodGet, host.URL+"/api/users", nil)
			if (err != nil) != test.broken || !test.broken && (response.status != test.status || response.body != "") {
				t.Errorf("%v %+v", err, response)
			}
			record, err := host.Wait(t.Context(), func(functionshost.Record) bool { return true })
			if err != nil || record.Err == nil || record.Status != test.status {
				t.Errorf("%v %+v", err, record)
			}
		})
	}
}

func TestARequestIsMadeOnce(t *testing.T) {
	for _, setting := range []string{forwarding, proxying} {
		host := start(t, everything(), "echoes", setting)
		ask(t, http.MethodGet, host.URL+"/api/users", "") // after which a connection could be kept
		if response := ask(t, http.MethodGet, host.URL+"/api/drop", ""); response.status != http.StatusInternalServerError {
			t.Errorf("%s: %d", setting, response.status)
		}
		host.Close()
		if n := count(host, "dropped"); n != 1 {
			t.Errorf("%s: it was made %d times", setting, n)
		}
	}
}

func TestRedirectsAreHandedOn(t *testing.T) {
	for _, setting := range []string{forwarding, proxying} {
		host := start(t, users(), "redirect", setting)
		response := ask(t, http.MethodGet, host.URL+"/api/users", "")
		if response.status != http.StatusFound || response.header.Get("Location") != "/elsewhere" {
			t.Errorf("%s: %d %v", setting, response.status, response.header)
		}
	}
}

func TestTheFirstFunctionWhoseRouteFitsAnswers(t *testing.T) {
	app := files{"host.json": hostJSON}
	for name, trigger := range map[string]string{
		"a": `"route":"users/{id}","methods":["get"]`,
		"b": `"route":"users/{*rest}","methods":["get","post"]`,
		"c": `"route":"users/me"`,
		"d": `"route":"one/{two?}"`,
		"e": `"methods":["delete"]`,
	} {
		app[name+"/function.json"] = `{"bindings":[{"type":"httpTrigger","name":"req","direction":"in","authLevel":"anonymous",` + trigger + `},
			{"type":"http","name":"res","direction":"out"}]}`
	}
	host := start(t, app, "echoes")
	root := start(t, app, "echoes", "AzureFunctionsJobHost__extensions__http__routePrefix=")
	for request, want := range map[string]string{
		"GET /api/users/5":     "a",
		"GET /API/Users/5/":    "a",
		"POST /api/users/5":    "b",
		"GET /api/users":       "b",
		"GET /api/users/5/6":   "b",
		"GET /api/users/me":    "a",
		"PUT /api/users/me":    "c",
		"GET /api/one":         "d",
		"GET /api/one/2":       "d",
		"GET /api/one/2/3":     "",
		"DELETE /api/e":        "e",
		"GET /api/e":           "",
		"GET /users/5":         "",
		"GET /api":             "",
		"GET /":                "",
		"GET /api/users/5%2F6": "a",
	} {
		method, path, _ := strings.Cut(request, " ")
		at := []string{host.URL + path}
		if rest, ok := strings.CutPrefix(path, "/api"); ok {
			at = append(at, root.URL+rest)
		}
		for _, at := range at {
			response := ask(t, method, at, "")
			head, _, _ := strings.Cut(response.body, "\n")
			if got := strings.TrimPrefix(head, "POST /"); got != want || (want == "") != (response.status == http.StatusNotFound) {
				t.Errorf("%s: %d %q, not %q", request, response.status, got, want)
			}
		}
	}
}

func TestAKeyOpensWhatItsLevelSays(t *testing.T) {
	app := files{"host.json": hostJSON}
	for _, level := range []string{"anonymous", "function", "admin"} {
		app[level+"s/function.json"] = strings.NewReplacer("anonymous", level, "users/{id?}", level+"s").Replace(httpFunction)
	}
	app["default/function.json"] = strings.NewReplacer(`"authLevel":"anonymous",`, "", "users/{id?}", "default").Replace(httpFunction)
	app["admins/function.json"] = strings.Replace(app["admins/function.json"], `"route":"admins"`, `"route":"of-admins"`, 1)
	host := start(t, app, "echoes")
	const f, m = functionshost.FunctionKey, functionshost.MasterKey
	for request, want := range map[string][4]bool{ // anonymous, function, default, admin
		"":                       {true, false, false, false},
		"?code=" + f:             {true, true, true, false},
		"?code=" + m:             {true, true, true, true},
		"?code=wrong":            {true, false, false, false},
		"header " + f:            {true, true, true, false},
		"header wrong?code=" + m: {true, false, false, false},
	} {
		key, query, _ := strings.Cut(request, "?")
		var head []string
		if key, ok := strings.CutPrefix(key, "header "); ok {
			head = []string{"X-Functions-Key", key}
		}
		for i, path := range []string{"anonymouss", "functions", "default", "of-admins"} {
			response := ask(t, http.MethodGet, host.URL+"/api/"+path+"?"+query, "", head...)
			if status := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[want[i]]; response.status != status {
				t.Errorf("%q to %s: %d", request, path, response.status)
			}
		}
	}
	body := ask(t, http.MethodGet, host.URL+"/api/functions?code="+f, "").body
	if !strings.Contains(body, `"AuthenticationType":"WebJobsAuthLevel"`) || !strings.Contains(body, `"Value":"Function"`) {
		t.Error("the identity of the key is missing:", body)
	}
}

func TestAppServiceSaysWhoCallsAndNobodyElse(t *testing.T) {
	const spoofed, principal = "X-Ms-Client-Principal-Id", `"typ":"roles"`
	cfg := config(t, everything(), "echoes", forwarding)
	cfg.Authentication = &functionshost.Authentication{
		Principals: map[string]functionshost.Principal{"token": {
			ID: "the-id", Name: "app", Provider: "aad", Claims: []functionshost.Claim{{Type: "roles", Value: "Users.Read"}},
		}},
		ExcludedPaths: []string{"/api/hook"},
	}
	host := harness.Start(t, cfg.Start)
	head := []string{spoofed, "somebody", "X-Ms-Token-Aad-Access-Token", "theirs", "X-MS-CLIENT-PRINCIPAL", "e30=", "Show", "1"}
	for _, token := range []string{"", "Bearer other"} {
		if response := ask(t, http.MethodGet, host.URL+"/api/users", "", append([]string{"Authorization", token}, head...)...); response.status != http.StatusUnauthorized {
			t.Errorf("%q: %d", token, response.status)
		}
	}
	response := ask(t, http.MethodGet, host.URL+"/api/hook", "", head...)
	if response.status != http.StatusOK || strings.Contains(strings.ToLower(response.body), "x-ms-client") || strings.Contains(response.body, "theirs") {
		t.Errorf("%d %s", response.status, response.body)
	}
	body := ask(t, http.MethodGet, host.URL+"/api/users", "", append([]string{"Authorization", "Bearer token"}, head...)...).body
	_, encoded, _ := strings.Cut(body, "X-Ms-Client-Principal: ")
	encoded, _, _ = strings.Cut(encoded, "\r\n")
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !bytes.Contains(text, []byte(principal)) || !strings.Contains(body, spoofed+": the-id\r\n") || strings.Contains(body, "somebody") {
		t.Errorf("%v %s %s", err, text, body)
	}
	if !strings.Contains(body, "WEBSITE_AUTH_ENABLED=True") {
		t.Error("the handler is not told")
	}
}

func TestWithoutAppServicesAuthenticationHeadersComeAsTheyWereSent(t *testing.T) {
	host := start(t, users(), "echoes", proxying)
	if body := ask(t, http.MethodGet, host.URL+"/api/users", "", "X-Ms-Client-Principal", "e30=").body; !strings.Contains(body, "X-Ms-Client-Principal: e30=") {
		t.Error(body)
	}
}

func TestACallerThatGoesAwayDoesNotEndAnInvocation(t *testing.T) {
	begun := make(chan struct{})
	cfg := config(t, users(), "records", "SLOW=300ms", `REPLY={"Outputs":{"res":{"statusCode":"200"}}}`)
	cfg.Begun = func(*functionshost.Host, functionshost.Invocation) { close(begun) }
	host := harness.Start(t, cfg.Start)
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, host.URL+"/api/users", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-begun
		leave()
	}()
	if response, err := http.DefaultTransport.RoundTrip(request); err == nil {
		_ = response.Body.Close()
		t.Fatal("it did not go away")
	}
	record, err := host.Wait(t.Context(), func(functionshost.Record) bool { return true })
	if err != nil || record.Err != nil {
		t.Error(err, record.Err)
	}
}
