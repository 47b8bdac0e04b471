// Package cloudwatch keeps metrics and evaluates the alarms of template.yaml over them, as
// CloudWatch does.
//
// Sources: the CloudWatch user guide's "Alarm evaluation", "Configuring how CloudWatch alarms
// treat missing data" and "Using math expressions with CloudWatch metrics".
package cloudwatch

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Metrics are values by metric and time.
type Metrics struct{ points map[string][]point }

type point struct {
	at    time.Time
	value float64
}

// Put adds a value of a metric.
func (m *Metrics) Put(namespace, name string, dimensions map[string]string, at time.Time, value float64) {
	if m.points == nil {
		m.points = map[string][]point{}
	}
	key := identity(namespace, name, dimensions)
	m.points[key] = append(m.points[key], point{at, value})
}

func identity(namespace, name string, dimensions map[string]string) string {
	key := namespace + "/" + name
	for _, dimension := range slices.Sorted(maps.Keys(dimensions)) {
		key += fmt.Sprintf(" %s=%q", dimension, dimensions[dimension])
	}
	return key
}

// first is when the first value of all was put.
func (m *Metrics) first() (at time.Time) {
	for _, all := range m.points {
		for _, p := range all {
			if at.IsZero() || p.at.Before(at) {
				at = p.at
			}
		}
	}
	return at
}

// statistic is what a metric comes to in the period that begins at a time. Without a value in
// it there is none.
func (m *Metrics) statistic(key, name string, from time.Time, period time.Duration) (value float64, known bool, err error) {
	var values []float64
	sum := 0.
	for _, p := range m.points[key] {
		if !p.at.Before(from) && p.at.Before(from.Add(period)) {
			values, sum = append(values, p.value), sum+p.value
		}
	}
	if len(values) == 0 {
		return 0, false, nil
	}
	switch name {
	case "Sum":
		return sum, true, nil
	case "Maximum":
		return slices.Max(values), true, nil
	case "Minimum":
		return slices.Min(values), true, nil
	case "Average":
		return sum / float64(len(values)), true, nil
	case "SampleCount":
		return float64(len(values)), true, nil
	}
	return 0, false, fmt.Errorf("this package does not know the statistic %q", name)
}
