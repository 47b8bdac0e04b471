package guid_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
)

func TestUnmixUndoesMix(t *testing.T) {
	for x := uint64(1); x != 0; x <<= 1 {
		for _, y := range []uint64{x, x - 1, ^x, x * 0x9e3779b97f4a7c15} {
			if guid.Unmix(guid.Mix(y)) != y {
				t.Fatalf("%x", y)
			}
		}
	}
}
