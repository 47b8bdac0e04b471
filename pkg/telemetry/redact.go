package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// redactAttr is slog's ReplaceAttr: it sees the message and every attribute, in
// groups too, with LogValuers resolved. own renames slog's own attributes.
func redactAttr(own func(slog.Attr) slog.Attr) func([]string, slog.Attr) slog.Attr {
	return func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 {
			switch {
			case a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime:
				return own(a)
			case a.Key == slog.LevelKey && a.Value.Kind() == slog.KindAny:
				if level, ok := a.Value.Any().(slog.Level); ok {
					return slog.String(slog.LevelKey, levelName(level))
				}
			case a.Key == slog.MessageKey && a.Value.Kind() == slog.KindString:
				return own(slog.String(slog.MessageKey, scrub(a.Value.String())))
			}
		}
		hide := isSensitive(a.Key)
		for _, group := range groups {
			hide = hide || isSensitive(group)
		}
		a.Value = redactValue(a.Value, hide)
		return a
	}
}

// redactValue leaves numbers, truth values and times alone, also under a sensitive
// key: "tokens=3" and "secretExpires=..." reveal nothing.
func redactValue(v slog.Value, hide bool) slog.Value {
	switch v.Kind() {
	case slog.KindString:
		if hide {
			return slog.StringValue(redacted)
		}
		return slog.StringValue(scrub(v.String()))
	case slog.KindAny:
		if hide {
			return slog.StringValue(redacted)
		}
		return redactAny(v.Any())
	}
	return v
}

// redactAny makes a value that holds only what may be written. A value whose
// methods panic is written as its type.
func redactAny(v any) (out slog.Value) {
	defer func() {
		if recover() != nil {
			out = slog.StringValue(fmt.Sprintf("[unprintable %T]", v))
		}
	}()
	switch v := v.(type) {
	case nil:
		return slog.AnyValue(nil)
	case interface{ Reveal() string }:
		return slog.StringValue(redacted)
	case error:
		return redactError(v)
	case []byte:
		return slog.StringValue("[" + strconv.Itoa(len(v)) + " bytes]")
	case json.RawMessage:
		return slog.StringValue("[" + strconv.Itoa(len(v)) + " bytes]")
	case json.Marshaler:
	case fmt.Stringer:
		return slog.StringValue(scrub(v.String()))
	}
	return redactTree(v)
}

// redactError logs an error by its slog.LogValuer, or that of an error it wraps, and
// otherwise by its scrubbed text.
func redactError(err error) slog.Value {
	var valuer slog.LogValuer
	if errors.As(err, &valuer) {
		value := valuer.LogValue().Resolve()
		switch value.Kind() {
		case slog.KindGroup:
			return value // slog hands its members to redactAttr
		case slog.KindString:
			return slog.StringValue(scrub(value.String()))
		case slog.KindAny:
			if wrapped, ok := value.Any().(error); ok {
				return slog.StringValue(scrub(wrapped.Error()))
			}
			return redactAny(value.Any())
		}
		return value
	}
	return slog.StringValue(scrub(err.Error()))
}

// redactTree walks maps, slices and structs by way of their JSON form, which is
// also what they would be written as. What has none (functions, cycles) is
// written as its type.
func redactTree(v any) slog.Value {
	text, err := json.Marshal(v)
	if err != nil {
		return slog.StringValue(fmt.Sprintf("[unprintable %T]", v))
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var tree any
	if dec.Decode(&tree) != nil {
		return slog.StringValue(fmt.Sprintf("[unprintable %T]", v))
	}
	return slog.AnyValue(walk(tree))
}

func walk(node any) any {
	switch node := node.(type) {
	case string:
		return scrub(node)
	case []any:
		for i := range node {
			node[i] = walk(node[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(node))
		for key, value := range node {
			if isSensitive(key) {
				clean[scrub(key)] = hidden(value)
			} else {
				clean[scrub(key)] = walk(value)
			}
		}
		return clean
	}
	return node
}

// hidden keeps what redactValue would keep under a sensitive key.
func hidden(value any) any {
	switch value.(type) {
	case nil, bool, json.Number:
		return value
	}
	return redacted
}

// isSensitive reports whether a key names a secret, a token or a person. Case and
// the characters "_", "-" and "." are ignored.
func isSensitive(key string) bool {
	key = strings.Map(func(r rune) rune {
		switch {
		case r == '_' || r == '-' || r == '.':
			return -1
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, key)
	for _, word := range []string{
		"authorization", "token", "secret", "password", "passwd", "assertion", "cookie", "apikey", "privatekey",
		"displayname", "userprincipalname", "givenname", "surname", "mail", "phone",
	} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return key == "upn"
}
