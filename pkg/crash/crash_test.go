package crash_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/crash"
)

func breakOff(work func()) (err error) {
	defer crash.Recover(&err)
	work()
	return nil
}

func indexOf(list []int, i int) int { return list[i] }

func TestAPanicBecomesAnErrorThatSaysWhereAndNotWithWhat(t *testing.T) {
	for name, c := range map[string]struct {
		work func()
		want string
	}{
		"a text":           {func() { panic("kim@contoso.com") }, "with a string"},
		"an error":         {func() { panic(errors.New("kim@contoso.com")) }, "with a *errors.errorString"},
		"an index":         {func() { indexOf([]int{1}, 3) }, "indexOf"},
		"a nil map":        {func() { writeTo(nil) }, "nil map"},
		"a type assertion": {func() { _ = any("kim").(int) }, "interface conversion"},
	} {
		err := breakOff(c.work)
		var e *crash.Error
		if !errors.As(err, &e) || e.Name() != "Internal.Error" || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "crash_test.") {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if all := fmt.Sprint(err, e.LogValue()); strings.Contains(all, "kim") {
			t.Errorf("%s: %s", name, all)
		}
		if stack := fmt.Sprint(e.LogValue()); !strings.Contains(stack, "crash_test.go") || !strings.Contains(e.Stack(), "breakOff") {
			t.Errorf("%s: no stack in %s", name, stack)
		}
	}
	if err := breakOff(func() {}); err != nil {
		t.Errorf("without a panic: %v", err)
	}
}

func TestTheStackOfARunawayRecursionIsBounded(t *testing.T) {
	var deep func(n int)
	deep = func(n int) {
		if n == 0 {
			panic("deep")
		}
		deep(n - 1)
	}
	var e *crash.Error
	if err := breakOff(func() { deep(10_000) }); !errors.As(err, &e) || len(e.Stack()) > 16<<10 {
		t.Errorf("%d bytes of %v", len(e.Stack()), err)
	}
}

// writeTo hides from the linter that the map is nil.
func writeTo(m map[string]int) { m["kim"] = 1 }
