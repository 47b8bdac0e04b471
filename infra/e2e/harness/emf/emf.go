// Package emf reads a function's log as CloudWatch does that makes metrics of it: records in
// the embedded metric format, which are checked against its schema.
package emf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

// maxRecord is the size of an event of CloudWatch Logs.
const maxRecord = 256 << 10

// Record is a line of a log that has metrics.
type Record struct {
	Namespace string
	// Dimensions are those of its metrics, with their values.
	Dimensions map[string]string
	// Metrics are the values by name, Units their units.
	Metrics map[string]float64
	Units   map[string]string
	// Members are all its members.
	Members map[string]any
}

// directive says which members are metrics.
type directive struct {
	AWS struct {
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
}

// Read returns the records of a log in their order. One that CloudWatch would drop, in whole or
// in part, fails the test.
func Read(t testing.TB, log string) []Record {
	t.Helper()
	schema := compile(t)
	var all []Record
	for line := range strings.Lines(log) {
		if !strings.Contains(line, `"_aws"`) {
			continue
		}
		record, err := read([]byte(line), schema)
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, *record)
	}
	return all
}

func compile(t testing.TB) *jsonschema.Schema {
	t.Helper()
	path, err := repository.Path("pkg", "telemetry", "testdata", "emf.schema.json")
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(path, document); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile(path)
}

// read checks a line beyond what its schema can say: what is named is there, and is a number
// or a text.
func read(line []byte, schema *jsonschema.Schema) (*Record, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		return nil, err
	}
	if err := schema.Validate(document); err != nil {
		return nil, err
	}
	var about directive
	r := &Record{Dimensions: map[string]string{}, Metrics: map[string]float64{}, Units: map[string]string{}}
	if err := json.Unmarshal(line, &about); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(line, &r.Members); err != nil {
		return nil, err
	}
	if n := len(about.AWS.CloudWatchMetrics); n != 1 || len(line) > maxRecord {
		return nil, fmt.Errorf("it has %d directives and %d bytes", n, len(line))
	}
	d := about.AWS.CloudWatchMetrics[0]
	r.Namespace = d.Namespace
	for _, set := range d.Dimensions {
		for _, name := range set {
			value, ok := r.Members[name].(string)
			if !ok || value == "" || len(value) > 1024 {
				return nil, fmt.Errorf("the dimension %s is %v", name, r.Members[name])
			}
			r.Dimensions[name] = value
		}
	}
	for _, m := range d.Metrics {
		value, ok := r.Members[m.Name].(float64)
		if _, twice := r.Metrics[m.Name]; !ok || twice {
			return nil, fmt.Errorf("the metric %s is %v", m.Name, r.Members[m.Name])
		}
		r.Metrics[m.Name], r.Units[m.Name] = value, m.Unit
	}
	return r, nil
}
