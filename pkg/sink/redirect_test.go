package sink_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/sink"
)

func TestNoServiceOfAWSLeadsElsewhereByARedirect(t *testing.T) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		var asked, led atomic.Int32
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { led.Add(1) }))
		defer elsewhere.Close()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(status)
		}))
		defer server.Close()
		for name, value := range map[string]string{
			"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_MAX_ATTEMPTS": "1",
		} {
			t.Setenv(name, value)
		}
		access := &sink.Access{LookupEnv: func(string) (string, bool) { return "", false }}
		var all sink.Sinks
		err := all.UnmarshalText([]byte(`s3://people/exports eventbridge://people sns:arn:aws:sns:eu-west-1:123456789012:people
			sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/people kinesis://people firehose://people`))
		if err != nil {
			t.Fatal(err)
		}
		at, err := all.Stores[0].Open(t.Context(), access, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := at.Swap(t.Context(), "latest", []byte("kim@contoso.com"), ""); err == nil {
			t.Error("an object was stored by a redirect")
		}
		if _, _, err := at.Read(t.Context(), "latest"); err == nil {
			t.Error("an object was read by a redirect")
		}
		for _, b := range all.Buses {
			driver, err := b.Open(t.Context(), access)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := driver.Send(t.Context(), []bus.Entry{{ID: "e1", Body: []byte(`{}`)}}); err == nil {
				t.Errorf("%s: a message was taken by a redirect", b)
			}
		}
		if asked.Load() != 7 || led.Load() > 0 {
			t.Errorf("status %d: %d requests, %d of them elsewhere", status, asked.Load(), led.Load())
		}
	}
}
