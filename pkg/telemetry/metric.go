package telemetry

import (
	"math"
	"slices"
	"sync"
)

// Metric is a figure of an invocation, by the name under which it is published.
type Metric string

// The metrics. Those that an invocation does not know are left out, and are never 0.
const (
	// Users were returned, or are in what was published. Half a list has none.
	Users Metric = "Users"
	// Pages of users and of changes were read whole.
	Pages Metric = "Pages"
	// Duration is how long the invocation has worked.
	Duration Metric = "Duration"
	// Throttled are answers of Graph with status 429.
	Throttled Metric = "Throttled"
	// Retries are requests to Graph that were made again.
	Retries Metric = "Retries"
	// Passes is how often the list was started that has come to its end.
	Passes Metric = "Passes"
	// Bytes are the size of the objects of a published list, over all its destinations.
	Bytes Metric = "Bytes"
	// Events are changes that every bus has acknowledged.
	Events Metric = "Events"
	// Failed is 1 if the invocation ended in an error that none of the next two names.
	Failed Metric = "Failed"
	// Incomplete is 1 if a list was not complete: Snapshot.Incomplete.
	Incomplete Metric = "Incomplete"
	// Suspect is 1 if a list or changes were held back: Snapshot.Suspect.
	Suspect Metric = "Suspect"
	// Drift are users who differed from the mirror though no change had told of it.
	Drift Metric = "Drift"
	// LatestAge is how far from now the run began that latest names, in either direction.
	LatestAge Metric = "LatestAge"
	// DaysToExpiry are the whole days that the credential has left, below 0 after its end.
	DaysToExpiry Metric = "DaysToExpiry"
)

// The jobs whose invocations have figures.
const (
	JobUsers    = "users"
	JobSnapshot = "snapshot"
	JobChanges  = "changes"
	JobRotate   = "rotate"
)

// Definition says what a metric is.
type Definition struct {
	Metric Metric
	// Unit is CloudWatch's name of its unit.
	Unit string
	// Jobs publish it.
	Jobs []string

	// join makes one value of an invocation's former one and another one.
	join func(former, value float64) float64
}

// Definitions are all metrics, in the order in which they are documented.
func Definitions() []Definition { return slices.Clone(definitions()) }

var definitions = sync.OnceValue(func() []Definition {
	const count = "Count"
	all := []string{JobUsers, JobSnapshot, JobChanges, JobRotate}
	reading := all[:3]
	publishing := all[1:3]
	snapshots, changes := all[1:2], all[2:3]
	return []Definition{
		{Users, count, reading, last},
		{Pages, count, reading, sum},
		{Duration, "Milliseconds", all, last},
		{Throttled, count, all, sum},
		{Retries, count, all, sum},
		{Passes, count, reading, last},
		{Bytes, "Bytes", snapshots, last},
		{Events, count, changes, sum},
		{Failed, count, all, last},
		{Incomplete, count, reading, last},
		{Suspect, count, publishing, last},
		{Drift, count, changes, sum},
		{LatestAge, "Seconds", snapshots, math.Max},
		{DaysToExpiry, count, all, math.Min},
	}
})

func sum(former, value float64) float64 { return former + value }

func last(_, value float64) float64 { return value }

// of reports whether a job publishes the metric.
func (d Definition) of(job string) bool { return slices.Contains(d.Jobs, job) }
