package api

import "net/http"

// observer records the status of a response, for the log and to know whether an
// error can still be answered with a status of its own.
type observer struct {
	http.ResponseWriter
	code int
}

// WriteHeader records the status; the first one counts.
func (o *observer) WriteHeader(status int) {
	if o.code == 0 {
		o.code = status
		o.ResponseWriter.WriteHeader(status)
	}
}

// Write records a success, unless there is a status already.
func (o *observer) Write(p []byte) (int, error) {
	o.WriteHeader(http.StatusOK)
	return o.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the writer below.
func (o *observer) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func (o *observer) started() bool { return o.code != 0 }

func (o *observer) status() int {
	if o.code == 0 {
		return http.StatusOK
	}
	return o.code
}
