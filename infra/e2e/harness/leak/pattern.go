package leak

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
)

// shape finds secrets by what they look like, whether or not somebody has named them.
type shape struct {
	kind    string
	stem    string // no match without it
	pattern *regexp.Regexp
	is      func(string) bool
}

func shapes() []shape {
	return []shape{
		{"JSON Web Token", "eyJ", regexp.MustCompile(`eyJ[-\w]+\.[-\w]+\.[-\w]+`), isToken},
		{"private key", "PRIVATE KEY-----", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[-\w+/]{16,}`), nil},
		{"client secret of Entra", "Q~", regexp.MustCompile(`[-\w.~]{3}[0-9]Q~[-\w.~]{31,}`), nil},
		{"page token of Graph", "RFNwdA", regexp.MustCompile(`RFNwdA[-\w]{16,}`), nil},
		{"shared access signature", "sig=", regexp.MustCompile(`[?&]sig=[A-Za-z0-9%/+]{43,}`), nil},
		{"access key of AWS", "AKIA", regexp.MustCompile(`\bAKIA[A-Z2-7]{16}\b`), nil},
	}
}

// isToken reports whether the first part of a text names the algorithm of a signature.
func isToken(text string) bool {
	head, _, _ := strings.Cut(text, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(head)
	var fields struct {
		Algorithm string `json:"alg"`
	}
	return err == nil && json.Unmarshal(decoded, &fields) == nil && fields.Algorithm != ""
}
