package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/signature"
)

// hook is what the body of a hook says.
type hook struct {
	// Job is snapshot or changes.
	Job string `json:"job"`
	// Tenant is the GUID of a tenant of the tenants file.
	Tenant string `json:"tenant,omitempty"`
}

// parseHook reads a body. It names a job, perhaps a tenant, and nothing else: what the
// job does is configured where it runs.
func parseHook(text []byte) (hook, error) {
	var in hook
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return in, errHook
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return in, errHook
	}
	if in.Job != "snapshot" && in.Job != "changes" || in.Tenant != "" && !isGUID(in.Tenant) {
		return in, errHook
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
	id, why := "", error(nil)
	_, err = h.trusted(ctx, func(s *secret.Webhook) bool {
		if len(s.HookKeys) == 0 {
			h.Log.WarnContext(ctx, "no hook is taken: the secret of ROLLCALL_WEBHOOK_SECRET has no HookKey")
		}
		id, why = signature.Verify(s.HookKeys, r.Header, text, time.Now())
		return !errors.Is(why, signature.ErrNoMatch) // another secret mends no other error
	})
	switch {
	case err != nil:
		return err
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
	entry := message{Tenant: in.Tenant}.entry(id)
	if in.Job == "changes" {
		return send(r.Context(), h.Changes, []bus.Entry{entry})
	}
	if h.Snapshots == nil {
		return invalid("no snapshot can be started here; ROLLCALL_STATE_MACHINE names the state machine that does it")
	}
	return send(r.Context(), h.Snapshots, []bus.Entry{entry})
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}
