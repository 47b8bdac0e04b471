// Package iam holds the requests of a function or a state machine to what its role in
// template.yaml allows.
//
// moto compares the action and the resource of a request with the policies of the role. What
// it does not look at, a [Gate] before it does: conditions, the policies of buckets and event
// buses, and the permissions that a request takes besides the one it is named for, such as
// those for a key. Where both look, they have to agree.
//
// Sources: the IAM user guide's "Policy evaluation logic" and "IAM JSON policy elements:
// Condition operators"; the Service Authorization Reference for actions and resources.
package iam

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Texts is one text or many, as IAM writes it.
type Texts []string

// UnmarshalJSON reads either.
func (s *Texts) UnmarshalJSON(text []byte) error {
	var one string
	if err := json.Unmarshal(text, &one); err == nil {
		*s = Texts{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(s))
}

// Statement is a statement of a policy.
type Statement struct {
	Sid         string `json:",omitempty"`
	Effect      string
	Action      Texts                       `json:",omitempty"`
	NotAction   Texts                       `json:",omitempty"`
	Resource    Texts                       `json:",omitempty"`
	NotResource Texts                       `json:",omitempty"`
	Condition   map[string]map[string]Texts `json:",omitempty"`
}

// Document is a policy.
type Document struct {
	Version   string
	Statement []Statement
}

// Call is something that somebody wants to do.
type Call struct {
	Action, Resource string
	// Context are the values of the condition keys.
	Context map[string][]string
}

// concerns reports whether a statement is about a call.
func (s Statement) concerns(c Call) (bool, error) {
	if len(s.NotAction)+len(s.NotResource) > 0 {
		return false, fmt.Errorf("a statement has NotAction or NotResource, which this package does not know: %+v", s)
	}
	names := func(patterns Texts, text string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return Matches(pattern, text) })
	}
	if !names(s.Action, c.Action) || !names(s.Resource, c.Resource) {
		return false, nil
	}
	for operator, keys := range s.Condition {
		for key, wanted := range keys {
			holds, err := compare(operator, c.Context[key], wanted)
			if err != nil || !holds {
				return false, err
			}
		}
	}
	return true, nil
}

// compare reports whether a condition holds of the values that a call has for its key.
func compare(operator string, got []string, wanted Texts) (bool, error) {
	operator, all := strings.CutPrefix(operator, "ForAllValues:")
	if operator == "Null" {
		return (len(got) == 0) == (wanted[0] == "true"), nil
	}
	test, negated := operatorOf(operator), false
	if test == nil {
		test, negated = operatorOf(strings.Replace(operator, "Not", "", 1)), true
	}
	if test == nil {
		return false, fmt.Errorf("this package does not know the condition operator %s", operator)
	}
	each := func(value string) bool {
		return slices.ContainsFunc(wanted, func(want string) bool { return test(value, want) }) != negated
	}
	switch {
	case all:
		return !slices.ContainsFunc(got, func(value string) bool { return !each(value) }), nil
	case len(got) == 0:
		return negated, nil
	case len(got) > 1:
		return false, fmt.Errorf("%s compares one value, and there are %q", operator, got)
	}
	return each(got[0]), nil
}

// operatorOf returns what a condition operator compares by, nil if there is no such one here.
func operatorOf(name string) func(got, want string) bool {
	switch name {
	case "StringEquals", "Bool":
		return func(got, want string) bool { return got == want }
	case "StringLike", "ArnEquals", "ArnLike": // the latter two are the same
		return func(got, want string) bool { return Matches(want, got) }
	case "NumericLessThan":
		return func(got, want string) bool { return number(got) < number(want) }
	case "NumericLessThanEquals":
		return func(got, want string) bool { return number(got) <= number(want) }
	}
	return nil
}

func number(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err) // of the template, or of this package
	}
	return n
}

// Matches reports whether a text is what a pattern of IAM stands for, in which * is any
// characters.
func Matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	rest, found := strings.CutPrefix(text, parts[0])
	if len(parts) == 1 {
		return found && rest == ""
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		if !found {
			return false
		}
		_, rest, found = strings.Cut(rest, part)
	}
	return found && strings.HasSuffix(rest, last)
}
