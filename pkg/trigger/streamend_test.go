package trigger

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
)

func TestAStreamIsNeverLongerThanLambdaTakesNotEvenByItsLastWord(t *testing.T) {
	chunk, last := make([]byte, maxStream/2000), make([]byte, lastWord)
	var refused, again error
	out := streamed(t, func(w http.ResponseWriter, _ *http.Request) {
		for refused == nil {
			_, refused = w.Write(chunk)
		}
		_, again = w.Write(last)
	})
	n, err := io.Copy(io.Discard, out.Body)
	if err != nil || again != nil || n > maxStream || n < maxStream-2*int64(len(chunk)) {
		t.Errorf("%d bytes, %v, %v", n, err, again)
	}
}

func TestTheContextOfAStreamEndsWithItsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var within context.Context
		out := streamed(t, func(w http.ResponseWriter, r *http.Request) {
			within = r.Context()
			_, _ = io.WriteString(w, "all")
		})
		if body, err := io.ReadAll(out.Body); err != nil || string(body) != "all" {
			t.Fatalf("%q, %v", body, err)
		}
		synctest.Wait()
		if within.Err() == nil {
			t.Error("what was read for the stream goes on when its handler has returned")
		}
	})
}
