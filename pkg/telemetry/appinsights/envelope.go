package appinsights

import (
	"encoding/json"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// envelope is an item of telemetry as the ingestion takes it.
type envelope struct {
	Name string            `json:"name"`
	Time string            `json:"time"` // RFC 3339, UTC
	Key  string            `json:"iKey"`
	Tags map[string]string `json:"tags"`
	Data data              `json:"data"`
}

type data struct {
	Type string   `json:"baseType"`
	Base baseData `json:"baseData"`
}

type baseData struct {
	Version    int               `json:"ver"`
	Metrics    []point           `json:"metrics"` // of which only the first one counts
	Properties map[string]string `json:"properties"`
}

type point struct {
	Namespace string  `json:"ns"`
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	Count     int     `json:"count"`
}

// envelopes are the figures of an invocation of a function, a line of JSON each.
func (s *Sender) envelopes(function string, now time.Time, f *telemetry.Figures) [][]byte {
	properties := map[string]string{telemetry.Dimension: function}
	for _, a := range f.Properties() {
		properties[a.Key] = a.Value.String()
	}
	tags := map[string]string{"ai.cloud.role": s.role}
	values := f.Values()
	var lines [][]byte
	for _, d := range telemetry.Definitions() {
		value, known := values[d.Metric]
		if !known {
			continue
		}
		line, err := json.Marshal(envelope{
			Name: "Microsoft.ApplicationInsights.Metric", Time: now.UTC().Format("2006-01-02T15:04:05.000000Z"), Key: s.to.key, Tags: tags,
			Data: data{"MetricData", baseData{2, []point{{telemetry.Namespace, string(d.Metric), value, 1}}, properties}},
		})
		if err == nil { // texts and finite numbers always have a JSON form
			lines = append(lines, line)
		}
	}
	return lines
}
