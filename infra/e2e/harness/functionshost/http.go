package functionshost

import (
	"context"
	"encoding/base64"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// serve answers a request from outside.
func (h *Host) serve(w http.ResponseWriter, r *http.Request) {
	if !h.cfg.Authentication.authenticate(r) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	fn, params := h.app.route(r)
	switch {
	case fn == nil || fn.disabled:
		w.WriteHeader(http.StatusNotFound)
	case !fn.authorized(level(r)):
		w.WriteHeader(http.StatusUnauthorized)
	case fn.plainHTTP() && h.app.mode == proxied:
		h.proxy(w, r, fn)
	case fn.plainHTTP() && h.app.mode == forwarded:
		h.respond(w, r, fn, func(ctx context.Context, run *run) (*answer, error) { return run.forward(ctx, r) })
	default:
		h.respond(w, r, fn, func(ctx context.Context, run *run) (*answer, error) {
			value, err := h.requestValue(r, params)
			if err != nil {
				return nil, err
			}
			metadata, err := requestMetadata(r, params)
			if err != nil {
				return nil, err
			}
			return run.envelope(ctx, map[string]any{fn.trigger.Name: value}, metadata)
		})
	}
}

// respond answers with the whole response of a function, or with 500, or with 503 if the
// host is down. A caller that goes away does not end the invocation.
func (h *Host) respond(w http.ResponseWriter, r *http.Request, fn *function, call func(context.Context, *run) (*answer, error)) {
	var a *answer
	record := h.invoke(context.WithoutCancel(r.Context()), fn, func(ctx context.Context, run *run) (err error) {
		if a, err = call(ctx, run); err == nil {
			run.record.Status = a.status
		}
		return err
	})
	if record.Err != nil {
		w.WriteHeader(record.Status)
		return
	}
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // not to a caller that has gone, nor with a status without a body
}

// requestValue is a request in an envelope. A body of unknown length is left out, as the host
// does.
func (h *Host) requestValue(r *http.Request, params map[string]any) (any, error) {
	value := map[string]any{
		"Url": "http://" + r.Host + r.URL.EscapedPath() + mark(r.URL.RawQuery), "Method": r.Method, "Query": collapsed(r.URL),
		"Headers": headers(r), "Params": params, "Identities": h.identities(r),
	}
	if r.ContentLength <= 0 {
		return value, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media == "application/octet-stream" || strings.Contains(media, "multipart/") {
		value["Body"] = base64.StdEncoding.EncodeToString(body)
	} else {
		value["Body"] = strings.ToValidUTF8(strings.TrimPrefix(string(body), "\ufeff"), "\ufffd")
	}
	return value, nil
}

func mark(query string) string {
	if query == "" {
		return ""
	}
	return "?" + query
}

// headers are those of a request with Host, which Go keeps elsewhere.
func headers(r *http.Request) http.Header {
	all := r.Header.Clone()
	all.Set("Host", r.Host)
	return all
}

// requestMetadata is the query, the headers and the values of the route.
func requestMetadata(r *http.Request, params map[string]any) (map[string]any, error) {
	joined := map[string]string{}
	for name, values := range headers(r) {
		joined[name] = strings.Join(values, ",")
	}
	metadata := map[string]any{"Query": collapsed(r.URL), "Headers": joined}
	for name, value := range params {
		if value == nil {
			continue
		}
		text, err := doubly(value)
		if err != nil {
			return nil, err
		}
		metadata[name] = text
	}
	return metadata, nil
}

// pair is a parameter of a query.
type pair struct{ name, value string }

// pairs are the parameters of a query in their order, with one value a name: all values of
// it, joined by commas. Names are the same in upper and lower case.
func pairs(u *url.URL) []pair {
	var list []pair
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, value = unescape(name), unescape(value)
		if i := slices.IndexFunc(list, func(p pair) bool { return strings.EqualFold(p.name, name) }); i >= 0 {
			list[i].value += "," + value
			continue
		}
		list = append(list, pair{name, value})
	}
	return list
}

func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

func collapsed(u *url.URL) map[string]string {
	all := map[string]string{}
	for _, p := range pairs(u) {
		all[p.name] = p.value
	}
	return all
}
