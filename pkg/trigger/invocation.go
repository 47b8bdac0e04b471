package trigger

import (
	"bytes"
	"cmp"
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
// left out. They are Graph's options of the same names. Its output is a page of
// users as Graph writes it.
type invocationRequest struct {
	Select    []string `json:"select"`
	Filter    string   `json:"filter"`
	Search    string   `json:"search"`
	OrderBy   string   `json:"orderby"`
	Top       int      `json:"top"`
	SkipToken string   `json:"skiptoken"`
}

// receiveInvocation takes a direct invocation. IAM has verified the caller, but
// tells no name.
func receiveInvocation(event []byte) (*exchange, error) {
	query, err := invocationQuery(event)
	if err != nil {
		return nil, fail("Request.Invalid", err.Error())
	}
	u := &url.URL{Path: "/users", RawQuery: query.Encode()}
	return &exchange{
		request: newRequest(http.MethodGet, "", u, http.Header{}),
		caller:  func(context.Context) (string, error) { return "", nil },
		limit:   maxResponse,
		advice:  "ask for fewer users with top, or for fewer columns with select",
		bare:    true,
		answer:  invocationResult,
	}, nil
}

// invocationResult is the page, or the failure under its public name.
func invocationResult(w *recorder) (any, error) {
	if w.status != http.StatusOK {
		return nil, fail(cmp.Or(w.header.Get(errorHeader), "Internal.Error"), envelopeMessage(w.body.Bytes()))
	}
	return json.RawMessage(w.body.Bytes()), nil
}

func invocationQuery(event []byte) (url.Values, error) {
	var in invocationRequest
	d := json.NewDecoder(bytes.NewReader(event))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return nil, fmt.Errorf("the event is neither an HTTP event nor a request with select, filter, search, orderby, top and skiptoken: %s", problem(err))
	}
	q := url.Values{}
	for name, value := range map[string]string{
		"$select": strings.Join(in.Select, ","), "$filter": in.Filter, "$search": in.Search,
		"$orderby": in.OrderBy, "$skiptoken": in.SkipToken,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if in.Top != 0 {
		q.Set("$top", strconv.Itoa(in.Top))
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
