package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

func TestABodyThatNeverComesHoldsNoConnection(t *testing.T) {
	base := serving(t, "--demo-users", "5")
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	// A guard against waiting for ever, not a measure: the server gives up after a second.
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) || !bytes.Contains(answer, []byte("400 Bad Request")) {
		t.Errorf("%v: %q", err, answer)
	}
}

func TestAPageOfAnotherSiteMayNotAsk(t *testing.T) {
	base := serving(t, "--demo-users", "5")
	for site, want := range map[string]int{"": 200, "none": 200, "same-origin": 200, "same-site": 403, "cross-site": 403} {
		if status, body := ask(t, http.DefaultClient, base+"/users", "Sec-Fetch-Site", site); status != want {
			t.Errorf("%q: %d %s", site, status, body)
		}
	}
}
