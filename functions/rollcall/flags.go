package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/config"
)

// requestFlags choose what is read, and how.
type requestFlags struct {
	Select   string `placeholder:"A,B" help:"Columns, instead of ROLLCALL_SELECT; name? marks one that may be missing."`
	Filter   string `placeholder:"EXPR" help:"OData $$filter, instead of ROLLCALL_FILTER."`
	Parallel string `placeholder:"N" help:"Partitions of the list that are read in parallel, or auto, instead of ROLLCALL_PARALLEL."`
}

func (f requestFlags) overrides() overrides {
	return overrides{
		{"--select", "ROLLCALL_SELECT", f.Select},
		{"--filter", "ROLLCALL_FILTER", f.Filter},
		{"--parallel", "ROLLCALL_PARALLEL", f.Parallel},
	}
}

// overrides are flags that replace environment variables, so that one validation
// serves both. A flag that was not given has the value "".
type overrides []struct{ flag, variable, value string }

// environ puts the flags that were given into an environment.
func (o overrides) environ(environ []string) []string {
	values := map[string]string{}
	for _, each := range o {
		if each.value != "" {
			values[each.variable] = each.value
		}
	}
	return setenv(environ, values)
}

// named renames the variables in a configuration error to the flags that set them.
func (o overrides) named(err error) error {
	var invalid *config.Error
	if !errors.As(err, &invalid) {
		return err
	}
	renamed := &config.Error{Problems: slices.Clone(invalid.Problems)}
	for i, problem := range renamed.Problems {
		for _, each := range o {
			if each.value != "" && each.variable == problem.Variable {
				renamed.Problems[i].Variable = each.flag
			}
		}
	}
	return renamed
}

// setenv returns environ with values in place of the variables of the same name.
func setenv(environ []string, values map[string]string) []string {
	merged := make([]string, 0, len(environ)+len(values))
	for name, value := range values {
		merged = append(merged, name+"="+value)
	}
	slices.Sort(merged)
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if _, replaced := values[name]; !replaced {
			merged = append(merged, entry)
		}
	}
	return merged
}

// lookup returns the value of a variable, "" if it is not set.
func lookup(environ []string, name string) string {
	for _, entry := range environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}
