package publisher_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
)

func TestEveryFunctionKnowsTheVariablesOfTheSettings(t *testing.T) {
	var names []string
	for field := range reflect.TypeFor[publisher.Settings]().Fields() {
		names = append(names, field.Tag.Get("env"))
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, config.ExtraVariables()); diff != "" {
		t.Error(diff)
	}
}
