package lambda_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

// asked is what a handler sees of an event.
type asked struct {
	Request                                  string
	Prefix, User, Proto, AcceptEncoding, Own []string `json:",omitempty"`
}

// echo answers with what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Add("X-Seen", "one")
	w.Header().Add("X-Seen", "two")
	h := r.Header
	_ = json.NewEncoder(w).Encode(asked{
		r.Method + " " + r.Host + r.URL.EscapedPath() + "?" + r.URL.RawQuery,
		h.Values(header.Prefix), h.Values(header.User), h.Values(header.Proto), h.Values("Accept-Encoding"), h.Values("X-Caller"),
	})
}

func event(t testing.TB, name string) json.RawMessage {
	t.Helper()
	raw, err := fs.ReadFile(os.DirFS("testdata"), name+".json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// edited is a recorded event with a member changed; path is its way there.
func edited(t testing.TB, name string, value any, path ...string) json.RawMessage {
	t.Helper()
	return edit(t, event(t, name), value, path...)
}

func edit(t testing.TB, event json.RawMessage, value any, path ...string) json.RawMessage {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal(event, &whole); err != nil {
		t.Fatal(err)
	}
	at := whole
	for _, member := range path[:len(path)-1] {
		next, ok := at[member].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[member] = next
		}
		at = next
	}
	at[path[len(path)-1]] = value
	raw, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func invoke(t testing.TB, l *lambda.HTTP, event json.RawMessage) any {
	t.Helper()
	out, err := l.Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// answer is what all buffered answers have.
type answer struct {
	StatusCode        int
	StatusDescription string
	Headers           map[string]string
	MultiValueHeaders map[string][]string
	Body              string
	IsBase64Encoded   bool
}

func answerOf(t testing.TB, out any) answer {
	t.Helper()
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func triggers() []string {
	return []string{
		"rest", "rest-base-path", "rest-root-domain", "rest-nested", "rest-anonymous", "httpapi", "httpapi-stage", "httpapi-domain",
		"httpapi-lambda", "httpapi1", "functionurl", "functionurl-anonymous", "alb", "alb-multi",
	}
}

func TestEachTriggersEventBecomesARequestAndAnAnswerOfItsKind(t *testing.T) {
	for _, name := range triggers() {
		t.Run(name, func(t *testing.T) {
			l := &lambda.HTTP{Handler: http.HandlerFunc(echo), AllowAnonymous: true}
			got, err := json.MarshalIndent(invoke(t, l, event(t, name)), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, append(got, '\n'))
		})
	}
}

func TestAStreamedAnswerHasThePreludeOfItsTrigger(t *testing.T) {
	for _, name := range []string{"rest", "functionurl"} {
		l := &lambda.HTTP{Handler: http.HandlerFunc(echo), Stream: true}
		out, ok := invoke(t, l, event(t, name)).(io.Reader)
		if !ok {
			t.Fatal("the answer cannot be read")
		}
		got, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+"-stream", []byte(strings.Replace(string(got), strings.Repeat("\x00", 8), "\n", 1)+"\n"))
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	want, err := fs.ReadFile(os.DirFS("testdata"), name+".golden")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestOnlyRESTAndFunctionURLsAreStreamed(t *testing.T) {
	l := &lambda.HTTP{Handler: http.HandlerFunc(echo), AllowAnonymous: true, Stream: true}
	for _, name := range triggers() {
		out := invoke(t, l, event(t, name))
		want := strings.HasPrefix(name, "rest") || strings.HasPrefix(name, "functionurl")
		stream, got := out.(io.ReadCloser)
		if got != want {
			t.Errorf("%s: %T", name, out)
		}
		if got {
			if err := stream.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if _, ok := invoke(t, l, json.RawMessage(`{}`)).(json.RawMessage); !ok {
		t.Error("a direct invocation is streamed")
	}
}

func TestADirectInvocationGetsThePageItself(t *testing.T) {
	l := &lambda.HTTP{Handler: http.HandlerFunc(echo)}
	for _, c := range []struct{ event, query string }{
		{`{}`, ""},
		{`{"select":["id","displayName"],"top":5,"skiptoken":"RFNw+/="}`, "%24select=id%2CdisplayName&%24skiptoken=RFNw%2B%2F%3D&%24top=5"},
		{`{"filter":"mail eq 'a&b'","search":"\"mail:a\"","orderby":"mail"}`, "%24filter=mail+eq+%27a%26b%27&%24orderby=mail&%24search=%22mail%3Aa%22"},
	} {
		raw, ok := invoke(t, l, json.RawMessage(c.event)).(json.RawMessage)
		var got asked
		if err := json.Unmarshal(raw, &got); !ok || err != nil {
			t.Fatalf("%s: %s, %v", c.event, raw, err)
		}
		if diff := cmp.Diff(asked{Request: "GET /users?" + c.query}, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.event, diff)
		}
	}
}

func TestAnEventThatIsNotARequestIsRefusedWithoutQuotingIt(t *testing.T) {
	l := &lambda.HTTP{Handler: http.HandlerFunc(echo), AllowAnonymous: true}
	refused := func(name string, event json.RawMessage, says string) {
		_, err := l.Invoke(t.Context(), event)
		var named messages.InvokeResponse_Error
		if !errors.As(err, &named) || named.Type != "Request.Invalid" || !strings.Contains(named.Message, says) || strings.Contains(named.Message, "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for event, says := range map[string]string{
		`{"selct":["canary"]}`: `unknown member "selct"`,
		`{"select":"canary"}`:  "member select",
		`{"top":"canary"}`:     "member top",
		`["canary"]`:           "not a JSON object",
		`"canary"`:             "not a JSON object",
		`{"Records":[{"eventSource":"aws:canary"}]}`:                              "from an event source",
		`{"eventSource":"aws:kafka","records":{}}`:                                "from Kafka",
		`{"triggerSource":"PreSignUp_SignUp"}`:                                    "a Cognito trigger",
		`{"version":"2.0","requestContext":{"serviceNetworkArn":"arn:aws:x"}}`:    "a VPC Lattice request",
		`{"RequestType":"Create","ResponseURL":"https://canary","StackId":"s"}`:   "a CloudFormation custom resource",
		`{"Records":[{"cf":{"config":{"distributionDomainName":"canary.net"}}}]}`: "a CloudFront request",
	} {
		refused(event, json.RawMessage(event), says)
	}
	for name, says := range map[string]string{
		"sqs": "the event is from SQS", "sns": "from SNS", "s3": "from S3", "eventbridge": "from an EventBridge schedule,", "eventbridge-object": "from EventBridge,", "scheduler": "from EventBridge Scheduler",
		"rotation": "a Secrets Manager rotation", "websocket": "a WebSocket API request", "authorizer": "an API Gateway authorizer's request",
	} {
		refused(name, event(t, name), says)
	}
}

func TestAFailedInvocationIsAnErrorWithThePublicName(t *testing.T) {
	for name, c := range map[string]struct {
		header, body string
		want         messages.InvokeResponse_Error
	}{
		"named":   {"Graph.Throttled", `{"error":{"code":"x","message":"try again in 7s"}}`, messages.InvokeResponse_Error{Type: "Graph.Throttled", Message: "try again in 7s"}},
		"unnamed": {"", `oops`, messages.InvokeResponse_Error{Type: "Internal.Error", Message: "the request failed"}},
	} {
		l := &lambda.HTTP{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(header.Error, c.header)
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(c.body))
		})}
		out, err := l.Invoke(t.Context(), json.RawMessage(`{}`))
		if out != nil || !cmp.Equal(err, error(c.want)) {
			t.Errorf("%s: %v, %v", name, out, err)
		}
	}
}

func TestEachTriggerReturnsCookiesItsOwnWay(t *testing.T) {
	l := &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
	})}
	v2, ok := invoke(t, l, event(t, "httpapi")).(events.APIGatewayV2HTTPResponse)
	if !ok || !cmp.Equal(v2.Cookies, []string{"a=1", "b=2"}) || v2.Headers["set-cookie"] != "" || v2.StatusCode != 200 {
		t.Errorf("HTTP API: %+v", v2)
	}
	if got := answerOf(t, invoke(t, l, event(t, "alb"))); got.Headers["set-cookie"] != "b=2" {
		t.Errorf("single values: %+v", got)
	}
	if got := answerOf(t, invoke(t, l, event(t, "alb-multi"))); !cmp.Equal(got.MultiValueHeaders["set-cookie"], []string{"a=1", "b=2"}) {
		t.Errorf("many values: %+v", got)
	}
}

func FuzzInvokeNeverPanics(f *testing.F) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) < 20 {
		f.Fatal(names, err)
	}
	for _, name := range names {
		f.Add([]byte(event(f, strings.TrimSuffix(filepath.Base(name), ".json"))))
	}
	f.Add([]byte(`{"select":["id"],"top":1}`))
	f.Add([]byte(`{"version":"2.0","requestContext":{"http":{}}}`))
	f.Add([]byte(`{"httpMethod":"GET","path":"/%","resource":"/{","pathParameters":{"":""}}`))
	f.Fuzz(func(t *testing.T, event []byte) {
		for _, stream := range []bool{false, true} {
			l := &lambda.HTTP{Handler: http.HandlerFunc(echo), AllowAnonymous: true, Stream: stream}
			out, err := l.Invoke(t.Context(), event)
			if (out == nil) == (err == nil) {
				t.Fatalf("%v, %v", out, err)
			}
			if reader, ok := out.(io.ReadCloser); ok {
				if _, err := io.ReadAll(reader); err != nil {
					t.Fatal(err)
				}
				if err := reader.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
