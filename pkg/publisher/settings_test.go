package publisher_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	rotation "github.com/rollcall-dev/rollcall/pkg/rotation/aws"
	"github.com/rollcall-dev/rollcall/pkg/webhook/aws"
)

func TestEveryFunctionKnowsTheVariablesOfTheSettings(t *testing.T) {
	var names []string
	for _, settings := range []reflect.Type{reflect.TypeFor[publisher.Settings](), reflect.TypeFor[aws.Settings](), reflect.TypeFor[rotation.Settings]()} {
		for field := range settings.Fields() {
			names = append(names, field.Tag.Get("env"))
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff(slices.Compact(names), config.ExtraVariables()); diff != "" {
		t.Error(diff)
	}
}
