package webhook

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/guid"
)

// notification is what counts of one entry of a body. What has changed is not asked:
// the change feed finds that out.
type notification struct {
	ClientState    string
	TenantID       string // a GUID in lower case
	LifecycleEvent string
}

var errNotifications = invalid(`the body is not notifications of Microsoft Graph, {"value":[...]}`)

// decode reads the entries of a body, and counts those that are not as Graph writes them.
// It takes any other member for what it is: Graph has sent sequenceNumber as a text and
// as a number.
func decode(body []byte) (entries []notification, others int, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	found := false
	err = members(d, func(name string) error {
		switch {
		case name != "value":
			return d.SkipValue()
		case found: // twice: nobody could say which one counts
			return errNotifications
		}
		found = true
		entries, others, err = decodeEntries(d)
		return err
	})
	if err != nil || !found {
		return nil, 0, errNotifications
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, 0, errNotifications
	}
	return entries, others, nil
}

func decodeEntries(d *jsontext.Decoder) (entries []notification, others int, err error) {
	if token, err := d.ReadToken(); err != nil || token.Kind() != '[' {
		return nil, 0, errNotifications
	}
	for d.PeekKind() != ']' {
		if d.PeekKind() != '{' {
			if err := d.SkipValue(); err != nil {
				return nil, 0, err
			}
			others++
			continue
		}
		n, err := decodeEntry(d)
		if err != nil {
			return nil, 0, err
		}
		if n.TenantID == "" || n.ClientState == "" {
			others++
			continue
		}
		entries = append(entries, n)
	}
	_, err = d.ReadToken()
	return entries, others, err
}

// decodeEntry reads an entry. One that is not as Graph writes it has no tenant.
func decodeEntry(d *jsontext.Decoder) (n notification, err error) {
	odd := false
	err = members(d, func(name string) error {
		var text *string
		switch name {
		case "clientState":
			text = &n.ClientState
		case "tenantId":
			text = &n.TenantID
		case "lifecycleEvent":
			text = &n.LifecycleEvent
		default:
			return d.SkipValue()
		}
		switch kind := d.PeekKind(); {
		case kind == 'n':
			return d.SkipValue()
		case kind != '"' || *text != "":
			odd = true
			return d.SkipValue()
		}
		token, err := d.ReadToken()
		if err == nil {
			*text = token.String()
		}
		return err
	})
	n.TenantID = strings.ToLower(n.TenantID)
	if odd || !guid.Valid(n.TenantID) {
		n.TenantID = ""
	}
	return n, err
}

// members reads an object: take reads the value of each member.
func members(d *jsontext.Decoder, take func(name string) error) error {
	if token, err := d.ReadToken(); err != nil || token.Kind() != '{' {
		return errNotifications
	}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := take(token.String()); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}
