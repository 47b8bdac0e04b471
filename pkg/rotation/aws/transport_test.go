package aws_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// delaying holds each request, and each answer, for a while that its seed decides.
type delaying struct {
	next http.RoundTripper
	seed uint64

	mu     sync.Mutex
	random *rand.Rand
}

func (d *delaying) wait() {
	d.mu.Lock()
	if d.random == nil {
		d.random = rand.New(rand.NewPCG(d.seed, 1))
	}
	pause := time.Duration(d.random.IntN(300)) * time.Millisecond
	d.mu.Unlock()
	time.Sleep(pause)
}

func (d *delaying) RoundTrip(r *http.Request) (*http.Response, error) {
	d.wait()
	resp, err := d.next.RoundTrip(r)
	d.wait()
	return resp, err
}

// holding holds the first request to a path until it is released.
type holding struct {
	next          http.RoundTripper
	path          string
	held, release chan struct{}
	once          sync.Once
}

func (h *holding) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, h.path) {
		h.once.Do(func() {
			close(h.held)
			<-h.release
		})
	}
	return h.next.RoundTrip(r)
}

// failing loses the requests of one operation of Secrets Manager.
type failing struct {
	next   http.RoundTripper
	target string
}

func (f *failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Amz-Target") == f.target {
		return nil, errors.New("lost")
	}
	return f.next.RoundTrip(r)
}
