package trigger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// input has a member of each kind.
type input struct {
	Run  string    `json:"run"`
	Tags []string  `json:"tags"`
	Top  int       `json:"top"`
	At   time.Time `json:"at"`
}

func TestWhatIsWrongWithAnInputIsSaidWithoutItsValues(t *testing.T) {
	const secret = "3141592653589793238"
	for _, text := range []string{
		`{"top":` + secret + `0}`, `{"top":1e` + secret + `}`, `{"top":"` + secret + `"}`, `{"at":"` + secret + `"}`, `{"run":` + secret + `}`, secret, `"` + secret + `"`,
		`{"` + secret + secret + `":1}`, `{"x ` + secret + `":1}`, `{"run":"` + secret, `{"tags":[` + secret + `]}`, `{} ` + secret,
	} {
		var in input
		if err := trigger.Decode([]byte(text), &in); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzJob has a job whose input anybody may have written. What it takes reads the same when
// it is written and read once more; what it refuses is a Request.Invalid without quotes of it.
func FuzzJob(f *testing.F) {
	for _, text := range []string{
		`{}`, `null`, `{"run":"a","tags":["b"],"top":3,"at":"2026-11-22T02:15:00Z"}`, `{"top":1e99}`, `{"run":null,"tags":null}`, `{"RUN":"a"}`, `{"run":"a","run":"b"}`,
		`{"run":"\ud800"}`, `[]`, `{}{}`, `{"detail-type":"x"}`, `{"top":12345678901234567890}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var log bytes.Buffer
		job := trigger.Job[input, input](func(_ context.Context, in input) (*input, error) { return &in, nil })
		out, err := job.Run(t.Context(), textLog(&log), text)
		if err != nil {
			if failure.Of(err).Name != "Request.Invalid" {
				t.Fatal(err)
			}
			for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune("{}[]\":, ", r) }) {
				if len(word) > 32 && strings.Contains(err.Error()+log.String(), word) {
					t.Fatalf("%v quotes the input", err)
				}
			}
			return
		}
		written, err := json.Marshal(out)
		if err != nil {
			return // a year beyond 9999 has no JSON
		}
		again, err := job.Run(t.Context(), textLog(&log), written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if second, _ := json.Marshal(again); !bytes.Equal(written, second) {
			t.Fatalf("%s becomes %s", written, second)
		}
	})
}
