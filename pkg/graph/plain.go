package graph

import (
	"context"
	"errors"
	"net/http"
	"sync"
)

// list is the request for the first page of q. Where Graph refuses its plain form,
// the advanced one follows.
func (c *Client) list(q Query) request {
	plain := request{url: c.url(usersPath, q.encode()), eventual: q.advanced()}
	if plain.eventual || q.Expand != "" || q.Filter == "" && q.OrderBy == "" {
		return plain
	}
	q.Advanced = true
	advanced := request{url: c.url(usersPath, q.encode()), eventual: true, key: q.Filter + "\x00" + q.OrderBy}
	if c.refused.has(advanced.key) {
		return advanced
	}
	plain.advanced = &advanced
	return plain
}

// escalate turns a plain query that Graph has refused with err into its advanced form,
// and reports whether there is one.
func (c *call) escalate(ctx context.Context, err error) bool {
	var answer *Error
	if c.request.advanced == nil || !errors.As(err, &answer) || answer.Status != http.StatusBadRequest {
		return false
	}
	c.client.log.InfoContext(ctx, "Graph refuses the plain query; sending it as an advanced one", "error", err)
	c.request = *c.request.advanced
	return true
}

// refusals remembers the filters and orders that Graph answers in advanced queries only.
type refusals struct {
	mu   sync.Mutex
	keys map[string]bool
}

// maxRemembered bounds what is remembered, since callers may send ever new filters.
const maxRemembered = 256

func (r *refusals) has(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys[key]
}

func (r *refusals) add(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys == nil || len(r.keys) >= maxRemembered {
		r.keys = map[string]bool{}
	}
	r.keys[key] = true
}
