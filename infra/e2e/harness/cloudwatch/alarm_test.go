package cloudwatch

import (
	"testing"
	"time"
)

// The examples of AWS's page on missing data: X is a value that breaches, 0 one that does
// not, - none.
func TestMissingDataCountsAsItIsTreated(t *testing.T) {
	for _, c := range []struct{ data, missing, ignore, breaching, notBreaching string }{
		{"0-X-X", Alarming, Alarming, Alarming, Alarming},
		{"0----", Insufficient, OK, Alarming, OK},
		{"-----", Insufficient, Insufficient, Alarming, OK},
		{"0XX-X", Alarming, Alarming, Alarming, Alarming},
		{"--XX-", OK, OK, Alarming, OK},
		{"XXX--", OK, OK, Alarming, OK},
	} {
		for treat, want := range map[string]string{"missing": c.missing, "ignore": c.ignore, "breaching": c.breaching, "notBreaching": c.notBreaching} {
			needs := "3" // of three; two suffice of the last three where the example has two
			if c.data == "0-X-X" || c.data == "0XX-X" {
				needs = "2"
			}
			if got := state(t, c.data, map[string]any{"TreatMissingData": treat, "DatapointsToAlarm": needs}); got != want {
				t.Errorf("%s, %s: %s, want %s", c.data, treat, got, want)
			}
		}
	}
}

func state(t *testing.T, data string, more map[string]any) string {
	t.Helper()
	properties := map[string]any{
		"Namespace": "N", "MetricName": "M", "Statistic": "Maximum", "Period": "60", "EvaluationPeriods": "3", "Threshold": "0", "ComparisonOperator": "GreaterThanThreshold",
	}
	for name, value := range more {
		properties[name] = value
	}
	a, err := Parse(properties)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := &Metrics{}
	for i, c := range data {
		if c != '-' {
			m.Put("N", "M", nil, start.Add(time.Duration(i)*time.Minute), map[rune]float64{'X': 1}[c])
		}
	}
	m.Put("N", "Else", nil, start, 1)
	got, err := a.State(m, start.Add(time.Duration(len(data)-1)*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWhatAnAlarmMayNotSayIsAnError(t *testing.T) {
	for name, properties := range map[string]map[string]any{
		"no period":             {"Period": ""},
		"another statistic":     {"Statistic": "p99"},
		"another operator":      {"ComparisonOperator": "GreaterThanUpperThreshold"},
		"another expression":    {"MetricName": "", "Metrics": []any{map[string]any{"Id": "e", "Expression": "m * 2"}, stat("60")}},
		"metrics of two values": {"Metrics": []any{stat("300")}},
	} {
		all := map[string]any{
			"Namespace": "N", "MetricName": "M", "Statistic": "Maximum", "Period": "60", "EvaluationPeriods": "1", "Threshold": "0", "ComparisonOperator": "GreaterThanThreshold",
		}
		for key, value := range properties {
			all[key] = value
		}
		a, err := Parse(all)
		if err == nil {
			m := &Metrics{}
			m.Put("N", "M", nil, time.Unix(0, 0), 1)
			_, err = a.State(m, time.Unix(1, 0))
		}
		if err == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

func stat(period string) map[string]any {
	return map[string]any{"Id": "m", "MetricStat": map[string]any{"Metric": map[string]any{"Namespace": "N", "MetricName": "M"}, "Period": period, "Stat": "Sum"}}
}
