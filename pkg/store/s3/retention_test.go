package s3_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/s3"
)

func TestOnlyWhatMayExpireIsTagged(t *testing.T) {
	for tags, want := range map[bool]string{true: "rollcall=expendable", false: ""} {
		d := newDouble()
		s := open(t, d, s3.Config{Tags: tags})
		version, err := store.Expendable{Swapper: s}.Swap(t.Context(), "checkpoint", []byte("one"), "")
		if err == nil {
			_, err = s.Swap(t.Context(), "checkpoint", []byte("two"), version)
		}
		if err == nil {
			_, err = s.Swap(t.Context(), "latest", []byte("one"), "")
		}
		if err != nil {
			t.Fatal(err)
		}
		sent := d.Requests("PutObject")
		for i, want := range []string{want, "", ""} {
			if got := sent[i].Header.Get("X-Amz-Tagging"); got != want {
				t.Errorf("with tags %t, swap %d has %q, want %q", tags, i, got, want)
			}
		}
	}
}
