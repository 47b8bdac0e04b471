package telemetry

import (
	"context"
	"log/slog"
	"math"
	"time"
)

// Namespace is that of the metrics, and Dimension their only dimension: CloudWatch charges
// for every other combination of values.
const (
	Namespace = "Rollcall"
	Dimension = "FunctionName"
)

// directive says which members of a record CloudWatch takes for metrics.
type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []unit
}

type unit struct{ Name, Unit string }

// EMF returns what writes the figures of an invocation of a function to its log as one
// record in CloudWatch's embedded metric format, from which CloudWatch makes metrics.
//
// The record has the lowest level that the log takes, from INFO on: Lambda drops what is
// below the level that the function is configured to have, and with it the metrics.
func EMF(log *slog.Logger, function string) func(ctx context.Context, f *Figures) {
	return func(ctx context.Context, f *Figures) {
		level := slog.LevelInfo
		for level < LevelFatal && !log.Enabled(ctx, level) {
			level += 4
		}
		about := directive{Namespace: Namespace, Dimensions: [][]string{{Dimension}}}
		attrs := append(f.Properties(), slog.String(Dimension, function))
		values := f.Values()
		for _, d := range definitions() {
			if value, known := values[d.Metric]; known {
				about.Metrics = append(about.Metrics, unit{string(d.Metric), d.Unit})
				attrs = append(attrs, slog.Any(string(d.Metric), number(value)))
			}
		}
		attrs = append(attrs, slog.Group("_aws", slog.Int64("Timestamp", time.Now().UnixMilli()), slog.Any("CloudWatchMetrics", []directive{about})))
		log.LogAttrs(ctx, level, "figures of the invocation", attrs...)
	}
}

// number writes a whole number as one.
func number(value float64) any {
	if value == math.Trunc(value) && math.Abs(value) < 1<<53 {
		return int64(value)
	}
	return value
}
