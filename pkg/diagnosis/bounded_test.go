package diagnosis_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
)

// endless answers with a status and a body without an end.
type endless struct {
	status int
	read   int
}

func (e *endless) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: e.status, Request: r, Body: io.NopCloser(e)}, nil
}

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 4*diagnosis.MaxAnswer {
		return 0, errors.New("nobody has stopped reading")
	}
	return len(p), nil
}

func TestOnlyTheBodyOfAnObjectIsReadWithoutABound(t *testing.T) {
	for _, c := range []struct {
		method string
		status int
		whole  bool
	}{{"GET", 200, true}, {"GET", 206, true}, {"GET", 403, false}, {"GET", 301, false}, {"POST", 200, false}, {"PUT", 500, false}} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, "https://x", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		source := &endless{status: c.status}
		response, err := diagnosis.Bounded(source).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		var long *http.MaxBytesError
		if errors.As(err, &long) == c.whole || !c.whole && source.read > 2*diagnosis.MaxAnswer {
			t.Errorf("%s, %d: %v after %d bytes", c.method, c.status, err, source.read)
		}
	}
}
