package functionshost

import (
	"bytes"
	"strings"
)

// lines logs what a process writes, line by line. A line on stderr is an error, unless it
// says that it is a warning.
type lines struct {
	worker *worker
	source string
	rest   []byte
}

func (l *lines) Write(p []byte) (int, error) {
	_, _ = l.worker.output.Write(p)
	l.rest = append(l.rest, p...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		l.log(line)
		l.rest = rest
	}
}

func (l *lines) flush() {
	if len(l.rest) > 0 {
		l.log(l.rest)
	}
}

func (l *lines) log(line []byte) {
	text := strings.TrimSuffix(string(line), "\r")
	severity := Information
	if l.source == "stderr" {
		severity = Error
		if strings.Contains(strings.ToLower(text), "warn") {
			severity = Warning
		}
	}
	l.worker.journal.log(severity, l.source, "%s", text)
}
