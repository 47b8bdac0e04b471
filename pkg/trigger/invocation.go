package trigger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// invocationRequest is the input of a direct invocation; every member may be
// left out. Its output is a page of users as Graph writes it.
type invocationRequest struct {
	Select    []string `json:"select"`
	Top       int      `json:"top"`
	SkipToken string   `json:"skiptoken"`
}

// errorHeader is where the handler puts the public name of an error.
const errorHeader = "Rollcall-Error"

// serveInvocation answers a direct invocation. The caller was verified by IAM.
func (l *Lambda) serveInvocation(ctx context.Context, event []byte) (any, error) {
	query, err := invocationQuery(event)
	if err != nil {
		return nil, fail("Request.Invalid", err.Error())
	}
	r := (&http.Request{
		Method: http.MethodGet,
		URL:    &url.URL{Path: "/users", RawQuery: query.Encode()},
		Header: http.Header{},
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	w := newRecorder()
	l.Handler.ServeHTTP(w, r)
	if w.status != http.StatusOK {
		return nil, fail(w.header.Get(errorHeader), envelopeMessage(w.body.Bytes()))
	}
	if w.body.Len() > maxResponse {
		return nil, fail("Response.TooLarge", "the page is larger than the 6 MB that Lambda returns; ask for fewer users with top, or for fewer columns with select")
	}
	return json.RawMessage(w.body.Bytes()), nil
}

func invocationQuery(event []byte) (url.Values, error) {
	var in invocationRequest
	d := json.NewDecoder(bytes.NewReader(event))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return nil, fmt.Errorf("the event is neither an HTTP API event nor a request with select, top and skiptoken: %s", problem(err))
	}
	q := url.Values{}
	if len(in.Select) > 0 {
		q.Set("$select", strings.Join(in.Select, ","))
	}
	if in.Top != 0 {
		q.Set("$top", strconv.Itoa(in.Top))
	}
	if in.SkipToken != "" {
		q.Set("$skiptoken", in.SkipToken)
	}
	return q, nil
}

// problem names what is wrong with an event without quoting values of it.
func problem(err error) string {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "json: unknown field "); ok {
		return "it has an unknown member " + name
	}
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) && typed.Field != "" {
		return "its member " + typed.Field + " is of the wrong type"
	}
	return "it is not a JSON object"
}

// envelopeMessage is the message in an error envelope.
func envelopeMessage(body []byte) string {
	var envelope struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &envelope) != nil || envelope.Error.Message == "" {
		return "the request failed"
	}
	return envelope.Error.Message
}
