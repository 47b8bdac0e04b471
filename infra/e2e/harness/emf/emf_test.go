package emf

import (
	"maps"
	"testing"
)

func TestWhatCloudWatchWouldDropIsAnError(t *testing.T) {
	schema := compile(t)
	const (
		head = `{"F":"f","N":1,"_aws":{"Timestamp":1764340218000,"CloudWatchMetrics":[{"Namespace":"R","Dimensions":[["F"]],"Metrics":[`
		tail = `]}]}}`
	)
	r, err := read([]byte(head+`{"Name":"N","Unit":"Count"}`+tail), schema)
	if err != nil || !maps.Equal(r.Metrics, map[string]float64{"N": 1}) || !maps.Equal(r.Dimensions, map[string]string{"F": "f"}) || r.Units["N"] != "Count" {
		t.Fatalf("%+v %v", r, err)
	}
	for name, line := range map[string]string{
		"no metrics":              head + tail,
		"a metric without value":  head + `{"Name":"M","Unit":"Count"}` + tail,
		"a metric that is text":   head + `{"Name":"F","Unit":"Count"}` + tail,
		"a metric twice":          head + `{"Name":"N"},{"Name":"N"}` + tail,
		"an unknown unit":         head + `{"Name":"N","Unit":"Furlongs"}` + tail,
		"seconds for a timestamp": `{"F":"f","N":1,"_aws":{"Timestamp":1764340218,"CloudWatchMetrics":[{"Namespace":"R","Dimensions":[["F"]],"Metrics":[{"Name":"N"}]}]}}`,
		"a dimension without one": `{"N":1,"_aws":{"Timestamp":1764340218000,"CloudWatchMetrics":[{"Namespace":"R","Dimensions":[["F"]],"Metrics":[{"Name":"N"}]}]}}`,
		"a number as dimension":   `{"F":2,"N":1,"_aws":{"Timestamp":1764340218000,"CloudWatchMetrics":[{"Namespace":"R","Dimensions":[["F"]],"Metrics":[{"Name":"N"}]}]}}`,
		"no namespace":            `{"F":"f","N":1,"_aws":{"Timestamp":1764340218000,"CloudWatchMetrics":[{"Namespace":"","Dimensions":[["F"]],"Metrics":[{"Name":"N"}]}]}}`,
	} {
		if r, err := read([]byte(line), schema); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
