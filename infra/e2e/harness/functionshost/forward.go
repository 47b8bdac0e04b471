package functionshost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
)

// forward sends a request to the handler as the host rebuilds it, and returns the whole
// response. One that breaks off is an error.
func (r *run) forward(ctx context.Context, in *http.Request) (*answer, error) {
	if len(in.TransferEncoding) > 0 {
		return nil, errors.New("a request with Transfer-Encoding: chunked cannot be forwarded: its body would be lost")
	}
	target := url.URL{Scheme: "http", Host: r.host.worker.address(), RawQuery: rebuiltQuery(in.URL)}
	path := rebuiltPath(in.URL)
	var err error
	if target.Path, err = url.PathUnescape(path); err != nil {
		return nil, err
	}
	target.RawPath = path
	request, err := http.NewRequestWithContext(ctx, in.Method, target.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Host = in.Host
	request.Header = rebuiltHeader(in)
	if in.ContentLength > 0 {
		request.Body, request.ContentLength = io.NopCloser(in.Body), in.ContentLength
	}
	r.sign(request.Header)
	response, err := r.host.client.Do(request) //nolint:gosec // the host of the URL is the handler on loopback
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("the response broke off: %w", err)
	}
	head := response.Header.Clone()
	for _, name := range []string{"Connection", "Keep-Alive", "Transfer-Encoding"} {
		head.Del(name)
	}
	return &answer{status: response.StatusCode, header: head, body: body}, nil
}

// rebuiltHeader is what remains of a request's headers: .NET refuses those that belong to a
// body, and the host sets none of them again but the type and length.
func rebuiltHeader(in *http.Request) http.Header {
	head := in.Header.Clone()
	for _, name := range []string{
		"Allow", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Location", "Content-Md5",
		"Content-Range", "Content-Type", "Expires", "Last-Modified", "Connection",
	} {
		head.Del(name)
	}
	if kind := in.Header.Get("Content-Type"); kind != "" && in.ContentLength > 0 {
		head.Set("Content-Type", kind)
	}
	return head
}

// rebuiltQuery has one value a name, and everything escaped.
func rebuiltQuery(u *url.URL) string {
	var parts []string
	for _, p := range pairs(u) {
		parts = append(parts, strings.ReplaceAll(url.QueryEscape(p.name)+"="+url.QueryEscape(p.value), "+", "%20"))
	}
	return strings.Join(parts, "&")
}

// rebuiltPath is a path that was decoded for display and then read as a URL again: what
// follows an encoded ? or # is lost.
func rebuiltPath(u *url.URL) string {
	path := decoded(u)
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	const kept = "/-._~!$&'()*+,;=:@"
	var escaped strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(kept, c) >= 0,
			c == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]):
			escaped.WriteByte(c)
		default:
			fmt.Fprintf(&escaped, "%%%02X", c)
		}
	}
	return escaped.String()
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

// proxy hands a request on as it is, and the response as it comes. If that breaks off, so
// does the connection of the caller.
func (h *Host) proxy(w http.ResponseWriter, in *http.Request, fn *function) {
	var aborted any
	record := h.invoke(in.Context(), fn, func(ctx context.Context, r *run) (err error) {
		proxy := &httputil.ReverseProxy{
			Transport: h.client.Transport, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0), // the record has it
			Rewrite: func(p *httputil.ProxyRequest) { r.rewrite(p) },
			ModifyResponse: func(response *http.Response) error {
				r.record.Status = response.StatusCode
				return nil
			},
			ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, cause error) { err = cause },
		}
		defer func() {
			if aborted = recover(); aborted != nil {
				err = errBroken
			}
		}()
		proxy.ServeHTTP(w, in.WithContext(ctx))
		return err
	})
	switch {
	case aborted != nil:
		panic(aborted) // http.ErrAbortHandler, by which the server breaks the connection
	case record.Err != nil:
		w.WriteHeader(record.Status)
	}
}

// rewrite leads a request to the handler and leaves it as it is, with the invocation's id.
func (r *run) rewrite(p *httputil.ProxyRequest) {
	p.Out.URL.Scheme, p.Out.URL.Host, p.Out.URL.RawQuery = "http", r.host.worker.address(), p.In.URL.RawQuery
	p.Out.Host = p.In.Host
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values := p.In.Header.Values(name); values != nil {
			p.Out.Header[name] = slices.Clone(values)
		}
	}
	if p.Out.Header.Get("X-Ms-Invocation-Id") == "" { // a caller's own is kept
		p.Out.Header.Set("X-Ms-Invocation-Id", r.record.ID)
	}
}
