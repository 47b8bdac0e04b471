package page

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/rollcall-dev/rollcall/pkg/failure"
)

// checkView is the outcome of reading a whole list.
type checkView struct {
	Prefix   string
	People   string
	Verified bool
	Filter   string
	Search   string
	List     string // leads back to it
	Again    string
}

// check reads the whole list and says whether it is complete.
func (p *Page) check(w http.ResponseWriter, r *http.Request) {
	q := parseQuery(r.URL)
	whole := q.without(formatOption).with(formatOption, "ndjson").with(selectOption, "id")
	last := &lastLine{answer: answer{header: http.Header{}}}
	p.have(last, subrequest(r, "/users", whole))
	if failed := last.problem(); failed != nil {
		p.fail(w, r, failed)
		return
	}
	var closing struct {
		Complete *bool `json:"@rollcall.complete"`
		Verified bool  `json:"@rollcall.verified"`
		Count    int   `json:"@odata.count"`
		Error    struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	switch err := json.Unmarshal(last.line, &closing); {
	case err != nil || closing.Complete == nil:
		p.fail(w, r, unreadable())
	case !*closing.Complete:
		f := failure.Of(&failure.Named{Public: closing.Error.Code, Text: closing.Error.Message})
		p.fail(w, r, &problem{Status: f.Status, Name: f.Name, Code: f.Name, Message: f.Message, RequestID: w.Header().Get("Request-Id")})
	default:
		p.show(w, r, http.StatusOK, "check", "Whether the list is complete", checkView{
			Prefix: prefix(r), People: people(closing.Count), Verified: closing.Verified,
			Filter: q.get(filterOption), Search: q.get(searchOption),
			List: link(prefix(r), "/users", q), Again: link(prefix(r), "/check", q),
		})
	}
}

// longestLine is the longest closing record.
const longestLine = 64 << 10

// lastLine keeps of a stream of lines the last one, or a failure's whole body.
type lastLine struct {
	answer
	line []byte
	long bool // the line is longer than any closing record, and not kept
}

// Write takes some of the stream.
func (l *lastLine) Write(p []byte) (int, error) {
	l.WriteHeader(http.StatusOK)
	if l.status >= http.StatusBadRequest {
		return l.answer.Write(p)
	}
	for line := range bytes.Lines(p) {
		if bytes.HasSuffix(l.line, []byte("\n")) {
			l.line, l.long = l.line[:0], false
		}
		if l.long = l.long || len(l.line)+len(line) > longestLine; l.long {
			l.line = l.line[:0]
			if line[len(line)-1] != '\n' {
				continue
			}
			line = []byte("\n")
		}
		l.line = append(l.line, line...)
	}
	return len(p), nil
}

// Flush does nothing: nobody waits for the lines.
func (l *lastLine) Flush() {}
