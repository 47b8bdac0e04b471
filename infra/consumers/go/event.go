package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"unicode/utf8"
)

// event is what the table needs of a CloudEvent.
type event struct {
	source   string // the tenant
	subject  string // the user's id
	sequence string
	user     []byte // JSON, nil where the user has gone
}

// object keeps the names as they are written: Go's structs would take Type for type.
type object map[string]json.RawMessage

const guid = `[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`

// attribute is one of a CloudEvent, and what this consumer knows of it.
type attribute struct {
	name, want string
	form       *regexp.Regexp
	quoted     bool // in the error, as it cannot be a person
}

// attributes are in the order in which they are checked. What is not known is an error: an
// event that is passed over is a change that is lost.
var attributes = sync.OnceValue(func() []attribute {
	return []attribute{
		{"specversion", "1.0", regexp.MustCompile(`^1\.0$`), true},
		{"type", "rollcall.user.created, updated, deleted, restored or purged", regexp.MustCompile(`^rollcall\.user\.(created|updated|deleted|restored|purged)$`), true},
		{"source", "urn:rollcall:tenant:<guid>", regexp.MustCompile(`^urn:rollcall:tenant:` + guid + `$`), false},
		{"subject", "the id of a user", regexp.MustCompile(`^` + guid + `$`), false},
		// Of a fixed width, so that the order of the texts is that of the numbers.
		{"sequence", "20 digits", regexp.MustCompile(`^[0-9]{20}$`), false},
	}
})

// parse reads an event, out of the messages that it may be in.
func parse(line []byte) (event, error) {
	message, err := unwrap(line)
	if err != nil {
		return event{}, err
	}
	text := map[string]string{}
	for _, a := range attributes() {
		value, ok := stringOf(message[a.name])
		if !ok {
			return event{}, fmt.Errorf("%s is not a string, want %s", a.name, a.want)
		}
		if !a.form.MatchString(value) && a.quoted {
			return event{}, fmt.Errorf("%s is %.80q, want %s; a newer consumer may be needed", a.name, value, a.want)
		}
		if !a.form.MatchString(value) {
			return event{}, fmt.Errorf("%s is not %s", a.name, a.want)
		}
		text[a.name] = value
	}
	e := event{source: text["source"], subject: text["subject"], sequence: text["sequence"]}
	var data, user object
	if json.Unmarshal(message["data"], &data) != nil || json.Unmarshal(data["user"], &user) != nil || user == nil {
		return event{}, errors.New("data is not an object with a user; if there is a dataref, the data has to be read there")
	}
	if id, ok := stringOf(user["id"]); !ok || id != e.subject {
		return event{}, errors.New("data.user.id is not the subject")
	}
	if text["type"] != "rollcall.user.deleted" && text["type"] != "rollcall.user.purged" {
		e.user = data["user"]
	}
	return e, nil
}

// unwrap returns the CloudEvent of a message: SQS has it in the body (Body where the API
// shows it), EventBridge in the detail, and a queue behind a rule in both.
func unwrap(line []byte) (object, error) {
	message, err := parseObject(line)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"body", "Body"} {
		if body, ok := stringOf(message[name]); ok {
			if message, err = parseObject([]byte(body)); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			break
		}
	}
	if detail, ok := message["detail"]; ok {
		return parseObject(detail)
	}
	return message, nil
}

func parseObject(text []byte) (object, error) {
	var o object
	if !utf8.Valid(text) || json.Unmarshal(text, &o) != nil || o == nil {
		return nil, errors.New("not a JSON object")
	}
	return o, nil
}

// stringOf returns a string of JSON, false for anything else.
func stringOf(raw json.RawMessage) (string, bool) {
	var s *string
	if json.Unmarshal(raw, &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}
