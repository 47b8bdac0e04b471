package credential

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// malformed says what is wrong with a secret's content, without any of that content.
func malformed(problem, advice string) error {
	return &secret.Error{Kind: secret.Malformed, Problem: problem, Advice: advice}
}

const secretForm = `the secret is a JSON object such as {"TenantID":"...","ClientID":"...","ClientSecret":"..."}`

// found is a value of the secret, and the name under which it stands there.
type found struct {
	name, value string
	odd         bool // it is not a text
}

// fields are the known fields of the secret.
type fields struct {
	values map[string]found
	// authorities are URLs of login hosts.
	authorities []found
	// warnings say what is wrong with fields that are not needed.
	warnings []string
	// fromEnvironment says that they are variables, not members of a secret.
	fromEnvironment bool
	// ends is when the place that keeps the secret says that it ends.
	ends time.Time
	// content is the whole secret, for its names alone.
	content []byte
	words   *vocabulary
}

func newFields(content []byte) *fields {
	return &fields{values: map[string]found{}, content: content, words: newVocabulary()}
}

// parse reads the secret's JSON. Names are matched by a [vocabulary]; values lose the
// white space around them, since a trailing newline is the commonest accident and
// Entra issues no secret that has any. Fields of other names are ignored. Its
// errors carry no value, nor a decoder's text, which would quote one; they list names.
func parse(content []byte) (*fields, error) {
	f := newFields(secret.UTF8(content))
	err := secret.Object(f.content, f.member)
	var instead secret.ObjectError
	switch {
	case errors.As(err, &instead):
		return nil, malformed("the secret "+instead.Error()+f.has(), secretForm)
	case err != nil:
		return nil, err
	}
	return f, nil
}

// has ends a sentence with the names that the secret has.
func (f *fields) has() string { return f.words.has(f.content) }

// member takes a member of the secret's object.
func (f *fields) member(name string, value jsontext.Value) error {
	field := f.words.field(name)
	text, isText := textOf(value)
	switch {
	case field == "" || isEmpty(value, text, isText):
		return nil
	case isText:
		return f.add(field, name, text)
	case field == authority:
		return nil
	case field == keyID || field == expiresAt:
		f.warn(field + " is not a text and is ignored")
		return nil
	case field != tenantID && field != clientID && field != clientSecret:
		f.values[field] = found{visible(name), "", true} // a way that may not be taken
		return nil
	}
	return malformed("the secret's "+field+" is not a text"+f.has(), "write it as a JSON string")
}

// add takes a field's value. A field that is needed may have one value only.
func (f *fields) add(field, name, value string) error {
	this := found{visible(name), value, false}
	if field == authority {
		f.authorities = append(f.authorities, this)
		return nil
	}
	earlier, twice := f.values[field]
	switch {
	case !twice:
		f.values[field] = this
	case same(field, earlier.value, value):
	case field == keyID || field == expiresAt:
		f.warn("there are two different values for " + field + ", in " + earlier.name + " and " + this.name + "; the first is taken")
	default:
		return malformed("the secret has two different values for "+field+", in "+earlier.name+" and "+this.name, "keep one of them and remove the other")
	}
	return nil
}

// same reports whether two values of a field mean the same. Ids have no case.
func same(field, a, b string) bool {
	return a == b || (field == tenantID || field == clientID) && strings.EqualFold(a, b)
}

func (f *fields) warn(text string) { f.warnings = append(f.warnings, text) }

// textOf returns the text of a JSON string, or of the member "value" of an object: the
// form of `terraform output -json`. White space around it does not count.
func textOf(value jsontext.Value) (string, bool) {
	switch value.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, value)
		return strings.TrimSpace(string(text)), err == nil
	case '{':
		dec := jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowDuplicateNames(true))
		if _, err := dec.ReadToken(); err != nil {
			return "", false
		}
		for dec.PeekKind() == '"' {
			name, err := dec.ReadToken()
			if err != nil {
				return "", false
			}
			wanted := name.String() == "value"
			member, err := dec.ReadValue()
			switch {
			case err != nil:
				return "", false
			case wanted && member.Kind() == '"':
				return textOf(member)
			}
		}
	}
	return "", false
}

// isEmpty reports whether a member is as good as absent.
func isEmpty(value jsontext.Value, text string, isText bool) bool {
	if isText {
		return text == ""
	}
	compact := value.Clone()
	_ = compact.Compact()
	switch string(compact) {
	case "null", "false", "[]", "{}":
		return true
	}
	return false
}
