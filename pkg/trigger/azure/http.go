package azure

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// HTTP answers the requests of a function with an http.Handler: as the callers sent them,
// and streaming, where the host passes them on so (enableProxyingHttpRequest in host.json),
// and whole in an envelope where it does not.
type HTTP struct {
	// Handler, AllowAnonymous, Log and Meter are those of a [trigger.Server].
	Handler        http.Handler
	AllowAnonymous bool
	Log            *slog.Logger
	Meter          *trigger.Meter
	// Mount is the part of the path behind the prefix of routes that Handler does not know,
	// such as "webhook", "" for none. A function with one has outputs for queues as well
	// (see [Put]), and always gets envelopes.
	Mount string
	// Output is the binding of the answer.
	Output string
	// Roles are what a caller whom App Service has signed in must have one of; none asks
	// for no role.
	Roles []string
}

// frontEnd is how long the front end of App Service waits for the first byte of an answer.
const frontEnd = 230 * time.Second

// request is the data of an HTTP trigger.
type request struct {
	URL     string `json:"Url"`
	Method  string
	Headers map[string]json.RawMessage
	Body    json.RawMessage
}

func (f *HTTP) server() *trigger.Server {
	return &trigger.Server{Handler: f.Handler, AllowAnonymous: f.AllowAnonymous, Log: f.Log, Meter: f.Meter}
}

// invoke answers a request in an envelope. Messages for queues go out only with an answer
// that says that all is well.
func (f *HTTP) invoke(ctx context.Context, h *host, in *invocation) (*reply, error) {
	x, err := f.receive(h, in)
	if err != nil {
		f.Log.ErrorContext(ctx, "the invocation was refused", "error", err)
		return nil, err
	}
	ctx, out := withOutbox(ctx)
	response, err := f.server().Buffered(ctx, x)
	if err != nil {
		return nil, err
	}
	body, _ := response.Text() // never base64: nothing is compressed here
	headers := make(map[string]string, len(response.Header))
	for name, values := range response.Header {
		headers[name] = strings.Join(values, ", ")
	}
	// The host reads the status as text.
	outputs := map[string]any{f.Output: map[string]any{"statusCode": strconv.Itoa(response.Status), "headers": headers, "body": body}}
	if response.Status < http.StatusMultipleChoices {
		out.addTo(outputs)
	}
	return &reply{Outputs: outputs}, nil
}

// receive makes a request of an envelope.
func (f *HTTP) receive(h *host, in *invocation) (*trigger.Exchange, error) {
	var data request
	if json.Unmarshal(in.data(), &data) != nil || data.Method == "" {
		return nil, failure.InvalidRequest("the invocation is not one of an HTTP trigger")
	}
	u, err := url.Parse(data.URL)
	if err != nil {
		// The host has made it of a request, so that the request is odd and not the invocation.
		u = &url.URL{Path: "/"}
	}
	headers := headersOf(data.Headers)
	r := trigger.NewRequest(data.Method, u.Host, &url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}, headers, bodyOf(data.Body), isBinary(headers))
	x := f.exchange(h, r, in.keyed)
	if err != nil {
		x.Problem = "the address is not properly escaped"
	}
	x.PlainHTTP = h.plain(headers, u.Scheme)
	x.Limit = trigger.Limit{
		Bytes: 6 << 20, Name: "6 MB",
		Advice: "ask for fewer users with $top, for fewer columns with $select, or let host.json pass requests on as they are (enableProxyingHttpRequest)",
	}
	x.Timeout, x.Began = frontEnd, time.Now()
	return x, nil
}

// forward answers a request that the host has passed on.
func (f *HTTP) forward(h *host, w http.ResponseWriter, r *http.Request, keyed bool) {
	x := f.exchange(h, r, keyed)
	x.PlainHTTP = h.plain(r.Header, "")
	x.Compressed = true
	f.server().Serve(r.Context(), w, x)
}

// exchange makes an exchange of a request, less what is the host's: the prefix of the path,
// the key, and what App Service says of the caller.
func (f *HTTP) exchange(h *host, r *http.Request, keyed bool) *trigger.Exchange {
	prefix := "/" + h.RoutePrefix
	if f.Mount != "" {
		prefix += "/" + f.Mount
	}
	x := &trigger.Exchange{Request: r, Prefix: prefix}
	u := *r.URL
	r.URL = &u
	var ok bool
	if u.Path, ok = strings.CutPrefix(u.Path, prefix); !ok || !strings.HasPrefix(u.Path, "/") {
		x.Problem, u.Path = "the address is not one of this function", "/"
	}
	u.RawPath = strings.TrimPrefix(u.RawPath, prefix)
	u.RawQuery = withoutKey(u.RawQuery)
	r.Host = h.name(r)
	principal := takePrincipal(r.Header)
	r.Header.Del(keyHeader)
	x.Caller = func(context.Context) (string, error) { return f.caller(h, principal, keyed) }
	return x
}

// name returns the host name by which the caller came, for links. Where the request has the
// name of the handler itself, as the host's own client may put it, it is the app's.
func (h *host) name(r *http.Request) string {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil || port != strconv.Itoa(int(h.settings.Port)) {
		return r.Host
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return r.Host
	}
	if names := r.Header.Values("X-Forwarded-Host"); len(names) == 1 && names[0] != "" {
		return names[0]
	}
	if h.settings.Hostname != "" {
		return h.settings.Hostname
	}
	return r.Host
}

// plain reports whether the caller came without TLS. The front end, where TLS ends, says so;
// on a machine without one the scheme does.
func (h *host) plain(headers http.Header, scheme string) bool {
	if proto := headers.Get(header.Proto); proto != "" {
		return proto == "http"
	}
	local := h.settings.Hostname == "" || strings.HasPrefix(h.settings.Hostname, "localhost")
	return local && scheme != "https"
}

// headersOf reads the headers of a request, each of which is a list; a single text counts
// as one.
func headersOf(sent map[string]json.RawMessage) http.Header {
	headers := make(http.Header, len(sent))
	for name, value := range sent {
		var many []string
		if json.Unmarshal(value, &many) != nil {
			var one string
			if json.Unmarshal(value, &one) != nil {
				continue
			}
			many = []string{one}
		}
		for _, text := range many {
			headers.Add(name, text)
		}
	}
	return headers
}

// bodyOf returns the body, which is a text.
func bodyOf(sent json.RawMessage) string {
	var text string
	switch {
	case len(sent) == 0 || string(sent) == "null":
		return ""
	case json.Unmarshal(sent, &text) == nil:
		return text
	}
	return string(sent)
}

// isBinary reports whether the host encodes the body of a request in base64.
func isBinary(headers http.Header) bool {
	kind, _, err := mime.ParseMediaType(headers.Get("Content-Type"))
	return err == nil && (kind == "application/octet-stream" || strings.HasPrefix(kind, "multipart/"))
}

// withoutKey takes the key out of a query: it is a secret, and no option of the API.
func withoutKey(query string) string {
	options := slices.DeleteFunc(strings.Split(query, "&"), func(option string) bool {
		name, _, _ := strings.Cut(option, "=")
		name, err := url.QueryUnescape(name)
		return err == nil && strings.EqualFold(name, "code")
	})
	return strings.Join(options, "&")
}

var errNoCaller = errors.New("the request carries no verified caller; send the key of the function as x-functions-key, or a token where App Service authentication is enabled")
