package trigger

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

func TestTheInvocationsIDReachesTheContext(t *testing.T) {
	type key struct{}
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-1"})
	var seen any
	l := &Lambda{
		Handler:  http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Context().Value(key{}) }),
		Annotate: func(ctx context.Context, id string) context.Context { return context.WithValue(ctx, key{}, id) },
	}
	if _, err := l.Invoke(ctx, json.RawMessage(`{}`)); err != nil || seen != "r-1" {
		t.Errorf("the handler sees %v, %v", seen, err)
	}
}

func TestANegativeTopIsHandedOnToBeRefused(t *testing.T) {
	q, err := invocationQuery([]byte(`{"top":-5}`))
	if err != nil || q.Get("$top") != "-5" {
		t.Errorf("%v, %v: the whole page would be read instead", q, err)
	}
}

func TestARefusalIsLoggedWithoutTheCallersWords(t *testing.T) {
	var log bytes.Buffer
	l := &Lambda{Handler: http.NotFoundHandler(), Log: slog.New(slog.NewTextHandler(&log, nil))}
	raw := bytes.Replace(event(t, "functionurl"), []byte(`"rawQueryString": "`), []byte(`"rawQueryString": "canary=1&`), 1)
	raw = bytes.Replace(raw, []byte(`"authorizer"`), []byte(`"nobody"`), 1)
	if _, err := l.Invoke(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "status=401 name=Request.Unauthorized") || strings.Contains(log.String(), "canary") {
		t.Errorf("log %s", &log)
	}
}
