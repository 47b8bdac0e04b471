package rotation

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// The steps of a rotation.
const (
	Create = "createSecret"
	Set    = "setSecret"
	Test   = "testSecret"
	Finish = "finishSecret"
)

// Event is what Secrets Manager invokes a rotation function with.
type Event struct {
	// Step is one of the steps.
	Step string
	// Secret is the ARN of the secret.
	Secret string
	// Version is the id of the version that the rotation makes: the ClientRequestToken.
	Version string
	// Token shows that a request comes of this rotation. Secrets Manager asks for it where a
	// role is assumed or the secret is another account's.
	Token secret.Text
}

// Decode reads an event: a JSON object with Step, SecretId, ClientRequestToken and, perhaps,
// RotationToken. Names are matched byte for byte, and none of these may come twice. Other
// members are left to what Secrets Manager may send one day. The error is a Request.Invalid
// that quotes nothing of the event.
func Decode(text []byte) (Event, error) {
	members := map[string]string{}
	err := secret.Object(text, func(name string, value jsontext.Value) error { return addMember(members, name, value) })
	if err != nil {
		return Event{}, refuse("it " + err.Error())
	}
	e := Event{Step: step(members["Step"]), Secret: members["SecretId"], Version: members["ClientRequestToken"], Token: secret.NewText(members["RotationToken"])}
	_, notARN := Region(e.Secret)
	switch {
	case members["Step"] == "" && e.Secret == "" && e.Version == "":
		return Event{}, refuse("it has no Step, SecretId and ClientRequestToken")
	case e.Step == "":
		return Event{}, refuse("its Step is none of createSecret, setSecret, testSecret and finishSecret")
	case notARN != nil:
		return Event{}, refuse("its SecretId is not the ARN of a secret of Secrets Manager")
	case !isVersion(e.Version):
		return Event{}, refuse("its ClientRequestToken is not the id of a version")
	case len(e.Token.Reveal()) > maxToken || strings.ContainsFunc(e.Token.Reveal(), func(c rune) bool { return c <= ' ' || c > '~' }):
		return Event{}, refuse("its RotationToken is not one")
	}
	return e, nil
}

func refuse(why string) error {
	return failure.InvalidRequest("the event is not one by which Secrets Manager rotates a secret: " + why)
}

// maxToken is how long a RotationToken may be: 256 characters, by the API of Secrets Manager.
const maxToken = 256

// addMember keeps the text of a member that is known. Its kind is looked at first.
func addMember(members map[string]string, name string, value jsontext.Value) error {
	switch name {
	case "Step", "SecretId", "ClientRequestToken", "RotationToken":
	default:
		return nil
	}
	if _, twice := members[name]; twice {
		return errors.New("has " + name + " twice")
	}
	if name == "RotationToken" && value.Kind() == 'n' {
		members[name] = ""
		return nil
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if value.Kind() != '"' || err != nil {
		return errors.New("has a " + name + " that is not a text")
	}
	members[name] = string(text)
	return nil
}

// step returns a step as Secrets Manager sends it, "" for none. Its documentation also
// writes create_secret.
func step(text string) string {
	switch text {
	case Create, "create_secret":
		return Create
	case Set, "set_secret":
		return Set
	case Test, "test_secret":
		return Test
	case Finish, "finish_secret":
		return Finish
	}
	return ""
}

var errARN = errors.New("it is not the ARN of a secret of Secrets Manager")

const (
	small   = "abcdefghijklmnopqrstuvwxyz"
	letters = small + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	// named is what the name of a secret and the id of a version are made of.
	named = letters + digits + "/_+=.@-"
)

// only reports whether a text has one to most characters, all of them of a set.
func only(text, set string, most int) bool {
	return text != "" && len(text) <= most && strings.Trim(text, set) == ""
}

// Region returns the region in the ARN of a secret,
// arn:<partition>:secretsmanager:<region>:<account>:secret:<name>, or an error if that is
// something else. It becomes a part of a host.
func Region(arn string) (string, error) {
	p := strings.SplitN(arn, ":", 7)
	if len(p) != 7 || p[0] != "arn" || !strings.HasPrefix(p[1], "aws") || !only(p[1], small+"-", 20) || p[2] != "secretsmanager" ||
		!only(p[3], small+digits+"-", 32) || len(p[4]) != 12 || !only(p[4], digits, 12) || p[5] != "secret" || !only(p[6], named, 519) {
		return "", errARN
	}
	return p[3], nil
}

// isVersion reports whether a text can be the id of a version: 32 to 64 characters, by the
// API of Secrets Manager, most often a UUID.
func isVersion(text string) bool {
	return len(text) >= 32 && only(text, named, 64)
}

// isFor reports whether the event is for the secret of that ARN, which may lack the hyphen
// and the six characters that Secrets Manager ends one with; "" is any.
func (e Event) isFor(arn string) bool {
	if arn == "" || e.Secret == arn {
		return true
	}
	rest, ok := strings.CutPrefix(e.Secret, arn+"-")
	return ok && len(rest) == 6 && only(rest, letters+digits, 6)
}
