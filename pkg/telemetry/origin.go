package telemetry

import "log/slog"

// Origin is where an invocation comes from, as its host knows it.
type Origin struct {
	// Name is the function's, XRay the trace of AWS X-Ray that the invocation is part of
	// (the header X-Amzn-Trace-Id), "" for none.
	Name, XRay string
	// Attrs describe it by OpenTelemetry's names, such as faas.invocation_id.
	Attrs []slog.Attr
}
