package telemetry

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// maxText bounds a text in a record, in bytes, so that a body logged by mistake
// is not logged whole.
const maxText = 32 << 10

const redacted = "[redacted]"

// scrub replaces what looks like a secret, a token or a person in a text. An
// expression is compiled when a text first contains what it cannot match without:
// most cold starts compile none.
func scrub(text string) string {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + " [cut]"
	}
	if lower := strings.ToLower(text); slices.ContainsFunc(stems(), func(stem string) bool { return strings.Contains(lower, stem) }) {
		text = named().ReplaceAllString(text, "${1}${2}${3}${4}"+redacted)
	}
	if strings.Contains(text, "eyJ") || strings.Contains(text, "RFNwdA") || strings.Contains(text, "earer ") {
		text = tokens().ReplaceAllString(text, "${1}"+redacted)
	}
	if strings.Contains(text, "Q~") {
		text = secrets().ReplaceAllString(text, redacted)
	}
	if strings.Contains(text, "@") || strings.Contains(text, "%40") {
		text = people().ReplaceAllString(text, redacted)
	}
	return text
}

// stems are what each name of a secret contains.
func stems() []string {
	return []string{"secret", "token", "password", "assertion", "authorization", "cookie"}
}

// named finds the values of form fields, headers and JSON members that carry
// secrets: client_secret=..., "access_token":"...", $skiptoken=.... A quoted value
// ends at its quote, a header's at the end of the line, any other at the next
// separator. Quotes may be escaped.
var named = sync.OnceValue(func() *regexp.Regexp {
	const is = `["'\\]* *(?:=|:|%3d)[ \[]*`
	return regexp.MustCompile(`(?is)((?:authorization|cookie)` + is + `["'\\]*)[^\r\n"]+|` +
		`((?:client_?secret|client_assertion|access_token|skiptoken|deltatoken|x-amz-security-token|password)` + is + `)` +
		`(?:(["'\\]*")(?:[^"\\]|\\.)+|(["'\\]*')(?:[^'\\]|\\.)+|[^& \t\r\n",;})\]]+)`)
})

// tokens finds JWTs (and anything else that starts like base64url of `{"`), Graph's
// page tokens, which start with base64 of "DSpt", and what follows "Bearer". Short
// ones are left: "keyJobs", "Bearer of".
var tokens = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`eyJ[-\w+/=.%]{17,}|RFNwdA[-\w+/=.%]{2,}|([Bb]earer )[-\w+/=.%~]{4,}`)
})

// secrets finds client secrets as Entra issues them: three characters, a digit,
// "Q~", and some 34 more.
var secrets = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s).{0,3}[0-9]Q~[-\w.~]{28,}`)
})

// people finds mail addresses and user principal names, of the characters that
// Entra allows, with letters beyond ASCII, also where they are percent-encoded. The
// domain has two labels or more, the last of two letters or more.
var people = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[-\w'.!#^~%+\x{80}-\x{10FFFF}]+(?:@|%40)[-.a-zA-Z0-9\x{80}-\x{10FFFF}]+\.(?:[-a-zA-Z\x{80}-\x{10FFFF}]{2,}|[\x{80}-\x{10FFFF}])`)
})
