package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/signature"
)

// hook is what the body of a hook says.
type hook struct {
	// Job is snapshot or changes.
	Job string
	// Tenant is the GUID of a tenant of the tenants file, in lower case; "" for none.
	Tenant string
}

// parseHook reads a body. It names a job, perhaps a tenant, and nothing else: what the
// job does is configured where it runs.
func parseHook(text []byte) (in hook, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(text)) // which takes no member twice
	err = members(d, func(name string) error {
		value := map[string]*string{"job": &in.Job, "tenant": &in.Tenant}[name]
		if value == nil || d.PeekKind() != '"' {
			return errHook
		}
		token, err := d.ReadToken()
		if err == nil {
			*value = token.String()
		}
		if name == "tenant" && !guid.Valid(*value) {
			return errHook
		}
		return err
	})
	if err != nil || in.Job != "snapshot" && in.Job != "changes" {
		return hook{}, errHook
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return hook{}, errHook
	}
	in.Tenant = strings.ToLower(in.Tenant)
	return in, nil
}

var errHook = invalid(`the body is not {"job":"snapshot"} or {"job":"changes"}, with the GUID of a tenant as "tenant" at most`)

// run starts a job that a signed hook names. A hook that comes again within the time in
// which its signature holds starts nothing: the queue and the state machine remember its
// id for longer than that.
func (h *Webhook) run(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	text, err := body(w, r)
	if err != nil {
		return err
	}
	id, why, keys := "", error(nil), 0
	_, err = h.trusted(ctx, func(s *secret.Webhook) bool {
		keys = len(s.HookKeys)
		id, why = signature.Verify(s.HookKeys, r.Header, text, time.Now())
		return !errors.Is(why, signature.ErrNoMatch) // another secret mends no other error
	})
	switch {
	case err != nil:
		return err
	case keys == 0:
		// For whoever operates this; nobody else need know.
		h.Log.WarnContext(ctx, "no hook is taken: the secret of ROLLCALL_WEBHOOK_SECRET has no HookKey; add one")
		return unauthorized(signature.ErrNoMatch.Error())
	case why != nil:
		return unauthorized(why.Error())
	}
	in, err := parseHook(text)
	if err != nil {
		return err
	}
	if err := h.start(r, in, "hook-"+digest(id)); err != nil {
		return err
	}
	h.Log.InfoContext(ctx, "job started by a hook", "job", in.Job)
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// start starts a job. The id is a name of its own for each hook.
func (h *Webhook) start(r *http.Request, in hook, id string) error {
	to := h.Changes
	if in.Job == "snapshot" {
		to = h.Snapshots
	}
	if to == nil {
		return invalid("no snapshot can be started here; ROLLCALL_STATE_MACHINE names the state machine that does it")
	}
	return send(r.Context(), to, []bus.Entry{message{Tenant: in.Tenant}.entry(id)}, func(bus.Entry) {})
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}
