package telemetry_test

import (
	"bytes"
	"log"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

func TestTheStandardLogIsCutBeforeWhatItQuotes(t *testing.T) {
	before, flags := log.Writer(), log.Flags()
	defer func() { log.SetOutput(before); log.SetFlags(flags) }()
	var out bytes.Buffer
	telemetry.CaptureStandardLog(telemetry.New(&out, telemetry.Options{}))
	log.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v", `{"displayName":"Anna Canary"}`, nil)
	log.Printf(`{"errorMessage":"Resource 'anna.canary' does not exist","errorType":"Graph.NotFound"}`)
	log.Print("http: TLS handshake error from 127.0.0.1:1: EOF")
	text := out.String()
	if strings.Contains(strings.ToLower(text), "canary") || strings.Count(text, "\n") != 2 ||
		!strings.Contains(text, "Unsolicited response received on idle HTTP channel starting with") || !strings.Contains(text, "TLS handshake error") {
		t.Errorf("%s", text)
	}
}
