package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// answer is what a function answers, in the words of every trigger; each uses
// some of them.
type answer struct {
	StatusCode        int                 `json:"statusCode"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Cookies           []string            `json:"cookies"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

func (a *answer) writeHead(w http.ResponseWriter) {
	h := w.Header()
	for name, value := range a.Headers {
		h.Set(name, value)
	}
	for name, values := range a.MultiValueHeaders {
		for _, value := range values {
			h.Add(name, value)
		}
	}
	for _, cookie := range a.Cookies {
		h.Add("Set-Cookie", cookie)
	}
	h.Del("Content-Length") // each trigger sets its own
	w.WriteHeader(a.StatusCode)
}

// whole sends an answer that came in one piece.
func (g *Server) whole(w http.ResponseWriter, payload []byte) {
	var a answer
	if err := json.Unmarshal(payload, &a); err != nil || a.StatusCode == 0 {
		failed(w, "the answer is not one that a "+g.kind.Name+" understands")
		return
	}
	body := []byte(a.Body)
	if a.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			failed(w, "the body is not base64")
			return
		}
	}
	if len(payload) > g.kind.Largest {
		failed(w, "the answer is larger than a "+g.kind.Name+" takes")
		return
	}
	a.writeHead(w)
	_, _ = w.Write(body)
}

// stream sends an answer that comes bit by bit: a head in JSON, eight zero
// bytes, the body.
type stream struct {
	w       http.ResponseWriter
	head    bytes.Buffer
	started bool
}

// Write takes what the function sends, and fails when the caller has gone.
func (s *stream) Write(p []byte) (int, error) {
	n := len(p)
	if !s.started {
		_, _ = s.head.Write(p)
		head, body, ok := strings.Cut(s.head.String(), "\x00\x00\x00\x00\x00\x00\x00\x00")
		if !ok {
			return n, nil
		}
		var a answer
		if err := json.Unmarshal([]byte(head), &a); err != nil {
			return 0, err
		}
		s.started = true
		a.writeHead(s.w)
		p = []byte(body)
	}
	if _, err := s.w.Write(p); err != nil {
		return 0, err
	}
	return n, http.NewResponseController(s.w).Flush()
}
