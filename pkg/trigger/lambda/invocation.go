package lambda

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
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

// receiveInvocation reads a direct invocation. IAM has verified the caller, but
// does not name it.
func receiveInvocation(event []byte) (*request, error) {
	query, err := invocationQuery(event)
	if err != nil {
		return nil, failure.InvalidRequest(err.Error())
	}
	u := &url.URL{Path: "/users", RawQuery: query.Encode()}
	limit := buffered()
	limit.Advice = "ask for fewer users with top, or for fewer columns with select"
	return &request{
		Exchange: trigger.Exchange{
			Request: trigger.NewRequest(http.MethodGet, "", u, http.Header{}, "", false),
			Caller:  func(context.Context) (string, error) { return "", nil },
			Limit:   limit,
			Raw:     true,
		},
		answer: invocationResult,
	}, nil
}

// invocationResult is the page, or the failure under its public name.
func invocationResult(r *trigger.Response) (any, error) {
	if r.Status == http.StatusOK {
		return json.RawMessage(r.Body), nil
	}
	var envelope failure.Envelope
	if json.Unmarshal(r.Body, &envelope) != nil || envelope.Error.Message == "" {
		envelope.Error.Message = "the request failed"
	}
	return nil, messages.InvokeResponse_Error{Type: cmp.Or(r.Header.Get(header.Error), failure.Internal), Message: envelope.Error.Message}
}

func invocationQuery(event []byte) (url.Values, error) {
	var in invocationRequest
	if err := trigger.Decode(event, &in); err != nil {
		return nil, fmt.Errorf("the event is neither an HTTP event nor a request with select, filter, search, orderby, top and skiptoken: %w", err)
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
