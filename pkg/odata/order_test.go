package odata_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/odata"
)

func TestAnOrderIsParsedAndWrittenBack(t *testing.T) {
	for given, want := range map[string]string{
		"displayName": "displayName", "displayName asc": "displayName", "displayName DESC, mail": "displayName desc,mail",
	} {
		o, err := odata.ParseOrder(given)
		if err != nil || o.String() != want {
			t.Errorf("%s: %v, %v", given, o, err)
		}
	}
	for _, given := range []string{"", "displayName up", "displayName,", ",a", "a/b", "a desc desc", "1", "a;b", "$count"} {
		if o, err := odata.ParseOrder(given); err == nil {
			t.Errorf("%q was parsed as %v", given, o)
		}
	}
}

func FuzzAnOrderIsReadBackAsItself(f *testing.F) {
	for _, order := range []string{"displayName", "displayName desc, mail asc", "a,b,c", "a desc desc", ",", "a/b", "\u212a", "a\x00"} {
		f.Add(order)
	}
	f.Fuzz(func(t *testing.T, text string) {
		order, err := odata.ParseOrder(text)
		if err != nil {
			return
		}
		again, err := odata.ParseOrder(order.String())
		if err != nil || again.String() != order.String() || len(again.Properties()) != len(order.Properties()) {
			t.Errorf("%q is written as %q, which is read as %v, %v", text, order, again, err)
		}
	})
}
