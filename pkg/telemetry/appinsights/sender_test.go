package appinsights_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/telemetry/appinsights"
)

const (
	key        = "00000000-1111-4222-8333-444444444444"
	connection = "InstrumentationKey=" + key + ";IngestionEndpoint=https://eu.in.applicationinsights.azure.com/"
	token      = "eyJ0-canary-token-that-no-log.may.contain"
)

// answer is one of the ingestion.
type answer struct {
	status int
	body   string
	header http.Header
	err    error
}

// ingestion answers one request after the other, the last answer for ever.
type ingestion struct {
	mu      sync.Mutex
	answers []answer
	sent    []sent
}

// sent is a request that came.
type sent struct {
	url, authorization string
	at                 time.Time
	lines              []string
}

func (i *ingestion) Do(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	i.sent = append(i.sent, sent{r.URL.String(), r.Header.Get("Authorization"), time.Now(), strings.Split(string(body), "\n")})
	next := i.answers[0]
	if len(i.answers) > 1 {
		i.answers = i.answers[1:]
	}
	if next.err != nil {
		return nil, next.err
	}
	if next.header == nil {
		next.header = http.Header{}
	}
	return &http.Response{StatusCode: next.status, Header: next.header, Body: io.NopCloser(strings.NewReader(next.body)), Request: r}, nil
}

// identity gives tokens of one client id.
type identity struct {
	clientID string
	scopes   []string
	err      error
}

func (i *identity) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	i.scopes = append(i.scopes, o.Scopes...)
	return azcore.AccessToken{Token: token, ExpiresOn: time.Now().Add(time.Hour)}, i.err
}

// service is a Sender, and what it sends to.
type service struct {
	*appinsights.Sender
	ingestion *ingestion
	identity  *identity
	log       bytes.Buffer
}

func start(t *testing.T, s appinsights.Settings, answers ...answer) *service {
	t.Helper()
	v := &service{ingestion: &ingestion{answers: answers}, identity: &identity{}}
	var err error
	v.Sender, err = appinsights.New(appinsights.Config{
		Settings: s, Cloud: cloud.Public(), Transport: v.ingestion, Log: telemetry.New(&v.log, telemetry.Options{}),
		SignIn: func(clientID string) (azcore.TokenCredential, error) {
			v.identity.clientID = clientID
			return v.identity, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	go v.Run()
	return v
}

// emit emits figures of so many metrics, all of which were refused if the name is not "".
func (v *service) emit(t *testing.T, metrics ...telemetry.Metric) {
	t.Helper()
	ctx, figures := telemetry.Measure(telemetry.WithRequestID(t.Context(), "r-1"), telemetry.JobSnapshot)
	for i, m := range metrics {
		telemetry.Observe(ctx, m, float64(i)+0.5)
	}
	telemetry.WithRun(ctx, "run-1")
	v.Emit(ctx, "snapshot_run", figures)
}

// close waits until everything was sent, and returns the requests.
func (v *service) close(t *testing.T) []sent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	v.Close(ctx)
	if strings.Contains(v.log.String(), "canary") {
		t.Errorf("the log is %s", &v.log)
	}
	return v.ingestion.sent
}

func TestFiguresAreEnvelopesOfOneMetricEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := start(t, appinsights.Settings{Connection: connection, Role: "contoso"}, answer{status: 200, body: `{"itemsReceived":2,"itemsAccepted":2,"errors":[]}`})
		v.emit(t, telemetry.Users, telemetry.Failed)
		all := v.close(t)
		if len(all) != 1 || all[0].url != "https://eu.in.applicationinsights.azure.com/v2.1/track" || all[0].authorization != "" || len(all[0].lines) != 2 || v.log.Len() > 0 {
			t.Fatalf("%+v, log %s", all, &v.log)
		}
		var got, want any
		if err := errors.Join(json.Unmarshal([]byte(all[0].lines[1]), &got), json.Unmarshal([]byte(`{
			"name":"Microsoft.ApplicationInsights.Metric","time":"2000-01-01T00:00:00.000000Z","iKey":"`+key+`","tags":{"ai.cloud.role":"contoso"},
			"data":{"baseType":"MetricData","baseData":{"ver":2,"metrics":[{"ns":"Rollcall","name":"Failed","value":1.5,"count":1}],
			"properties":{"FunctionName":"snapshot_run","job":"snapshot","requestId":"r-1","run":"run-1"}}}}`), &want)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhereNoKeyIsTakenTheIdentitySignsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := start(t, appinsights.Settings{Connection: connection, Authentication: "ClientId=" + key + ";Authorization=AAD"}, answer{status: 200})
		v.emit(t, telemetry.Users)
		all := v.close(t)
		if len(all) != 1 || all[0].authorization != "Bearer "+token || v.identity.clientID != key || strings.Join(v.identity.scopes, " ") != "https://monitor.azure.com/.default" {
			t.Errorf("%+v, %+v", all, v.identity)
		}
	})
}

func TestWhatMayBeTakenLaterIsSentAgain(t *testing.T) {
	for name, first := range map[string]answer{
		"throttled": {status: 429, header: http.Header{"Retry-After": {"17"}}}, "for long": {status: 439, header: http.Header{"Retry-After": {"17"}}},
		"broken": {status: 500}, "unavailable": {status: 503}, "late": {status: 504}, "role not known yet": {status: 403}, "token not known": {status: 401},
		"no connection": {err: errors.New("dial canary: refused")},
	} {
		synctest.Test(t, func(t *testing.T) {
			v := start(t, appinsights.Settings{Connection: connection}, first, answer{status: 200})
			v.emit(t, telemetry.Users, telemetry.Pages)
			all := v.close(t)
			if len(all) != 2 || len(all[1].lines) != 2 || v.log.Len() > 0 {
				t.Fatalf("%s: %+v, log %s", name, all, &v.log)
			}
			if wait := all[1].at.Sub(all[0].at); first.header != nil && wait != 17*time.Second || wait > time.Minute {
				t.Errorf("%s: it waited %s", name, wait)
			}
		})
	}
}

func TestOfAPartWhatWasRefusedForNowIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := start(t, appinsights.Settings{Connection: connection}, answer{status: 206, body: `{"itemsReceived":4,"itemsAccepted":1,"errors":[
			{"index":3,"statusCode":429,"message":"canary"},{"index":0,"statusCode":503,"message":"canary"},{"index":1,"statusCode":400,"message":"canary"}]}`}, answer{status: 200})
		v.emit(t, telemetry.Users, telemetry.Pages, telemetry.Throttled, telemetry.Retries)
		all := v.close(t)
		if len(all) != 2 || len(all[1].lines) != 2 || !strings.Contains(all[1].lines[0], `"Retries"`) || !strings.Contains(all[1].lines[1], `"Users"`) {
			t.Fatalf("%+v", all)
		}
		if log := v.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "a metric was refused") || !strings.Contains(log, "400") {
			t.Errorf("log %s", log)
		}
	})
}

func TestWhatIsRefusedForGoodIsDroppedAndLogged(t *testing.T) {
	for name, row := range map[string]struct {
		answer   answer
		requests int
		log      string
	}{
		"invalid":                   {answer{status: 400, body: "canary"}, 1, "please report it"},
		"not found":                 {answer{status: 404}, 1, "IngestionEndpoint"},
		"daily cap":                 {answer{status: 402}, 1, "daily cap"},
		"a role is missing":         {answer{status: 403}, 5, "Monitoring Metrics Publisher"},
		"for ever":                  {answer{status: 503}, 5, "try again later"},
		"longer than anybody waits": {answer{status: 429, header: http.Header{"Retry-After": {"3600"}}}, 1, "429"},
		"a part, but not which":     {answer{status: 206, body: "canary"}, 1, "did not say which"},
		"a part that is too much":   {answer{status: 206, body: `{"itemsReceived":1,"itemsAccepted":0,"errors":[{"index":1,"statusCode":500}]}`}, 1, "did not say which"},
		"a part twice":              {answer{status: 206, body: `{"itemsReceived":1,"itemsAccepted":0,"errors":[{"index":0,"statusCode":500},{"index":0,"statusCode":500}]}`}, 1, "did not say which"},
		"a part of other lines":     {answer{status: 206, body: `{"itemsReceived":2,"itemsAccepted":2,"errors":[]}`}, 1, "did not say which"},
		"a part without its end":    {answer{status: 206, body: `{"itemsReceived":1,"itemsAccepted":0,"errors":[]}`}, 1, "did not say which"},
		"another host":              {answer{status: 308, header: http.Header{"Location": {"https://canary.example/v2.1/track"}}}, 1, "none of its own"},
		"another cloud":             {answer{status: 307, header: http.Header{"Location": {"https://canary.applicationinsights.azure.us/v2.1/track"}}}, 1, "none of its own"},
		"no TLS":                    {answer{status: 307, header: http.Header{"Location": {"http://127.0.0.1/v2.1/track"}}}, 1, "none of its own"},
		"another path":              {answer{status: 307, header: http.Header{"Location": {"https://eu.in.applicationinsights.azure.com/canary"}}}, 1, "none of its own"},
		"in a circle":               {answer{status: 307, header: http.Header{"Location": {"https://eu.in.applicationinsights.azure.com/v2.1/track"}}}, 3, "508"},
	} {
		synctest.Test(t, func(t *testing.T) {
			v := start(t, appinsights.Settings{Connection: connection, Authentication: "Authorization=AAD"}, row.answer)
			v.emit(t, telemetry.Users)
			all := v.close(t)
			if log := v.log.String(); len(all) != row.requests || strings.Count(log, "\n") != 1 || !strings.Contains(log, `"level":"WARN"`) || !strings.Contains(log, row.log) {
				t.Errorf("%s: %d requests, log %s", name, len(all), log)
			}
		})
	}
}

func TestTheIngestionMayMoveWithinItsCloud(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := start(t, appinsights.Settings{Connection: connection}, answer{status: 308, header: http.Header{"Location": {"https://eu-7.in.applicationinsights.azure.com/v2.1/track"}}}, answer{status: 200})
		v.emit(t, telemetry.Users)
		synctest.Wait()
		v.emit(t, telemetry.Users)
		all := v.close(t)
		if len(all) != 3 || all[1].url != "https://eu-7.in.applicationinsights.azure.com/v2.1/track" || all[2].url != all[1].url || v.log.Len() > 0 {
			t.Errorf("%+v, log %s", all, &v.log)
		}
	})
}

func TestATokenThatIsNotGivenIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := start(t, appinsights.Settings{Connection: connection, Authentication: "Authorization=AAD"}, answer{status: 200})
		v.identity.err = errors.New("no identity")
		v.emit(t, telemetry.Users)
		if all := v.close(t); len(all) != 0 || len(v.identity.scopes) != 5 || !strings.Contains(v.log.String(), "sign in to Application Insights") {
			t.Errorf("%+v, asked %d times, log %s", all, len(v.identity.scopes), &v.log)
		}
	})
}

// TestNobodyWaitsForMetrics and what piles up is sent together, or dropped.
func TestNobodyWaitsForMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := start(t, appinsights.Settings{Connection: connection}, answer{status: 503, header: http.Header{"Retry-After": {"30"}}}, answer{status: 200})
		began := time.Now()
		v.emit(t, telemetry.Users)
		synctest.Wait() // it is being sent
		for range 300 {
			v.emit(t, telemetry.Users)
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("it took %s", waited)
		}
		dropped := strings.Count(v.log.String(), "metrics were dropped")
		lines := 0
		all := v.close(t)
		for _, s := range all[1:] {
			lines += len(s.lines)
		}
		if dropped != 300-256 || lines != 1+256 || len(all) != 3 {
			t.Errorf("%d dropped, %d lines in %d requests", dropped, lines, len(all))
		}
	})
}

func TestClosingTakesNoLongerThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := start(t, appinsights.Settings{Connection: connection}, answer{status: 503})
		v.emit(t, telemetry.Users)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		v.Close(ctx)
		if time.Since(began) > 100*time.Millisecond {
			t.Errorf("it took %s", time.Since(began))
		}
		v.emit(t, telemetry.Users) // too late, and no panic
		time.Sleep(time.Hour)
	})
}

func TestWithoutAConnectionNothingIsSent(t *testing.T) {
	s, err := appinsights.New(appinsights.Config{Log: slog.New(slog.DiscardHandler)})
	if s != nil || err != nil {
		t.Fatalf("%v %v", s, err)
	}
	ctx, figures := telemetry.Measure(t.Context(), telemetry.JobUsers)
	s.Run()
	s.Emit(ctx, "users", figures)
	s.Close(ctx)
}

func TestASettingThatIsWrongIsNamed(t *testing.T) {
	for variable, s := range map[string]appinsights.Settings{
		"APPLICATIONINSIGHTS_CONNECTION_STRING":     {Connection: "canary"},
		"APPLICATIONINSIGHTS_AUTHENTICATION_STRING": {Connection: connection, Authentication: "canary"},
	} {
		if _, err := appinsights.New(appinsights.Config{Settings: s, Cloud: cloud.Public()}); err == nil || !strings.HasPrefix(err.Error(), variable) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", variable, err)
		}
	}
	bleu, _ := cloud.Named("bleu")
	s := appinsights.Settings{Connection: "InstrumentationKey=" + key + ";IngestionEndpoint=http://127.0.0.1:1", Authentication: "Authorization=AAD"}
	if _, err := appinsights.New(appinsights.Config{Settings: s, Cloud: bleu}); err == nil || !strings.Contains(err.Error(), "bleu") {
		t.Errorf("%v", err)
	}
}

// TestNothingSensitiveGetsIntoMetrics though an id looks like a person or a token.
func TestNothingSensitiveGetsIntoMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := start(t, appinsights.Settings{Connection: connection}, answer{status: 200})
		ctx, figures := telemetry.Measure(telemetry.WithRequestID(t.Context(), "zoe.canary@contoso.example"), telemetry.JobUsers)
		telemetry.Observe(ctx, telemetry.Users, 1)
		telemetry.WithTenant(telemetry.WithRun(ctx, "Bearer "+token), "zoe.canary%40contoso.example")
		v.Emit(ctx, "users", figures)
		all := v.close(t)
		if len(all) != 1 || strings.Contains(all[0].lines[0], "canary") {
			t.Errorf("%+v", all)
		}
	})
}
