// Package traces_test runs functions that were built with the tag otel, and looks at the
// traces that a collector gets of them.
package traces_test

import (
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/collector"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/hook"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const (
	amazonTrace, amazonSpan = "5bef4de7ad49b0e87f6ef6c87fc2e700", "9a9197af755a6419"
	amazon                  = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"
	callerTrace, callerSpan = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	sinkKey                 = "c2luay1rZXktb2YtdGhlLXRyYWNlcy10ZXN0LTAxMjM0NQ=="
)

// tree is the spans of one trace.
type tree struct {
	t     *testing.T
	spans []*trace.Span
}

// collected are the spans of a trace, which all of them are to be of.
func collected(t *testing.T, c *collector.Collector, id string) tree {
	t.Helper()
	spans, err := c.Spans()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range spans {
		if got := hex.EncodeToString(s.GetTraceId()); got != id {
			t.Errorf("%s is of the trace %s, want %s", s.GetName(), got, id)
		}
	}
	return tree{t, spans}
}

// below returns the spans of a name, of which there is at least one, and each is a child
// of one of the parents.
func (tr tree) below(parents []*trace.Span, name string) (found []*trace.Span) {
	tr.t.Helper()
	for _, s := range tr.spans {
		if s.GetName() != name {
			continue
		}
		found = append(found, s)
		if !slices.ContainsFunc(parents, func(p *trace.Span) bool { return string(p.GetSpanId()) == string(s.GetParentSpanId()) }) {
			tr.t.Errorf("%s is not below %s", name, parents[0].GetName())
		}
		if s.GetEndTimeUnixNano() < s.GetStartTimeUnixNano() {
			tr.t.Errorf("%s ends before it starts", name)
		}
	}
	if len(found) == 0 {
		tr.t.Fatalf("there is no span %q among:\n%s", name, tr)
	}
	return found
}

func (tr tree) String() string {
	var b strings.Builder
	for _, s := range tr.spans {
		_, _ = fmt.Fprintf(&b, "%x below %x: %s %v\n", s.GetSpanId(), s.GetParentSpanId(), s.GetName(), s.GetAttributes())
	}
	return b.String()
}

// root is the one span of the invocation, below a span elsewhere.
func (tr tree) root(name, parent string) []*trace.Span {
	tr.t.Helper()
	for _, s := range tr.spans {
		if s.GetName() == name && hex.EncodeToString(s.GetParentSpanId()) == parent && s.GetKind() == trace.Span_SPAN_KIND_SERVER {
			return []*trace.Span{s}
		}
	}
	tr.t.Fatalf("no span of an invocation is named %q and below %s:\n%s", name, parent, tr)
	return nil
}

func attribute(s *trace.Span, name string) string {
	for _, a := range s.GetAttributes() {
		if a.GetKey() == name {
			v := a.GetValue()
			return fmt.Sprint(v.GetStringValue(), v.GetIntValue(), v.GetBoolValue())
		}
	}
	return ""
}

// clean fails the test if a credential or a person is in what was collected.
func clean(t *testing.T, c *collector.Collector, more ...string) {
	t.Helper()
	if leaks := endpoint.Leaks(c.Text(), append(more, "RFNwdA", "contoso.example", "skiptoken", sinkKey, endpoint.Token)...); len(leaks) > 0 {
		t.Errorf("the traces contain %q:\n%s", leaks, c.Text())
	}
}

func TestARequestIsATreeOfSpansInTheTraceOfItsCaller(t *testing.T) {
	c := harness.Start(t, collector.Start)
	e := harness.Start(t, endpoint.Config{
		Bootstrap: harness.Release(t, "functions/users", "otel"), Kind: gateway.FunctionURL(), Tenant: simulator.Config{Users: 2500}, Trace: amazon,
		Env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL},
	}.Start)
	who := e.Tenant.UserPrincipalName(7)
	for _, path := range []string{"/users?$format=ndjson", "/users/" + who} {
		response, err := e.Get(t.Context(), path, http.Header{
			"Authorization": {"Bearer " + endpoint.Token}, "Traceparent": {"00-" + callerTrace + "-" + callerSpan + "-01"}, "Tracestate": {"who=" + who},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d, %v", path, response.StatusCode, err)
		}
		_ = response.Body.Close()
	}
	tr := collected(t, c, callerTrace)
	invocation := tr.root("rollcall-e2e GET", callerSpan)
	if links := invocation[0].GetLinks(); len(links) != 1 || hex.EncodeToString(links[0].GetTraceId()) != amazonTrace {
		t.Errorf("the invocation has the links %v", links)
	}
	if attribute(invocation[0], "faas.invocation_id") == "" || attribute(invocation[0], "http.response.status_code") == "" {
		t.Errorf("the invocation has the attributes %v", invocation[0].GetAttributes())
	}
	list := tr.below(invocation, "list")
	pages := tr.below(list, "GET /v1.0/users")
	if len(pages) != 3 || attribute(pages[0], "http.response.status_code") == "" || attribute(pages[0], "graph.request_id") == "" {
		t.Errorf("%d pages were read: %v", len(pages), pages[0].GetAttributes())
	}
	tr.below(list, "sign in")
	if one := tr.spans[slices.IndexFunc(tr.spans, func(s *trace.Span) bool { return s.GetName() == "GET /v1.0/users/{id}" })]; one.GetKind() != trace.Span_SPAN_KIND_CLIENT {
		t.Errorf("a user was read by a %s", one.GetKind())
	}
	clean(t, c, e.Tenant.ClientSecret, who)
	if leaks := e.Leaks(who); len(leaks) > 0 {
		t.Errorf("the log contains %q", leaks)
	}
}

func TestASnapshotIsATreeOfSpansInTheTraceOfXRay(t *testing.T) {
	c := harness.Start(t, collector.Start)
	throttled, err := simulator.ParseFault("429-seconds:2x1")
	if err != nil {
		t.Fatal(err)
	}
	people := harness.Start(t, tenant.New(simulator.Config{Users: 2500, Faults: []simulator.Fault{throttled}}).Start)
	target := harness.Start(t, hook.Key(sinkKey).Start)
	if err := people.Trust(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: target.Certificate().Raw})); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	host := harness.Start(t, lambdahost.Config{
		Bootstrap: harness.Release(t, "functions/snapshot", "otel"), Trace: amazon,
		Env: append(people.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "ROLLCALL_PARALLEL=1",
			"ROLLCALL_SINKS=file://"+filepath.Join(dir, "out")+" "+target.URL+"/hook#private=allow", `ROLLCALL_WEBHOOK_SECRET={"SinkKey":"whsec_`+sinkKey+`"}`),
	}.Start)
	result, err := host.Invoke(t.Context(), []byte(`{"run":"r"}`))
	if err != nil || result.ErrorType != "" {
		t.Fatalf("%v: %s\n%s", err, result.Payload, host.Output())
	}
	tr := collected(t, c, amazonTrace)
	job := tr.root("rollcall-e2e job", amazonSpan)
	list := tr.below(job, "list")
	var refused int
	for _, s := range tr.below(list, "GET /v1.0/users") {
		if strings.HasPrefix(attribute(s, "http.response.status_code"), "429") {
			refused++
			if s.GetStatus().GetCode() != trace.Status_STATUS_CODE_ERROR {
				t.Errorf("a refused attempt has the status %v", s.GetStatus())
			}
		}
	}
	waits := 0
	for _, s := range list {
		for _, e := range s.GetEvents() {
			if e.GetName() == "retry" {
				waits++
			}
		}
	}
	if refused != 1 || waits != 1 {
		t.Errorf("%d attempts were refused, and %d waits are on the list, want one:\n%s", refused, waits, tr)
	}
	if puts := tr.below(append(slices.Clone(job), list...), "store put"); len(puts) < 3 {
		t.Errorf("there are %d writes to the store", len(puts))
	}
	tr.below(job, "publish")
	clean(t, c, people.ClientSecret)
}

// TestACollectorThatIsNotThereFailsNothing also when it takes connections and never answers.
func TestACollectorThatIsNotThereFailsNothing(t *testing.T) {
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	bootstrap := harness.Release(t, "functions/users", "otel")
	people := harness.Start(t, tenant.New(simulator.Config{Users: 30}).Start)
	for name, address := range map[string]string{"refuses": "127.0.0.1:1", "says nothing": silent.Addr().String()} {
		host := harness.Start(t, lambdahost.Config{
			Bootstrap: bootstrap, Trace: amazon, Timeout: 10 * time.Second,
			Env: append(people.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+address, "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20token-of-the-collector"),
		}.Start)
		result, err := host.Invoke(t.Context(), []byte(`{"top":5,"select":["id"]}`))
		var page struct{ Value []struct{ ID string } }
		if err != nil || result.ErrorType != "" || json.Unmarshal(result.Payload, &page) != nil || len(page.Value) != 5 {
			t.Errorf("a collector that %s: %v: %s\n%s", name, err, result.Payload, host.Output())
		}
		host.Close()
		if log := host.Output(); !strings.Contains(log, "spans could not be exported") || strings.Contains(log, "token-of-the-collector") {
			t.Errorf("a collector that %s: the log is\n%s", name, log)
		}
	}
}
