// Package rotation replaces the client secret of an app in the steps of AWS Secrets
// Manager's rotation functions: a new one is made, tried until Entra ID takes it
// everywhere, and then the current one; the one that was replaced a rotation ago is
// removed. At each moment both the current secret and the one before it can be used, so
// whoever reads with them notices nothing.
//
// Each step may be killed at any moment and done again, and two of the same may run at
// once. What is known in between is in the staging labels of Secrets Manager and in the
// names of the client secrets, and nowhere else.
//
// The package knows Secrets Manager by the interface [Store]; rotation/aws is what calls it.
package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// Config is what a Rotator works with. All of it is required.
type Config struct {
	// Store keeps the secret.
	Store Store
	// App changes the registration of the app whose client secret it is.
	App App
	// SignIn returns a session as that app, with the client secret in one version of the
	// secret with that ARN. It makes no request.
	SignIn func(arn, version string) (Session, error)
	// Secret is the ARN of the only secret that is rotated, "" for any.
	Secret string
	// Lifetime is how long new client secrets live.
	Lifetime time.Duration
	// Reading says how the secret is understood: for which cloud and login host.
	Reading credential.Config
	// Log gets what was done, without any of it that is secret.
	Log *slog.Logger
}

// Store is Secrets Manager. A secret is named by its ARN.
type Store interface {
	// Describe says which versions there are.
	Describe(ctx context.Context, arn string) (Versions, error)
	// Read reads the value of a version; [ErrNoValue] if it has none.
	Read(ctx context.Context, arn, version string) (Value, error)
	// Write gives the version that is AWSPENDING its value; [ErrOtherValue] if it has another
	// one already.
	Write(ctx context.Context, arn, version string, value Value, rotationToken secret.Text) error
	// Move moves a staging label to a version, from the one that has it, "" if none has;
	// [ErrMoved] if another one has it.
	Move(ctx context.Context, arn, label, from, to string) error
}

// What a [Store] says that is no failure.
var (
	ErrNoValue    = errors.New("the version has no value")
	ErrOtherValue = errors.New("the version has another value already")
	ErrMoved      = errors.New("the label is at another version")
)

// Value is the value of a version.
type Value struct {
	Text secret.Text
	// Binary says that it is stored as bytes, as the CLI's --secret-binary does.
	Binary bool
}

// App changes the registration of an app, named by its client id. A [graph.Client] is one.
type App interface {
	Passwords(ctx context.Context, appID string) ([]graph.Password, error)
	AddPassword(ctx context.Context, appID, name string, until time.Time) (graph.Password, string, error)
	RemovePassword(ctx context.Context, appID, keyID string) error
}

// Session signs in as the app.
type Session interface {
	// SignIn buys a token, each time anew. steady is false if Entra ID refused the client
	// secret before it took it.
	SignIn(ctx context.Context) (steady bool, err error)
	// Read reads a user with the last token.
	Read(ctx context.Context) error
}

// Rotator rotates secrets. It is safe for concurrent use.
type Rotator struct{ Config }

// New returns a Rotator. It makes no request.
func New(cfg Config) *Rotator { return &Rotator{cfg} }

// Error says that a rotation cannot go on as things are.
type Error struct {
	// Problem says how they are, Advice what to do.
	Problem, Advice string
}

// Name returns the public name, State.Invalid.
func (e *Error) Name() string { return "State.Invalid" }

// Error returns the problem and the advice.
func (e *Error) Error() string { return e.Problem + "; " + e.Advice }

// Result says what a step did.
type Result struct {
	Step string `json:"step"`
	Did  string `json:"did"`
}

const nothing = "nothing"

// Rotate does the step that an event of Secrets Manager asks for. An event of another kind,
// and one for another secret than the configured one, is a Request.Invalid; a secret that
// is not being rotated to the version of the event is an [Error]. Other errors are those of
// the Store, of Graph and of credentials. None of them has anything secret in it.
func (r *Rotator) Rotate(ctx context.Context, event json.RawMessage) (*Result, error) {
	e, err := Decode(event)
	if err != nil {
		return nil, err
	}
	if !e.isFor(r.Secret) {
		return nil, failure.InvalidRequest("the event is for another secret than the one that this function rotates (ROLLCALL_ROTATED_SECRET)")
	}
	versions, err := r.Store.Describe(ctx, e.Secret)
	if err != nil {
		return nil, err
	}
	if err := versions.expect(e.Version); err != nil {
		return nil, err
	}
	did, err := r.do(ctx, e, versions)
	if err != nil {
		return nil, err
	}
	r.Log.InfoContext(ctx, "a step of the rotation is done", "step", e.Step, "did", did, "arn", e.Secret, "version", e.Version)
	return &Result{e.Step, did}, nil
}

func (r *Rotator) do(ctx context.Context, e Event, versions Versions) (did string, err error) {
	switch {
	case e.Step == Finish:
		return r.finish(ctx, e, versions)
	case versions.has(e.Version, current):
		return nothing, nil // the rotation is finished
	case e.Step == Create:
		return r.create(ctx, e, versions)
	case e.Step == Test:
		return r.test(ctx, e)
	}
	return nothing, nil // Entra ID knows the client secret since it was made
}
