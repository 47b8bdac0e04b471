package cloudwatch

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// The states of an alarm.
const (
	OK           = "OK"
	Alarming     = "ALARM"
	Insufficient = "INSUFFICIENT_DATA"
)

// Alarm is one as a template states it, every intrinsic resolved.
type Alarm struct {
	Namespace, MetricName string
	Dimensions            []dimension
	Statistic             string
	Period                json.Number
	Metrics               []query

	EvaluationPeriods, DatapointsToAlarm json.Number
	Threshold                            json.Number
	ComparisonOperator, TreatMissingData string

	parts          []part
	period         time.Duration
	periods, needs int
	threshold      float64
}

type dimension struct{ Name, Value string }

// query is an expression, or a metric that one is of.
type query struct {
	ID         string
	Expression string
	MetricStat *struct {
		Metric struct {
			Namespace, MetricName string
			Dimensions            []dimension
		}
		Period json.Number
		Stat   string
	}
}

// part is a metric that the alarm looks at.
type part struct{ key, statistic string }

// Parse reads the properties of an alarm.
func Parse(properties map[string]any) (*Alarm, error) {
	text, err := json.Marshal(properties) // every scalar of a template is a text, which a json.Number takes too
	if err != nil {
		return nil, err
	}
	a := &Alarm{}
	if err := json.Unmarshal(text, a); err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	if a.DatapointsToAlarm == "" {
		a.DatapointsToAlarm = a.EvaluationPeriods
	}
	if a.MetricName != "" {
		a.parts = []part{{identity(a.Namespace, a.MetricName, named(a.Dimensions)), a.Statistic}}
	}
	for _, q := range a.Metrics {
		if stat := q.MetricStat; stat != nil {
			a.parts = append(a.parts, part{identity(stat.Metric.Namespace, stat.Metric.MetricName, named(stat.Metric.Dimensions)), stat.Stat})
			if a.Period != "" && a.Period != stat.Period {
				return nil, fmt.Errorf("its metrics have the periods %s and %s", a.Period, stat.Period)
			}
			a.Period = stat.Period
		}
	}
	var seconds int
	if _, err := fmt.Sscan(string(a.Period+" "+a.EvaluationPeriods+" "+a.DatapointsToAlarm+" "+a.Threshold), &seconds, &a.periods, &a.needs, &a.threshold); err != nil {
		return nil, fmt.Errorf("its numbers: %w: %s", err, text)
	}
	if seconds < 1 || a.periods < 1 || a.needs < 1 {
		return nil, fmt.Errorf("it looks at nothing: %s", text)
	}
	a.period = time.Duration(seconds) * time.Second
	return a, nil
}

// LooksBack is how long a period is that the alarm looks at, and how long all that it looks at.
func (a *Alarm) LooksBack() (period, total time.Duration) {
	return a.period, time.Duration(a.periods) * a.period
}

func named(dimensions []dimension) map[string]string {
	all := map[string]string{}
	for _, d := range dimensions {
		all[d.Name] = d.Value
	}
	return all
}

// State is the alarm's state at a time, after it has been evaluated at the end of each period
// since the first value of any metric.
func (a *Alarm) State(m *Metrics, at time.Time) (string, error) {
	state := Insufficient
	end := at.Truncate(a.period)
	from := end
	if first := m.first(); !first.IsZero() && first.Before(end) {
		from = first.Truncate(a.period)
	}
	for ; !from.After(end); from = from.Add(a.period) {
		var err error
		if state, err = a.evaluate(m, from, state); err != nil {
			return "", err
		}
	}
	return state, nil
}

// evaluate looks at the periods up to the one that begins at a time.
func (a *Alarm) evaluate(m *Metrics, last time.Time, state string) (string, error) {
	known, breaching := 0, 0
	for i := range a.periods {
		value, has, err := a.value(m, last.Add(-time.Duration(i)*a.period))
		if err != nil {
			return "", err
		}
		beyond, err := a.breaches(value)
		switch {
		case err != nil:
			return "", err
		case has:
			known++
			if beyond {
				breaching++
			}
		case a.TreatMissingData == "breaching":
			known, breaching = known+1, breaching+1
		case a.TreatMissingData == "notBreaching":
			known++
		}
	}
	switch {
	case breaching >= a.needs:
		return Alarming, nil
	case known > 0:
		return OK, nil
	case a.TreatMissingData == "ignore":
		return state, nil
	}
	return Insufficient, nil
}

// value is what the alarm compares in the period that begins at a time.
func (a *Alarm) value(m *Metrics, from time.Time) (value float64, known bool, err error) {
	var values []float64
	for _, p := range a.parts {
		v, has, err := m.statistic(p.key, p.statistic, from, a.period)
		if err != nil {
			return 0, false, err
		}
		if has {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return 0, false, nil
	}
	if a.MetricName != "" {
		return values[0], true, nil
	}
	for _, q := range a.Metrics {
		switch q.Expression {
		case "":
		case "SUM(METRICS())":
			for _, v := range values {
				value += v
			}
			return value, true, nil
		case "MIN(METRICS())":
			return slices.Min(values), true, nil
		default:
			return 0, false, fmt.Errorf("this package does not know the expression %q", q.Expression)
		}
	}
	return 0, false, fmt.Errorf("it has no expression")
}

func (a *Alarm) breaches(value float64) (bool, error) {
	switch a.ComparisonOperator {
	case "GreaterThanThreshold":
		return value > a.threshold, nil
	case "GreaterThanOrEqualToThreshold":
		return value >= a.threshold, nil
	case "LessThanThreshold":
		return value < a.threshold, nil
	case "LessThanOrEqualToThreshold":
		return value <= a.threshold, nil
	}
	return false, fmt.Errorf("this package does not know the operator %q", a.ComparisonOperator)
}
