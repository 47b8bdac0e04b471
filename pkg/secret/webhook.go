package secret

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/signature"
)

// Webhook is what webhooks are trusted by, and what those that this project calls trust.
// Of each kind the current one comes first, and the next one, while it is rotated,
// second; a kind that is not used has none.
type Webhook struct {
	// ClientStates are what Graph sends with each notification.
	ClientStates []Text
	// HookKeys are those that hooks which start a job are signed with.
	HookKeys []signature.Key
	// SinkKeys are those that messages to https destinations are signed with.
	SinkKeys []signature.Key
}

// The lengths of a client state: Graph takes no longer one, and a shorter one can be
// guessed.
const (
	minClientState = 16
	maxClientState = 128
)

// ParseWebhook reads the secret of ROLLCALL_WEBHOOK_SECRET, a JSON object with the
// members ClientState, HookKey and SinkKey, each optional and each with a ...Next while
// it is rotated. Upper and lower case of names do not matter, nor does white space around
// values; an empty member is as good as none, and members of other names are ignored. The
// error is an *[Error], which names the member and never quotes the secret.
func ParseWebhook(text []byte) (*Webhook, error) {
	texts, err := webhookMembers(UTF8(text))
	if err != nil {
		return nil, err
	}
	w := new(Webhook)
	if w.ClientStates, err = currentAndNext(texts, "ClientState", parseClientState); err != nil {
		return nil, err
	}
	if w.HookKeys, err = currentAndNext(texts, "HookKey", signature.ParseKey); err != nil {
		return nil, err
	}
	if w.SinkKeys, err = currentAndNext(texts, "SinkKey", signature.ParseKey); err != nil {
		return nil, err
	}
	return w, nil
}

// webhookMembers returns the texts of the members that are known, by name.
func webhookMembers(text []byte) (map[string]string, error) {
	if len(text) > maxSize {
		return nil, malformedWebhook("is larger than 64 KiB", webhookForm)
	}
	texts := map[string]string{}
	err := Object(text, func(name string, value jsontext.Value) error {
		if known := webhookMember(name); known != "" {
			return addText(texts, known, value)
		}
		return nil
	})
	var instead ObjectError
	switch {
	case err == nil:
		return texts, nil
	case !errors.As(err, &instead):
		return nil, err
	case instead != More:
		instead = "is not a JSON object"
	}
	return nil, malformedWebhook(instead.Error(), webhookForm)
}

// webhookMember returns the known name that name means, "" for none.
func webhookMember(name string) string {
	for _, known := range []string{"ClientState", "ClientStateNext", "HookKey", "HookKeyNext", "SinkKey", "SinkKeyNext"} {
		if strings.EqualFold(name, known) {
			return known
		}
	}
	return ""
}

// addText adds the text of a member. Its kind is looked at first. Of two values nobody
// could say which one the writer meant.
func addText(texts map[string]string, name string, value jsontext.Value) error {
	if value.Kind() == 'n' {
		return nil
	}
	unquoted, err := jsontext.AppendUnquote(nil, value)
	if value.Kind() != '"' || err != nil {
		return malformedMember(name, "is not a text", "write it as a JSON string")
	}
	text := strings.TrimSpace(string(unquoted))
	switch earlier := texts[name]; {
	case text == "" || text == earlier:
	case earlier != "":
		return malformedMember(name, "is there twice, with different values", "keep one of them")
	default:
		texts[name] = text
	}
	return nil
}

// currentAndNext parses the values of a name, the current one first. The errors of parse say what
// is wrong and, after a semicolon, what to do.
func currentAndNext[T any](texts map[string]string, name string, parse func(text string) (T, error)) ([]T, error) {
	next := name + "Next"
	if texts[name] == "" && texts[next] != "" {
		return nil, malformedWebhook("has a "+next+" without a "+name, "name the one in use "+name)
	}
	var values []T
	for _, member := range []string{name, next} {
		if texts[member] == "" {
			continue
		}
		value, err := parse(texts[member])
		if err != nil {
			problem, advice, _ := strings.Cut(err.Error(), "; ")
			return nil, malformedMember(member, "cannot be used: "+problem, advice)
		}
		values = append(values, value)
	}
	return values, nil
}

func parseClientState(text string) (Text, error) {
	wrong := len(text) < minClientState || len(text) > maxClientState ||
		strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
	if wrong {
		return Text{}, errors.New("a client state is 16 to 128 printable ASCII characters without a space; make one with `openssl rand -hex 32`")
	}
	return NewText(text), nil
}

const webhookForm = `write {"ClientState":"...","HookKey":"whsec_...","SinkKey":"whsec_..."}, or those of them that are needed`

// malformedMember says what is wrong with a member, without any of it.
func malformedMember(name, problem, advice string) error {
	return &Error{Kind: Malformed, Problem: "the member " + name + " of the secret of ROLLCALL_WEBHOOK_SECRET " + problem, Advice: advice}
}

// malformedWebhook says what is wrong with the whole.
func malformedWebhook(problem, advice string) error {
	return &Error{Kind: Malformed, Problem: "the secret of ROLLCALL_WEBHOOK_SECRET " + problem, Advice: advice}
}
