package main

import (
	"errors"
	"slices"

	"github.com/rollcall-dev/rollcall/pkg/config"
)

// requestFlags say what is read, and how.
type requestFlags struct {
	Select   string `placeholder:"A,B" help:"Columns, instead of ROLLCALL_SELECT; name? marks one that may be missing."`
	Filter   string `placeholder:"EXPR" help:"OData $$filter, instead of ROLLCALL_FILTER."`
	Parallel string `placeholder:"N" help:"Ranges of the list that are read side by side, instead of ROLLCALL_PARALLEL."`
}

func (f requestFlags) standIns() standIns {
	return standIns{
		{"--select", "ROLLCALL_SELECT", f.Select},
		{"--filter", "ROLLCALL_FILTER", f.Filter},
		{"--parallel", "ROLLCALL_PARALLEL", f.Parallel},
	}
}

// standIn is a flag in the place of a variable, so that one validation serves
// both. Its value is "" when the flag was not given.
type standIn struct{ flag, variable, value string }

type standIns []standIn

// overrides are the variables that flags stand for.
func (s standIns) overrides() map[string]string {
	overrides := map[string]string{}
	for _, in := range s {
		if in.value != "" {
			overrides[in.variable] = in.value
		}
	}
	return overrides
}

// inFlags tells problems of an override by the flag that it came from.
func (s standIns) inFlags(err error) error {
	var invalid *config.Error
	if !errors.As(err, &invalid) {
		return err
	}
	told := &config.Error{Problems: slices.Clone(invalid.Problems)}
	for i, problem := range told.Problems {
		for _, in := range s {
			if in.value != "" && in.variable == problem.Variable {
				told.Problems[i].Variable = in.flag
			}
		}
	}
	return told
}
