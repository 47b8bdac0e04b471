package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// prints renders a value in every way that a log or a careless line might.
func prints(t *testing.T, value any) string {
	t.Helper()
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%t"} {
		fmt.Fprintf(&b, verb+"\n", value)
		fmt.Fprintf(&b, verb+"\n", &value)
		fmt.Fprintf(&b, verb+"\n", struct{ hidden any }{value})
		fmt.Fprintf(&b, verb+"\n", []any{value})
		fmt.Fprintf(&b, verb+"\n", map[string]any{"key": value})
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("text", "value", value, "group", slog.GroupValue(slog.Any("inner", value)))
	slog.New(slog.NewJSONHandler(&b, nil)).Info("json", "value", value)
	if text, err := json.Marshal(map[string]any{"value": value}); err == nil {
		b.Write(text)
	}
	if text, err := xml.Marshal(value); err == nil {
		b.Write(text)
	}
	return b.String()
}

func TestATextCannotBePrinted(t *testing.T) {
	text := secret.NewText(canary)
	type holder struct {
		Open   secret.Text
		hidden secret.Text
		nested *secret.Text
	}
	for _, value := range []any{
		text, &text,
		holder{text, text, &text},
		&holder{text, text, &text},
		[]secret.Text{text},
		map[string]secret.Text{"s": text},
		[1]*secret.Text{&text},
	} {
		printed := prints(t, value)
		mustNotContain(t, printed, canary, url.QueryEscape(canary), fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary),
			strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]"))
	}
	if printed := fmt.Sprintf("%v %+v %#v %s %q %x", text, text, text, text, text, text); printed != strings.TrimSpace(strings.Repeat("[redacted] ", 6)) {
		t.Errorf("printed as %s", printed)
	}
	if marshalled, err := json.Marshal(text); err != nil || string(marshalled) != `"[redacted]"` {
		t.Errorf("marshalled as %s, %v", marshalled, err)
	}
	if text.Reveal() != canary || !text.Equal(secret.NewText(canary)) || text.Equal(secret.Text{}) || text.IsZero() || !(secret.Text{}).IsZero() {
		t.Error("the text is lost")
	}
}
