package guid_test

import (
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/guid"
)

func TestOnlyTheUsualFormIsAGUID(t *testing.T) {
	const plain = "7c0de5e1-1a57-4ace-8c0b-0123456789ab"
	for text, want := range map[string]bool{
		plain: true, strings.ToUpper(plain): true, "00000000-0000-0000-0000-000000000000": true,
		"": false, "{" + plain + "}": false, "urn:uuid:" + plain: false, strings.ReplaceAll(plain, "-", ""): false,
		plain[:35]: false, plain[:35] + "g": false, plain + " ": false, strings.Replace(plain, "-", "0", 1): false,
		"7c0de5e11a57-4ace-8c0b-0123456789ab-": false, "７" + plain[3:]: false,
	} {
		if got := guid.Valid(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
