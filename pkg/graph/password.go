package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

const (
	// maxPasswords is how many client secrets of a registration are read at most. A
	// registration can hold some hundreds.
	maxPasswords = 2000
	// maxPasswordText is how long a member of one may be, in bytes; a value has 64 at most.
	maxPasswordText = 4 << 10
)

// Password is a client secret of an app registration, without its value: what Graph calls
// a passwordCredential.
type Password struct {
	// KeyID is its GUID in lower case.
	KeyID string
	// Name is its displayName, "" for none.
	Name string
	// Hint is the beginning of its value, three characters, "" where Graph does not tell.
	Hint string
	// StartsAt and EndsAt bound its life, zero where Graph does not tell.
	StartsAt, EndsAt time.Time
}

// Passwords lists the client secrets of the registration of an app, which is named by its
// client id. Graph's reads may lag behind what was written a moment ago. The error is a
// [PasswordError], an [Error], or the cause of ctx.
func (c *Client) Passwords(ctx context.Context, appID string) (all []Password, err error) {
	at, err := c.application(appID, "")
	if err != nil {
		return nil, err
	}
	at.RawQuery = "$select=id,passwordCredentials"
	err = c.read(ctx, request{url: at}, new(Stats), func(body []byte) (err error) {
		all, err = parsePasswords(body)
		return err
	})
	return all, refusedPassword(err)
}

// AddPassword adds a client secret that ends at until to the registration of an app, under
// a name, and returns it with its value, which Graph shows this once. A request that may
// have been carried out although no answer came is not repeated: the error is then that of
// the missing answer, and there may be a secret whose value nobody knows. The error is as
// for [Client.Passwords].
func (c *Client) AddPassword(ctx context.Context, appID, name string, until time.Time) (made Password, value string, err error) {
	at, err := c.application(appID, "/addPassword")
	if err != nil {
		return Password{}, "", err
	}
	type credential struct {
		Name string    `json:"displayName"`
		End  time.Time `json:"endDateTime"`
	}
	body, err := json.Marshal(map[string]credential{"passwordCredential": {name, inSeconds(until)}})
	if err != nil {
		return Password{}, "", err
	}
	r := request{method: http.MethodPost, url: at, body: body, once: true}
	err = c.change(ctx, r, func(body []byte) (err error) {
		made, value, err = parseAddedPassword(body)
		return err
	})
	if err != nil {
		return Password{}, "", refusedPassword(err)
	}
	return made, value, nil
}

// RemovePassword removes the client secret with the key id from the registration of an
// app: from then on it buys no token. One that is not there is no error. The error is as for
// [Client.Passwords].
func (c *Client) RemovePassword(ctx context.Context, appID, keyID string) error {
	at, err := c.application(appID, "/removePassword")
	if err != nil {
		return err
	}
	if !guid.Valid(keyID) {
		return errors.New("graph: the key id of a client secret is a GUID")
	}
	body, err := json.Marshal(map[string]string{"keyId": keyID})
	if err != nil {
		return err
	}
	r := request{method: http.MethodPost, url: at, body: body, accept: http.StatusNoContent}
	loop := retry.Loop{Policy: retry.Policy{Attempts: 4, First: 2 * time.Second, Last: 8 * time.Second}}
	for {
		err := c.change(ctx, r, func([]byte) error { return nil })
		var answer *Error
		if !errors.As(err, &answer) || answer.Code == "" || answer.Status != http.StatusBadRequest && answer.Status != http.StatusNotFound {
			return refusedPassword(err)
		}
		// There is no such secret, or not here yet; no code of its own tells that from a bad
		// request.
		there, listErr := c.Passwords(ctx, appID)
		switch {
		case listErr != nil:
			return listErr
		case !slices.ContainsFunc(there, func(p Password) bool { return p.KeyID == asciiLower(keyID) }):
			return nil
		}
		if err := loop.Again(ctx, err, answer.RetryAfter, nil); err != nil {
			return refusedPassword(err)
		}
	}
}

// application is the address of the registration of an app, with more of a path behind it.
func (c *Client) application(appID, behind string) (*url.URL, error) {
	if !guid.Valid(appID) {
		return nil, errors.New("graph: the client id of an app is a GUID")
	}
	return c.url("/v1.0/applications(appId='"+asciiLower(appID)+"')"+behind, ""), nil
}

// change does a request that changes a registration. Graph takes one change at a time, and
// refuses others with 409 Directory_ConcurrencyViolation: such a request was not carried out.
func (c *Client) change(ctx context.Context, r request, decode func(body []byte) error) error {
	loop := retry.Loop{Policy: c.policy}
	for {
		err := c.read(ctx, r, new(Stats), decode)
		var answer *Error
		if !errors.As(err, &answer) || answer.Status != http.StatusConflict {
			return err
		}
		answer.Tries = loop.Failures() + 1
		if err := loop.Again(ctx, err, answer.RetryAfter, func(wait time.Duration) {
			c.log.InfoContext(ctx, "Graph changes the registration for somebody else; trying again", "error", answer, "wait", wait)
		}); err != nil {
			return err
		}
	}
}

// wirePassword is a client secret as Graph writes it.
type wirePassword struct {
	KeyID  string     `json:"keyId"`
	Name   string     `json:"displayName"`
	Hint   string     `json:"hint"`
	Starts *time.Time `json:"startDateTime"`
	Ends   *time.Time `json:"endDateTime"`
	Value  string     `json:"secretText"`
}

// password checks what was read. It quotes nothing of it.
func (w *wirePassword) password() (Password, error) {
	if !guid.Valid(w.KeyID) {
		return Password{}, errors.New("the response has a client secret whose keyId is not a GUID")
	}
	for _, text := range []string{w.Name, w.Hint, w.Value} {
		if len(text) > maxPasswordText {
			return Password{}, &sizeError{"a member of a client secret", maxPasswordText}
		}
	}
	p := Password{KeyID: asciiLower(w.KeyID), Name: w.Name, Hint: w.Hint}
	if w.Starts != nil {
		p.StartsAt = w.Starts.UTC()
	}
	if w.Ends != nil {
		p.EndsAt = w.Ends.UTC()
	}
	return p, nil
}

func parsePasswords(body []byte) ([]Password, error) {
	var app struct {
		ID        string          `json:"id"`
		Passwords []*wirePassword `json:"passwordCredentials"`
	}
	if !isObject(body) || json.Unmarshal(body, &app) != nil || !guid.Valid(app.ID) || app.Passwords == nil {
		return nil, errors.New("the response is not an app registration with its client secrets")
	}
	if len(app.Passwords) > maxPasswords {
		return nil, fmt.Errorf("the response has more than %d client secrets, which no registration has", maxPasswords)
	}
	all := make([]Password, len(app.Passwords))
	for i, w := range app.Passwords {
		if w == nil {
			return nil, errors.New("the response has a client secret that is null")
		}
		var err error
		if all[i], err = w.password(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// parseAddedPassword reads a client secret with its value.
func parseAddedPassword(body []byte) (Password, string, error) {
	var w wirePassword
	if !isObject(body) || json.Unmarshal(body, &w) != nil {
		return Password{}, "", errors.New("the response is not a client secret")
	}
	p, err := w.password()
	switch {
	case err != nil:
		return Password{}, "", err
	case w.Value == "" || strings.ContainsFunc(w.Value, func(r rune) bool { return r <= ' ' || r > '~' }):
		return Password{}, "", errors.New("the response has a client secret without a value, or with one that Entra ID does not make")
	case p.EndsAt.IsZero():
		return Password{}, "", errors.New("the response has a client secret without an end")
	}
	return p, w.Value, nil
}
